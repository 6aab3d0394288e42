"""Queues, containers and tables that are made when they are first written to.

Invariant: two who find nothing at the same time both get through.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

__all__ = ["made_when_missing"]


async def made_when_missing(write: Callable[[], Awaitable[object]], make: Callable[[], Awaitable[object]]) -> None:
    """Write; where there is nothing to write to, make it and write again."""
    try:
        await write()
    except ResourceNotFoundError:
        with contextlib.suppress(HttpResponseError):  # another was faster: the second write tells
            await make()
        await write()
