"""The app's titles beside those of a real Chromium: ``tox run -e browser``.

Called by: pytest, by this file's name; it is no ``test_*.py``, so the default run, which needs no browser, passes by.
Calls: ``chromium_titles`` once for each set of pages.
Invariant: the expected title is the standard's; where Chromium differs, a case carries both, and both are checked.
"""

from __future__ import annotations

import os
import re

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from browser.chromium_titles import ServedPage, chromium_titles
from page_title import document_title
from pages.title_cases import load_title_cases
from properties.page_strategies import BuiltPage, built_pages, free_pages

UTF8 = "text/html; charset=utf-8"
PAGES = int(os.environ.get("BROWSER_PAGES", "300"))


def generated(strategy: st.SearchStrategy[object]) -> list[object]:
    """Draw as many different pages as are asked for."""
    pages: list[object] = []

    @settings(
        max_examples=PAGES,
        phases=[Phase.generate],
        database=None,
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )
    @given(strategy)
    def draw(page: object) -> None:
        pages.append(page)

    draw()
    return pages


def without_controls(title: str) -> str:
    """Show controls as Chromium does: as spaces. The standard keeps them."""
    return re.sub(" +", " ", re.sub("[\x01-\x08\x0e-\x1f\x7f]", " ", title)).strip(" ")


def test_chromium_shows_the_expected_title_of_every_case() -> None:
    cases = load_title_cases()

    shown = chromium_titles([ServedPage(body=case.body, content_type=case.content_type) for case in cases])

    expected = {case.name: case.title if case.chromium is None else case.chromium for case in cases}
    assert dict(zip(expected, shown, strict=True)) == expected


def test_case_carries_two_titles_only_where_chromium_differs() -> None:
    assert [case.name for case in load_title_cases() if case.chromium == case.title] == []


def test_chromium_shows_the_title_that_a_page_was_built_around() -> None:
    pages = [page for page in generated(built_pages()) if isinstance(page, BuiltPage) and page.content_type]

    shown = chromium_titles([ServedPage(body=page.body, content_type=page.content_type or "") for page in pages])

    wrong = [
        (page, title)
        for page, title in zip(pages, shown, strict=True)
        if without_controls(title) != without_controls(page.title)
    ]
    assert len(shown) == len(pages) > PAGES // 4
    assert wrong == []


def test_chromium_shows_the_apps_title_of_free_form_pages() -> None:
    pages = [str(page).encode() for page in generated(free_pages())]

    shown = chromium_titles([ServedPage(body=page, content_type=UTF8) for page in pages])

    wrong = [
        (page, title)
        for page, title in zip(pages, shown, strict=True)
        if without_controls(title) != without_controls(document_title(page, UTF8))
    ]
    assert len(shown) == len(pages) >= PAGES // 2
    assert wrong == []
