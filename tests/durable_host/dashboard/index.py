"""The instances of a hub in memory, in brief: the table has no order by time, and a list of the newest needs one.

One scan of the table fills it, and the rows that were written since keep it up to date.
Invariant: what was purged elsewhere leaves with the next scan of the whole table, which nobody waits for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from durable_engine import NEVER, TICKS_PER_SECOND, Ticks
from durable_host.task_hub.hub.client import TaskHubClient
from durable_host.task_hub.tables.instance_summaries import InstanceSummary

__all__ = ["InstanceIndex"]

_FRESH_SECONDS: Final = 0.5
"""What was read so lately is not read again: two open tabs cost no more than one."""
_OVERLAP: Final[Ticks] = 2 * TICKS_PER_SECOND
"""Rows of so long before the newest one are read again: the servers of one table may differ a little."""
_SWEEP_SECONDS: Final = 60.0
_SWEEP_SHARE: Final = 30
"""The whole table is read again after so long, or after so many times what that takes, whichever is longer."""


class InstanceIndex:
    """The instances of one hub. Nothing is read before somebody asks."""

    def __init__(self, client: TaskHubClient) -> None:
        self._client = client
        self._found: dict[str, InstanceSummary] = {}
        self._ordered: Sequence[InstanceSummary] | None = None
        self._newest_change = NEVER
        self._reading: asyncio.Task[None] | None = None
        self._sweeping: asyncio.Task[None] | None = None
        self._read_at = self._swept_at = 0.0
        self._sweep_took = 0.0
        self.is_complete = False
        """Whether the first scan has come to its end."""

    @property
    def newest_first(self) -> Sequence[InstanceSummary]:
        """All instances that are known, by the time of their creation."""
        if self._ordered is None:
            self._ordered = sorted(self._found.values(), key=lambda one: (-one.created_at, one.instance_id))
        return self._ordered

    def get(self, instance_id: str) -> InstanceSummary | None:
        """What is known of one instance."""
        return self._found.get(instance_id)

    def forget(self, instance_id: str) -> None:
        """Take out what was found to be gone."""
        if self._found.pop(instance_id, None) is not None:
            self._ordered = None

    async def refresh(self, *, patience: float) -> None:
        """Read what has changed. A first scan that takes longer than ``patience`` seconds goes on by itself."""
        if not self.is_complete:
            task = self._sweeping = self._sweeping or asyncio.create_task(self._sweep())
            await _settled(task, patience)
            if task.done():
                self._sweeping = None
                task.result()
            return
        if self._reading is None and time.monotonic() - self._read_at > _FRESH_SECONDS:
            self._reading = asyncio.create_task(self._read_changes())
        if self._reading is not None:
            task = self._reading
            await _settled(task, patience)
            if task.done():
                self._reading = None
                task.result()
        self._sweep_again()

    async def stop(self) -> None:
        """End what is being read."""
        tasks = [task for task in (self._reading, self._sweeping) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _read_changes(self) -> None:
        async for page in self._client.summaries(since=self._newest_change - _OVERLAP):
            self._take(page)
        self._read_at = time.monotonic()

    async def _sweep(self) -> None:
        """Read the whole table; what is known, was not found and has not just been written, is gone."""
        began, before = time.monotonic(), self._newest_change
        seen: set[str] = set()
        async for page in self._client.summaries():
            self._take(page)
            seen.update(one.instance_id for one in page)
        gone = [
            one.instance_id
            for one in self._found.values()
            if one.instance_id not in seen and one.changed_at < before - _OVERLAP
        ]
        for instance_id in gone:
            self.forget(instance_id)
        self.is_complete = True
        self._read_at = self._swept_at = time.monotonic()
        self._sweep_took = self._swept_at - began

    def _sweep_again(self) -> None:
        if self._sweeping is not None and self._sweeping.done():
            task, self._sweeping = self._sweeping, None
            task.result()
        due = max(_SWEEP_SECONDS, _SWEEP_SHARE * self._sweep_took)
        if self._sweeping is None and time.monotonic() - self._swept_at > due:
            self._sweeping = asyncio.create_task(self._sweep())

    def _take(self, page: Sequence[InstanceSummary]) -> None:
        for one in page:
            if self._found.get(one.instance_id) != one:
                self._found[one.instance_id] = one
                self._ordered = None
            self._newest_change = max(self._newest_change, one.changed_at)


async def _settled(task: asyncio.Task[None], seconds: float) -> None:
    await asyncio.wait([task], timeout=seconds)
