"""Times as host.json and schedules write them: ``hh:mm:ss``, with days in front and a fraction behind where need be.

Invariant: what is no such time gives None; a caller says what was expected.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["seconds_of"]

_TIMESPAN: Final = re.compile(r"(?:(\d{1,5})\.)?([01]?\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,7}))?\Z", re.ASCII)


def seconds_of(text: str) -> float | None:
    """The seconds of a time, None if it is none."""
    match = _TIMESPAN.match(text.strip())
    if match is None:
        return None
    days, hours, minutes, seconds, fraction = match.groups()
    whole = int(days or 0) * 86_400 + int(hours) * 3600 + int(minutes) * 60 + int(seconds)
    return whole + int((fraction or "0").ljust(7, "0")) / 10_000_000
