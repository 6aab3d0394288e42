"""Outcomes as values, as records in history, and as the text of the final answer."""

from __future__ import annotations

import json

import pytest

from title_outcome import MAX_TITLE_LENGTH, NoTitle, PageTitle, TitleOutcome, found_title, read_record, summary

FAILED = NoTitle(code="http_404", reason="the site answered 404 Not Found")


@pytest.mark.parametrize("outcome", [PageTitle(title="Größe & ✓"), FAILED])
def test_outcome_survives_the_way_through_history(outcome: TitleOutcome) -> None:
    assert read_record(json.loads(json.dumps(outcome.to_record()))) == outcome


def test_fan_in_keeps_the_order_of_the_urls_and_shows_failures_in_their_place() -> None:
    records = [PageTitle(title="A").to_record(), FAILED.to_record(), PageTitle(title="C").to_record()]

    text = summary(["https://a", "https://b", "https://c"], records)

    assert text == "A; Error fetching https://b: the site answered 404 Not Found; C"


def test_fan_in_reads_the_bare_titles_of_an_instance_started_by_the_first_form_of_the_app() -> None:
    assert summary(["https://a", "https://b"], ["A", "B"]) == "A; B"


def test_fan_in_never_pairs_titles_with_the_wrong_urls() -> None:
    with pytest.raises(ValueError, match="zip"):
        summary(["https://a", "https://b"], [{"title": "A"}])


@pytest.mark.parametrize("record", [None, {}, {"title": 5}, {"code": "timeout"}, ["A"]])
def test_a_record_of_another_shape_is_an_error(record: object) -> None:
    with pytest.raises(ValueError, match="neither a title nor a reason"):
        read_record(record)


def test_an_empty_title_is_no_title() -> None:
    assert found_title("") == NoTitle(code="no_title", reason="the page has no title")


def test_a_long_title_is_cut_visibly() -> None:
    assert found_title("x" * MAX_TITLE_LENGTH) == PageTitle(title="x" * MAX_TITLE_LENGTH)
    assert found_title("x" * (MAX_TITLE_LENGTH + 1)) == PageTitle(title="x" * (MAX_TITLE_LENGTH - 1) + "…")
