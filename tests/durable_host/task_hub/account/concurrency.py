"""Many storage requests at once, but not all: the rest wait here rather than in the connection pool.

A checkpoint of thousands of messages must not push renewals of leases and messages to the end of a long line.
Invariant: when it returns, or raises an error of what it does, nothing that it began is still under way.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

__all__ = ["AT_A_TIME", "for_each"]

AT_A_TIME: Final = 12
"""Half of the connections that storage has, so that there always is one for somebody else."""

Item = TypeVar("Item")


async def for_each(items: Iterable[Item], act: Callable[[Item], Awaitable[object]], *, limit: int = AT_A_TIME) -> None:
    """Do something for every item, so many at a time, in their order. After an error nothing new is begun; the first
    error is raised once what had begun has ended."""
    waiting = deque(items)
    if len(waiting) == 1:
        await act(waiting[0])
        return

    async def work() -> None:
        while waiting:
            try:
                await act(waiting.popleft())
            except BaseException:
                waiting.clear()
                raise

    outcomes = await asyncio.gather(*(work() for _ in range(min(limit, len(waiting)))), return_exceptions=True)
    for outcome in outcomes:
        if outcome is not None:
            raise outcome
