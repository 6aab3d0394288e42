"""Instants as ticks, and their texts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable_engine.model.ticks import (
    NEVER,
    TICKS_PER_SECOND,
    ticks_from_datetime,
    ticks_from_text,
    ticks_to_datetime,
    ticks_to_full_text,
    ticks_to_seconds_text,
    ticks_to_text,
)

LAST = ticks_from_text("9999-12-31T23:59:59.9999999Z")
every_instant = st.integers(NEVER, LAST)


@given(every_instant)
def test_instant_survives_both_of_its_texts_to_the_last_tick(ticks: int) -> None:
    assert ticks_from_text(ticks_to_text(ticks)) == ticks
    assert ticks_from_text(ticks_to_full_text(ticks)) == ticks
    assert ticks_from_text(ticks_to_seconds_text(ticks)) == ticks - ticks % TICKS_PER_SECOND


@given(every_instant)
def test_datetime_loses_less_than_a_microsecond(ticks: int) -> None:
    assert ticks_from_datetime(ticks_to_datetime(ticks)) == ticks - ticks % 10


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)), st.integers(-14 * 60, 14 * 60))
def test_datetime_of_any_zone_is_the_same_instant(naive: datetime, minutes: int) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))

    assert ticks_to_datetime(ticks_from_datetime(moment)) == moment
    assert ticks_from_text(moment.isoformat()) == ticks_from_datetime(moment)


@given(every_instant, every_instant)
def test_full_texts_sort_as_their_instants_do(one: int, other: int) -> None:
    assert (ticks_to_full_text(one) < ticks_to_full_text(other)) == (one < other)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2026-11-23T10:46:15.3001369Z", "2026-11-23T10:46:15.3001369Z"),
        ("2026-11-23T10:46:15.3000000Z", "2026-11-23T10:46:15.3Z"),
        ("2026-11-23T10:46:15.000000Z", "2026-11-23T10:46:15Z"),
        ("2026-11-23T12:46:15.3+02:00", "2026-11-23T10:46:15.3Z"),
        ("2026-11-23T04:16:15-0630", "2026-11-23T10:46:15Z"),
        ("2026-11-23 10:46:15", "2026-11-23T10:46:15Z"),
        ("2026-11-23T10:46:15.123456789Z", "2026-11-23T10:46:15.1234567Z"),
        ("0001-01-01T00:00:00", "0001-01-01T00:00:00Z"),
    ],
)
def test_text_is_read_as_dotnet_writes_it_and_written_with_zeros_cut(text: str, written: str) -> None:
    assert ticks_to_text(ticks_from_text(text)) == written


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-11-23",
        "2026-11-23T10:46Z",
        "2026-11-23T10:46:15.Z",
        "10:46:15",
        "\u0662026-11-23T10:46:15Z",
    ],
)
def test_text_that_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an ISO 8601 instant"):
        ticks_from_text(text)


@pytest.mark.parametrize("text", ["2026-11-23T25:00:00Z", "2026-11-23T10:60:00Z", "2026-11-23T10:46:60Z"])
def test_text_of_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be in"):
        ticks_from_text(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_instant_that_is_in_utc_before_the_first_year_or_after_the_last_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not within the years 1 to 9999"):
        ticks_from_text(text)
    with pytest.raises(ValueError, match="not within the years 1 to 9999"):
        ticks_from_datetime(datetime.fromisoformat(text))


def test_naive_datetime_is_taken_as_utc() -> None:
    assert ticks_from_datetime(datetime(2026, 1, 1)) == ticks_from_datetime(datetime(2026, 1, 1, tzinfo=UTC))
