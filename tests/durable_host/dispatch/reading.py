"""Reading on: the reading of a queue that has failed is begun again.

Invariant: reading that fails again and again ends, so that another host can read in its place.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from durable_host.task_hub.queues.poller import Poller

__all__ = ["read_on"]

_TRIES: Final = 5
_PAUSE_SECONDS: Final = 0.05
_log = logging.getLogger("Host.Triggers.DurableTask")


async def read_on(receive: Callable[[Poller], Awaitable[None]], poller: Poller, queue: str) -> bool:
    """Read until the poller is stopped; False where reading failed so often that to begin it again does not help."""
    for failures in range(1, _TRIES + 1):
        try:
            await receive(poller)
        except Exception:
            _log.exception("%s could not be read on, and is read again.", queue)
            await asyncio.sleep(_PAUSE_SECONDS * 2**failures)
        else:
            return True
    return False
