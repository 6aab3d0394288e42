"""Instants as the Durable extension keeps them: whole ticks of 100 nanoseconds, UTC.

The one representation of time in the engine, and its three texts (JSON, Azure tables, Python datetime).
Invariant: a text that is read and written again is the same instant to the last tick, which ``datetime`` cannot hold.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

__all__ = [
    "NEVER",
    "TICKS_PER_MICROSECOND",
    "TICKS_PER_SECOND",
    "Ticks",
    "ticks_from_datetime",
    "ticks_from_text",
    "ticks_to_datetime",
    "ticks_to_full_text",
    "ticks_to_seconds_text",
    "ticks_to_text",
]

Ticks = int
"""100-nanosecond steps since 1970-01-01T00:00:00Z."""

TICKS_PER_SECOND = 10_000_000
TICKS_PER_MICROSECOND = 10

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TEXT = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?\Z", re.ASCII)

NEVER: Ticks = -62_135_596_800 * TICKS_PER_SECOND
"""0001-01-01T00:00:00, which .NET writes for an instant that was never set."""
_LAST: Ticks = 253_402_300_800 * TICKS_PER_SECOND - 1  # the end of the year 9999


def ticks_from_datetime(moment: datetime) -> Ticks:
    """Ticks of a datetime; a naive one is taken as UTC. ValueError if in UTC it is before year 1 or after year 9999."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    delta = moment - _EPOCH
    seconds = delta.days * 86_400 + delta.seconds
    return _checked(seconds * TICKS_PER_SECOND + delta.microseconds * TICKS_PER_MICROSECOND, str(moment))


def ticks_to_datetime(ticks: Ticks) -> datetime:
    """The datetime of an instant, cut to microseconds."""
    seconds, rest = divmod(ticks, TICKS_PER_SECOND)
    days, seconds = divmod(seconds, 86_400)
    return datetime.fromordinal(_EPOCH.toordinal() + days).replace(
        hour=seconds // 3600, minute=seconds // 60 % 60, second=seconds % 60, microsecond=rest // 10, tzinfo=UTC
    )


@lru_cache(maxsize=4096)
def ticks_from_text(text: str) -> Ticks:
    """Ticks of an ISO 8601 text with 0 to 9 fraction digits; without an offset it is UTC."""
    match = _TEXT.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not an ISO 8601 instant such as 2026-01-01T00:00:00.1234567Z.")
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    clock = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second))  # it refuses an hour 25
    seconds = (clock.toordinal() - _EPOCH.toordinal()) * 86_400 + int(hour) * 3600 + int(minute) * 60 + int(second)
    if offset and offset != "Z":
        sign = -1 if offset[0] == "+" else 1
        seconds += sign * (int(offset[1:3]) * 3600 + int(offset[-2:]) * 60)
    return _checked(seconds * TICKS_PER_SECOND + int((fraction or "")[:7].ljust(7, "0")), text)


def _checked(ticks: Ticks, text: str) -> Ticks:
    if not NEVER <= ticks <= _LAST:
        raise ValueError(f"{text!r} is in UTC not within the years 1 to 9999, which are all that .NET has.")
    return ticks


def ticks_to_full_text(ticks: Ticks) -> str:
    """``2026-01-01T00:00:00.1000000Z``: always seven digits, as tables and .NET's format "o" have it."""
    seconds, rest = divmod(ticks, TICKS_PER_SECOND)
    return f"{_second_text(seconds)}.{rest:07d}Z"


@lru_cache(maxsize=4096)
def ticks_to_text(ticks: Ticks) -> str:
    """``2026-01-01T00:00:00.1Z``: trailing zeros cut, as the host writes JSON."""
    seconds, rest = divmod(ticks, TICKS_PER_SECOND)
    if not rest:
        return f"{_second_text(seconds)}Z"
    return f"{_second_text(seconds)}.{rest:07d}".rstrip("0") + "Z"


def ticks_to_seconds_text(ticks: Ticks) -> str:
    """``2026-01-01T00:00:00Z``: the whole second, as the management API shows times."""
    return f"{_second_text(ticks // TICKS_PER_SECOND)}Z"


@lru_cache(maxsize=1024)
def _second_text(seconds: int) -> str:
    days, seconds = divmod(seconds, 86_400)
    date = datetime.fromordinal(_EPOCH.toordinal() + days)
    return f"{date:%Y-%m-%d}T{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}".rjust(19, "0")
