"""Virtual time: it stands still until the harness moves it.

Role: the one clock of an in-memory task hub. Called by: the hub and whoever steps it. Calls nothing; no real clock.
Invariant: time never goes backwards.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from durable_engine.times import TICKS_PER_SECOND, Ticks, from_datetime, to_datetime

__all__ = ["FIRST_MOMENT", "VirtualClock", "to_ticks"]

FIRST_MOMENT: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""When every test begins, unless it says otherwise."""


def to_ticks(duration: timedelta | float) -> Ticks:
    """The ticks of a duration; a number means seconds."""
    if isinstance(duration, timedelta):
        return (duration.days * 86_400 + duration.seconds) * TICKS_PER_SECOND + duration.microseconds * 10
    return round(duration * TICKS_PER_SECOND)


class VirtualClock:
    """The time of one task hub."""

    def __init__(self, start: datetime = FIRST_MOMENT) -> None:
        self.now: Ticks = from_datetime(start)
        """The present moment, in ticks."""

    @property
    def moment(self) -> datetime:
        """The present moment."""
        return to_datetime(self.now)

    def jump_to(self, moment: Ticks) -> None:
        """Move to a moment that is not in the past."""
        if moment < self.now:
            raise ValueError(f"Time cannot go backwards: it is {to_datetime(self.now)}, not yet {to_datetime(moment)}.")
        self.now = moment
