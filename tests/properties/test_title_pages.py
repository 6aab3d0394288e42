"""What holds for the title of every page."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from page_title import LOOKS, SITE_SUFFIX, article_title, document_title, read_title
from properties.page_strategies import BuiltPage, built_pages, chunkings, content_types, free_bytes, shown, titles
from title_outcome import MAX_TITLE_LENGTH, NoTitle, PageTitle, found_title


@given(built_pages())
def test_title_is_the_one_that_the_page_was_built_around(page: BuiltPage) -> None:
    assert document_title(page.body, page.content_type) == page.title


@given(st.data(), built_pages())
def test_title_does_not_depend_on_the_borders_of_chunks(data: st.DataObject, page: BuiltPage) -> None:
    assert read_title(data.draw(chunkings(page.body)), page.content_type) == page.title


@given(built_pages())
def test_no_more_is_read_than_the_look_that_makes_a_title_certain(page: BuiltPage) -> None:
    read: list[int] = []

    def chunks() -> Iterator[bytes]:
        for position in range(len(page.body)):
            read.append(position)
            yield page.body[position : position + 1]

    read_title(chunks(), page.content_type)

    if page.content_type and "charset" in page.content_type:
        # The first look that ends behind the title; one character on, so that its end tag is seen to be one.
        assert len(read) <= next(size for size in LOOKS if size > page.title_end)
    assert len(read) <= len(page.body)


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
