"""When timers fire: the expressions that NCRONTAB has, and the texts in which the real host lists them (recorded)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from durable_host.triggers.schedule import NEVER, ScheduleError, is_frequent, parse_schedule

NOON = datetime(2026, 3, 28, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "listed", "following"),
    [
        ("*/20 * * * * *", "Cron: '0,20,40 * * * * *'", NOON + timedelta(seconds=20)),
        ("*/1 * * * *", "Cron: '* * * * *'", NOON + timedelta(minutes=1)),
        ("0 0 3 * * *", "Cron: '0 0 3 * * *'", datetime(2026, 3, 29, 3, tzinfo=UTC)),
        ("0 30 9-17 * * 1-5", "Cron: '0 30 9-17 * * 1-5'", datetime(2026, 3, 30, 9, 30, tzinfo=UTC)),
        # The day of the month and the day of the week must both fit: the next Friday that is a 13th.
        ("0 0 0 13 * 5", "Cron: '0 0 0 13 * 5'", datetime(2026, 11, 13, tzinfo=UTC)),
        ("0 0 0 30 2 *", "Cron: '0 0 0 30 2 *'", NEVER),
        ("00:00:25", "Constant: 00:00:25", NOON + timedelta(seconds=25)),
    ],
)
def test_an_expression_is_listed_and_followed_as_the_real_host_does(
    expression: str, listed: str, following: datetime
) -> None:
    schedule = parse_schedule(expression, {"TZ": "UTC"})

    assert (schedule.text, schedule.after(NOON)) == (listed, following)


def test_after_never_comes_never() -> None:
    assert parse_schedule("0 * * * * *", {}).after(NEVER) == NEVER


def test_a_time_zone_keeps_to_the_clock_on_the_wall_when_summer_begins() -> None:
    schedule = parse_schedule("0 0 9 * * *", {"WEBSITE_TIME_ZONE": "Europe/Berlin"})

    first = schedule.after(datetime(2026, 3, 27, 12, tzinfo=UTC))
    second = schedule.after(first)

    assert [first, second] == [datetime(2026, 3, 28, 8, tzinfo=UTC), datetime(2026, 3, 29, 7, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("expression", "frequent"), [("*/5 * * * * *", True), ("0 * * * * *", False), ("00:00:25", True)]
)
def test_a_timer_below_a_minute_keeps_no_status(expression: str, frequent: bool) -> None:
    assert is_frequent(parse_schedule(expression, {"TZ": "UTC"}), NOON) is frequent


@pytest.mark.parametrize("expression", ["not a schedule", "* * *", "61 * * * * *", ""])
def test_what_is_no_schedule_is_refused_in_the_real_host_s_words(expression: str) -> None:
    with pytest.raises(ScheduleError, match="was not recognized as a valid cron expression or timespan string"):
        parse_schedule(expression, {})


def test_an_unknown_time_zone_says_what_one_looks_like() -> None:
    with pytest.raises(ScheduleError, match="'Mars/Olympus' of WEBSITE_TIME_ZONE is not known: give a name such as"):
        parse_schedule("0 * * * * *", {"WEBSITE_TIME_ZONE": "Mars/Olympus"})
