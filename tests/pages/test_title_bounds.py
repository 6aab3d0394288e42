"""What a page may cost: pages made to take hours end in seconds."""

from __future__ import annotations

import itertools
import time

import pytest

from page_title import read_title
from title_outcome import NoTitle

UTF8 = "text/html; charset=utf-8"
SIZE = 2 * 1024 * 1024
MOST_SECONDS = 10.0
"""Of this thread's own processor time: six at most on a busy machine."""


def filled(piece: str, start: str = "") -> bytes:
    return (start + piece * ((SIZE - len(start)) // len(piece))).encode()


def numbered(template: str, start: str = "") -> bytes:
    parts, size = [start], len(start)
    for number in itertools.count():
        if size >= SIZE:
            break
        parts.append(template.format(number))
        size += len(parts[-1])
    return "".join(parts).encode()


PAGES = {
    "attributes": numbered(" a{}", "<p"),
    "attributes of one meta": numbered(" a{}", "<meta"),
    "depth": filled("<b>"),
    "depth of svg": filled("<svg>"),
    "depth in svg": filled("<b>", "<svg>"),
    "end tags that fit nothing, in depth": filled("</i>", "<b>" * 43_000),
    "formatting": numbered("<b a={}>"),
    "lists in svg": filled("<dl><dt>", "<svg>"),
    "metas": filled("<meta charset=x>"),
    "titles that are not the page's": filled("<svg><title>a</title></svg>"),
    "titles in depth": filled("<title>a</title>", "<svg>" + "<b>" * 10_000),
}
SLOWEST = {
    "depth",
    "depth in svg",
    "depth of svg",
    "end tags that fit nothing, in depth",
    "lists in svg",
    "metas",
    "titles in depth",
    "titles that are not the page's",
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long if name in SLOWEST else ()) for name in PAGES]
)
def test_page_that_was_made_to_take_hours_ends_in_seconds(name: str) -> None:
    started = time.thread_time()
    found = read_title([PAGES[name]], UTF8)

    assert time.thread_time() - started < MOST_SECONDS
    assert isinstance(found, NoTitle)
    assert found.code == "too_large"


def test_end_tags_in_a_title_that_never_ends_take_no_time() -> None:
    started = time.thread_time()
    found = read_title([filled("</", "<title>")], UTF8)

    assert time.thread_time() - started < MOST_SECONDS
    assert isinstance(found, str)


def test_large_table_as_people_write_them_hides_no_title() -> None:
    body = filled("<tr><td>1<td>two<td><b>3</b></tr>\n", "<table>")[:250_000] + b"<title>At the end</title>"

    assert read_title([body], UTF8) == "At the end"


@pytest.mark.parametrize("tag", ["rp", "optgroup", "div", "svg", "b", "font", "template", "table"])
def test_depth_of_a_thousand_is_nothing_special(tag: str) -> None:
    page = f"<{tag}>" * 1000 + f"</{tag}>" * 1000 + "<title>Deep down</title>"

    assert read_title([page.encode()], UTF8) == "Deep down"


def test_reference_of_thousands_of_digits_is_read() -> None:
    page = b"<title>&#" + b"1" * 5000 + b";&#" + b"0" * 5000 + b"65;</title>"

    assert read_title([page], UTF8) == "\ufffdA"
