"""When a page is asked for again, and after how long.

Role: tell the failures that pass by themselves from those that stay, and choose a wait.
Called by: ``page_fetch``, after a failed attempt.
Calls: nothing but the wall clock, for a ``Retry-After`` that names a date.
Invariant: no wait is shorter than what the site asks for, and none longer than ``longest_seconds``: a site that asks
for more is not called again by this fetch.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

PASSING_CODES = frozenset({"http_429", "http_502", "http_503", "http_504", "connection_failed", "connection_broken"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often and how patiently; waits double from the first on, and are spread so that fetches do not march."""

    most: int = 3
    first_seconds: float = 0.5
    longest_seconds: float = 10.0
    sleep: Callable[[float], None] = time.sleep
    spread: Callable[[], float] = random.random
    """A number from 0 to 1 for each wait."""

    def wait_before(self, attempt: int, code: str, retry_after: float | None) -> float | None:
        """Return the seconds to wait after an attempt (the first is 1), or None if it was the last."""
        if code not in PASSING_CODES or attempt > self.most:
            return None
        wait = self.first_seconds * 2 ** (attempt - 1) * (1 + self.spread()) / 2
        if retry_after is not None:
            wait = retry_after + wait / 4
        return wait if wait <= self.longest_seconds else None


def seconds_asked_for(retry_after: str | None) -> float | None:
    """Read a ``Retry-After`` header: seconds, or a date; what is neither asks for nothing."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
