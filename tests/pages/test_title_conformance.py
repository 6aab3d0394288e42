"""The titles of pages that the HTML standard's tests are made of."""

from __future__ import annotations

from collections import Counter

import pytest
from bs4 import BeautifulSoup

from page_parser import TitleTreeBuilder
from page_text import PageText
from page_title import document_title, read_title
from pages.title_cases import TitleCase, load_title_cases

CASES = load_title_cases()
# A case that the app misses would be named here with its reason, and still count: none does.
KNOWN_MISSES: dict[str, str] = {}


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_title_is_what_the_standard_says(case: TitleCase) -> None:
    hit = document_title(case.body, case.content_type) == case.title

    assert hit != (case.name in KNOWN_MISSES)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_title_is_the_same_from_single_bytes_and_from_a_whole_parse(case: TitleCase) -> None:
    single_bytes = [case.body[position : position + 1] for position in range(len(case.body))]
    text = PageText([case.body], case.content_type)
    whole = BeautifulSoup("", builder=TitleTreeBuilder(text, whole=True)).title if text.is_final else None

    assert read_title(single_bytes, case.content_type) == document_title(case.body, case.content_type)
    if whole is not None:
        assert document_title(whole.encode(), "text/html; charset=utf-8") == case.title


def test_cases_are_many_and_every_rule_has_three() -> None:
    rules = Counter(case.rule for case in CASES)

    assert len(CASES) >= 150
    assert min(rules.values()) >= 3
    assert len(rules) >= 20
    assert len({case.name for case in CASES}) == len(CASES)
    assert all(case.source for case in CASES)


def test_at_least_98_of_100_cases_are_met() -> None:
    met = sum(document_title(case.body, case.content_type) == case.title for case in CASES)

    assert met / len(CASES) >= 0.98
    assert len(CASES) - met == len(KNOWN_MISSES)
