"""The host's one clock and one source of ids.

Everything in ``durable_host`` that needs the time of day or a fresh id asks here.
Invariant: within one process the time only grows, so two events never have the same timestamp.
"""

from __future__ import annotations

import threading
import time
import uuid

from durable_engine import Ticks

__all__ = ["new_guid", "new_id", "now"]

_NANOSECONDS_PER_TICK = 100

_lock = threading.Lock()
_last: Ticks = 0


def now() -> Ticks:
    """The time of day, later than every time given out before."""
    global _last
    with _lock:
        _last = max(time.time_ns() // _NANOSECONDS_PER_TICK, _last + 1)
        return _last


def new_guid() -> str:
    """A random guid with dashes: what execution ids of client starts look like."""
    return str(uuid.uuid4())


def new_id() -> str:
    """A random guid without dashes: what instance ids look like when the client gives none."""
    return uuid.uuid4().hex
