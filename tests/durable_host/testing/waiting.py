"""Waiting until something is so: in a thread, and in an event loop.

Invariant: every wait has an end, and one in vain fails with what it waited for. Nothing sleeps for a fixed time.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable

__all__ = ["soon", "wait_until"]


def wait_until(
    holds: Callable[[], object], what: str | Callable[[], str], *, seconds: float = 30.0, poll_seconds: float = 0.02
) -> None:
    """Poll until something is so.

    Args:
        holds: Says whether it is so.
        what: What is waited for; a callable is asked when the wait was in vain, so that it can tell what is so instead.
        seconds: How long to wait.
        poll_seconds: The pause between two looks.

    Raises:
        TimeoutError: It was not so in time.
    """
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Waited {seconds:g} s in vain until {what if isinstance(what, str) else what()}.")
        time.sleep(poll_seconds)


async def soon(holds: Callable[[], object | Awaitable[object]], what: str, seconds: float = 10.0) -> None:
    """The same in an event loop; ``holds`` may be a coroutine function."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        found = holds()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return
        if asyncio.get_running_loop().time() > deadline:
            raise TimeoutError(f"Waited {seconds:g} s in vain until {what}.")
        await asyncio.sleep(0.005)
