"""Readers of control queues: one for each partition that this process owns.

The task hub's partition listener: begins, drains and ends the reading of a queue as its lease comes and goes.
Invariant: a queue is read, and its messages are kept, only between being acquired and being drained or lost.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from durable_host.dispatch.orchestrations import OrchestrationDispatcher
from durable_host.dispatch.reading import read_on
from durable_host.task_hub.hub.hub import TaskHub
from durable_host.task_hub.queues.poller import Poller

__all__ = ["ControlReaders"]

_log = logging.getLogger("Host.Triggers.DurableTask")


class ControlReaders:
    """All readers of this process."""

    def __init__(self, hub: TaskHub, dispatcher: OrchestrationDispatcher) -> None:
        self._hub, self._dispatcher = hub, dispatcher
        self._readers: dict[int, tuple[Poller, asyncio.Task[None]]] = {}
        self._background: set[asyncio.Task[Any]] = set()

    def partition_acquired(self, index: int) -> None:
        """Begin to receive from this control queue."""
        if index in self._readers:
            return
        poller = self._hub.poller(self._hub.control_queue(index), self._dispatcher)
        task = asyncio.create_task(self._read(index, poller), name=f"control queue {index}")
        self._readers[index] = poller, task

    async def drain_partition(self, index: int) -> None:
        """Receive no more from it, and return when nothing of it is in flight."""
        await self._stop_reading(index)
        await self._dispatcher.drain(index)

    def partition_lost(self, index: int) -> None:
        """Receive no more from it; whoever owns it now gets at once what waits here."""
        if index in self._readers:
            self._readers[index][0].stop()
        task = asyncio.create_task(self._let_go(index), name=f"lost partition {index}")
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def stop(self) -> None:
        """Receive no more from any queue."""
        await asyncio.gather(*(self._stop_reading(index) for index in list(self._readers)), *self._background)

    async def _let_go(self, index: int) -> None:
        await self._stop_reading(index)
        await self._dispatcher.give_up_partition(index)

    async def _stop_reading(self, index: int) -> None:
        poller, task = self._readers.pop(index, (None, None))
        if poller is not None and task is not None:
            poller.stop()
            await asyncio.wait([task])

    async def _read(self, index: int, poller: Poller) -> None:
        """Read until the poller is stopped. Where that cannot be done, the partition is given up, so that another host
        can try."""
        if await read_on(self._dispatcher.receive_for_ever, poller, f"The control queue of partition {index}"):
            return
        _log.critical(
            "Partition %d cannot be read here and is given up for now; another host may take it. The lines above say "
            "what is wrong.",
            index,
        )
        self._hub.partitions.resign(index)
