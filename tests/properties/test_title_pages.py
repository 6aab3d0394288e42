"""What holds for the title of every page."""

from __future__ import annotations

from collections.abc import Iterator

from bs4 import BeautifulSoup
from hypothesis import example, given
from hypothesis import strategies as st

from page_parser import TitleTreeBuilder
from page_text import PageText
from page_title import SITE_SUFFIX, article_title, document_title, read_title
from properties.page_oracle import lexbor_title
from properties.page_strategies import (
    BuiltPage,
    built_pages,
    chunkings,
    content_types,
    free_bytes,
    free_pages,
    shown,
    titles,
)
from title_outcome import MAX_TITLE_LENGTH, NoTitle, PageTitle, found_title

UTF8 = "text/html; charset=utf-8"


def whole_title(page: str) -> str:
    """Parse a page to its end, whatever was certain before."""
    text = PageText([page.encode()], UTF8)
    title = BeautifulSoup("", builder=TitleTreeBuilder(text, whole=True)).title
    return "" if title is None else shown(title.get_text())


@given(built_pages())
def test_title_is_the_one_that_the_page_was_built_around(page: BuiltPage) -> None:
    assert document_title(page.body, page.content_type) == page.title


@given(st.data(), built_pages())
def test_title_does_not_depend_on_the_borders_of_chunks(data: st.DataObject, page: BuiltPage) -> None:
    assert read_title(data.draw(chunkings(page.body)), page.content_type) == page.title


@given(built_pages())
def test_nothing_is_read_once_a_title_in_head_is_certain(page: BuiltPage) -> None:
    read: list[int] = []

    def chunks() -> Iterator[bytes]:
        for position in range(len(page.body)):
            read.append(position)
            yield page.body[position : position + 1]

    read_title(chunks(), page.content_type)

    if page.is_in_head and page.content_type and "charset" in page.content_type:
        # Four bytes on: a byte order mark, or the character that ends the tag's name, may need a look ahead.
        assert len(read) <= page.title_end + 4
    assert len(read) <= len(page.body)


@given(free_pages())
@example("<table><tr><td><title>A</title></td></tr><title>B</title></table>")
@example("<p><title>A</title><frameset>")
@example("<template><col><xmp></template><title>A</title>")
def test_streaming_finds_what_a_parse_of_the_whole_page_finds(page: str) -> None:
    assert document_title(page.encode(), UTF8) == whole_title(page)


@given(free_pages())
@example("<select><title>A</title></select>")
@example("<math><html></li><title>x")
@example("<svg></p><title>A</title>")
def test_another_parser_finds_the_same_title_in_free_form_pages(page: str) -> None:
    assert document_title(page.encode(), UTF8) == lexbor_title(page)


@given(st.data(), free_bytes(), content_types())
def test_no_bytes_make_it_raise_and_chunks_never_matter(
    data: st.DataObject, body: bytes, content_type: str | None
) -> None:
    title = document_title(body, content_type)

    assert read_title(data.draw(chunkings(body)), content_type) == title
    assert title == shown(title)


@given(titles())
def test_removing_the_sites_name_twice_is_removing_it_once(title: str) -> None:
    article = article_title(title)

    assert article_title(article) == article
    assert article_title(title + SITE_SUFFIX) == article
    assert title.startswith(article)


@given(st.text(max_size=3 * MAX_TITLE_LENGTH))
def test_outcome_keeps_a_title_or_cuts_it_visibly(title: str) -> None:
    outcome = found_title(title)

    if isinstance(outcome, NoTitle):
        assert title == ""
    elif len(title) <= MAX_TITLE_LENGTH:
        assert outcome == PageTitle(title=title)
    else:
        assert len(outcome.title) == MAX_TITLE_LENGTH
        assert outcome.title.endswith("…")
        assert title.startswith(outcome.title[:-1])
