"""Virtual time: it stands still until the harness moves it.

The one clock of an in-memory task hub.
Invariant: time never goes backwards.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from durable_engine import TICKS_PER_SECOND, Ticks, ticks_from_datetime, ticks_to_datetime

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
        self.now: Ticks = ticks_from_datetime(start)
        """The present moment, in ticks."""

    @property
    def moment(self) -> datetime:
        """The present moment."""
        return ticks_to_datetime(self.now)

    def jump_to(self, moment: Ticks) -> None:
        """Move to a moment that is not in the past."""
        if moment < self.now:
            raise ValueError(
                f"Time cannot go backwards: it is {ticks_to_datetime(self.now)}, not yet {ticks_to_datetime(moment)}."
            )
        self.now = moment
