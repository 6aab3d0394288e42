"""When a page is asked for again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from page_retry import PASSING_CODES, Retries, seconds_asked_for

STEADY = Retries(spread=lambda: 1.0)


def test_waits_double_and_end_after_the_last_retry() -> None:
    waits = [STEADY.wait_before(attempt, "http_503", None) for attempt in range(1, 6)]

    assert waits == [0.5, 1.0, 2.0, None, None]


def test_waits_are_spread_over_half_of_their_length() -> None:
    shortest = Retries(spread=lambda: 0.0).wait_before(2, "connection_failed", None)

    assert (shortest, STEADY.wait_before(2, "connection_failed", None)) == (0.5, 1.0)


def test_site_is_never_asked_before_it_said() -> None:
    assert Retries(spread=lambda: 0.0).wait_before(1, "http_429", 5.0) == pytest.approx(5.0625)


def test_site_that_asks_for_longer_than_the_longest_wait_is_not_asked_again() -> None:
    assert STEADY.wait_before(1, "http_429", 10.5) is None


@pytest.mark.parametrize("code", ["http_404", "http_500", "timeout", "too_large", "tls_error", "name_not_found"])
def test_failure_that_stays_is_not_tried_again(code: str) -> None:
    assert code not in PASSING_CODES
    assert STEADY.wait_before(1, code, None) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        (" 7 ", 7),
        ("120", 120),
        ("9" * 30, 999_999_999),
        (None, None),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("\u0663", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(header: str | None, seconds: float | None) -> None:
    assert seconds_asked_for(header) == seconds


def test_retry_after_may_be_a_date() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)

    assert seconds_asked_for(date) == pytest.approx(60, abs=2)
