"""What a page may cost: pages made to take hours end in seconds, and say so."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import pytest

from page_title import document_title, read_title
from title_outcome import NoTitle

UTF8 = "text/html; charset=utf-8"
SIZE = 2 * 1024 * 1024
MOST_SECONDS = 20.0
"""Of this thread's own processor time: about two on the machine that this was written on."""


def filled(piece: str, start: str = "") -> bytes:
    return (start + piece * ((SIZE - len(start)) // len(piece))).encode()


def numbered(template: str, start: str = "") -> bytes:
    pieces = (template.format(number) for number in itertools.count())
    text = start
    parts: list[str] = [start]
    size = len(text)
    while size < SIZE:
        parts.append(next(pieces))
        size += len(parts[-1])
    return "".join(parts).encode()


PAGES = {
    "comment of dashes": filled("-a", "<!--"),
    "attributes": numbered(" a{}", "<p"),
    "end tag in a title": filled("a", "<title></"),
    "formatting": numbered("<b a={}>"),
    "formatting opened again and again": (numbered("<b a={}>", "<div>")[:60_000] + filled("</div><div>x"))[:SIZE],
    "adoption": filled("<a><div>"),
    "foster parents": filled("x<a>", "<table>"),
    "depth of svg": filled("</x>", "<body>" + "<svg>" * 2000),
}


@pytest.mark.parametrize("name", PAGES)
def test_page_that_was_made_to_take_hours_ends_in_seconds(name: str) -> None:
    started = time.thread_time()
    found = read_title([PAGES[name]], UTF8)

    assert time.thread_time() - started < MOST_SECONDS
    assert isinstance(found, NoTitle)
    assert found.code == "too_complex"


def test_large_table_as_people_write_them_is_not_too_complex() -> None:
    body = filled("<tr><td>1<td>two<td><b>3</b></tr>\n", "<table>") + b"<title>At the end</title>"

    assert document_title(body, UTF8) == "At the end"


def test_title_in_head_is_found_whatever_the_rest_would_cost() -> None:
    assert document_title(b"<title>Early</title>" + PAGES["attributes"], UTF8) == "Early"


def test_page_without_end_is_read_until_its_title() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"<title>Endless</title>"
        while True:
            yield b"x" * 1000

    assert read_title(chunks(), UTF8) == "Endless"


@pytest.mark.parametrize("tag", ["rp", "optgroup", "div", "svg", "b", "font", "template", "table"])
def test_depth_of_a_thousand_is_nothing_special(tag: str) -> None:
    page = f"<{tag}>" * 1000 + f"</{tag}>" * 1000 + "<title>Deep down</title>"

    assert document_title(page.encode(), UTF8) == "Deep down"


def test_reference_of_thousands_of_digits_is_read() -> None:
    assert document_title(b"<title>&#" + b"1" * 5000 + b";&#" + b"0" * 5000 + b"65;</title>", UTF8) == "\ufffdA"
