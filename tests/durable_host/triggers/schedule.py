"""When a timer fires: NCRONTAB expressions of five or six fields, or a time span between two runs.

Invariant: an occurrence is later than the moment that was asked from, and comes in UTC.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import CroniterError, croniter

from durable_host.config.times import seconds_of

__all__ = ["NEVER", "Schedule", "ScheduleError", "is_frequent", "parse_schedule"]

NEVER: Final = datetime.max.replace(tzinfo=UTC)
_FIELDS: Final = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_FREQUENT: Final = timedelta(minutes=1)
_LOOKED_AT: Final = 10


class ScheduleError(ValueError):
    """A schedule that is neither a cron expression nor a time span."""


class Schedule(Protocol):
    """A timer's schedule."""

    @property
    def text(self) -> str:
        """How the real host's log writes it."""

    @property
    def adjusts_for_dst(self) -> bool:
        """Whether occurrences keep to the clock on the wall."""

    def after(self, moment: datetime) -> datetime:
        """The first occurrence after a moment; NEVER where there is none."""


class _Constant:
    adjusts_for_dst = False

    def __init__(self, text: str, seconds: float) -> None:
        self.text = f"Constant: {text}"
        self._span = timedelta(seconds=seconds)

    def after(self, moment: datetime) -> datetime:
        return moment + self._span


class _Cron:
    adjusts_for_dst = True

    def __init__(self, expression: str, zone: tzinfo, *, has_seconds: bool) -> None:
        self._expression, self._zone = expression, zone
        lists = croniter.expand(expression, second_at_beginning=True)[0]
        # croniter has the seconds last.
        in_order = [lists[5], *lists[:5]]
        fields = [_field(values, bounds) for values, bounds in zip(in_order, _FIELDS, strict=True)]
        self.text = f"Cron: '{' '.join(fields if has_seconds else fields[1:])}'"

    def after(self, moment: datetime) -> datetime:
        if moment >= NEVER:
            return NEVER
        start = moment.astimezone(self._zone)
        try:
            # NCrontab wants the day of the month and the day of the week both.
            found: datetime = croniter(
                self._expression, start, ret_type=datetime, day_or=False, second_at_beginning=True
            ).get_next()
        except (CroniterError, OverflowError):
            return NEVER
        return found.astimezone(UTC)


def parse_schedule(text: str, environment: Mapping[str, str] = os.environ) -> Schedule:
    """The schedule that a timer's decorator names.

    Raises:
        ScheduleError: The text is neither a cron expression nor a time span.
    """
    seconds = seconds_of(text)
    if seconds:
        return _Constant(text, seconds)
    fields = text.split()
    expression = " ".join(["0", *fields] if len(fields) == 5 else fields)
    zone = _zone(environment)
    try:
        if len(fields) not in (5, 6):
            raise CroniterError
        return _Cron(expression, zone, has_seconds=len(fields) == 6)
    except CroniterError:
        error = ScheduleError(
            f"The schedule expression '{text}' was not recognized as a valid cron expression or timespan string."
        )
        error.add_note(
            "Write six fields, such as '0 */5 * * * *' for every five minutes, or a time, such as '00:00:30'."
        )
        raise error from None


def is_frequent(schedule: Schedule, moment: datetime) -> bool:
    """Whether two of the next occurrences are less than a minute apart: such a timer keeps no status."""
    for _ in range(_LOOKED_AT):
        following = schedule.after(moment)
        if following >= NEVER:
            return False
        if schedule.after(following) - following < _FREQUENT:
            return True
        moment = following
    return False


def _zone(environment: Mapping[str, str]) -> tzinfo:
    name = environment.get("WEBSITE_TIME_ZONE") or environment.get("TZ")
    if not name:
        return datetime.now(UTC).astimezone().tzinfo or UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ScheduleError(
            f"The time zone '{name}' of WEBSITE_TIME_ZONE is not known: give a name such as Europe/Berlin."
        ) from None


def _field(values: Sequence[object], bounds: tuple[int, int]) -> str:
    """One field in NCrontab's own words: ranges where values follow one another."""
    if "*" in values:
        return "*"
    numbers = sorted({int(str(value)) for value in values})
    if numbers == list(range(bounds[0], bounds[1] + 1)):
        return "*"
    groups: list[list[int]] = []
    for number in numbers:
        if groups and number == groups[-1][-1] + 1:
            groups[-1].append(number)
        else:
            groups.append([number])
    return ",".join(str(group[0]) if len(group) == 1 else f"{group[0]}-{group[-1]}" for group in groups)
