"""The partition manager: which control queues this worker reads, agreed upon with all others through one table.

Looks at the leases again and again, writes what ``partition_leases`` plans, and tells the dispatcher.
Invariant: every write has the ETag of the row that was read, and a queue whose lease was lost, or could not be renewed
in time, is given up at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

from azure.core import MatchConditions
from azure.core.exceptions import AzureError, ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import UpdateMode
from azure.data.tables.aio import TableClient

from durable_engine import TICKS_PER_SECOND, Ticks
from durable_host.task_hub.account.refusals import first_line
from durable_host.task_hub.base.options import TaskHubOptions
from durable_host.task_hub.leases.partition_leases import (
    PartitionLease,
    fresh_row,
    plan_pass,
    plan_release,
    read_lease,
    write_lease,
)

__all__ = ["PartitionListener", "PartitionManager", "report_failure"]

MAX_CONFLICTS: Final = 10
"""How often a pass is begun anew at once because another worker wrote a row first."""

_log = logging.getLogger(__name__)


def report_failure(task: asyncio.Task[None]) -> None:
    """Say that a task which was to run until the end has failed; nobody awaits it before that."""
    if not task.cancelled() and task.exception() is not None:
        _log.critical("The %s failed; restart the host.", task.get_name(), exc_info=task.exception())


class PartitionListener(Protocol):
    """Who reads the control queues: the dispatcher."""

    def partition_acquired(self, index: int) -> None:
        """Begin to receive from this control queue."""

    async def drain_partition(self, index: int) -> None:
        """Receive no more from it, and return when nothing of it is in flight."""

    def partition_lost(self, index: int) -> None:
        """It is not ours any more: receive no more from it, and finish nothing that is in flight."""


class PartitionManager:
    """This worker's part in owning the control queues; ``queues`` are their names, by index."""

    def __init__(
        self,
        client: TableClient,
        queues: Sequence[str],
        options: TaskHubOptions,
        *,
        worker_name: str,
        now: Callable[[], Ticks],
    ) -> None:
        self.worker_name = worker_name
        self._client, self._options, self._now = client, options, now
        self._indexes = {queue: index for index, queue in enumerate(queues)}
        self._duration = round(options.lease_seconds * TICKS_PER_SECOND)
        self._expiries: dict[str, Ticks] = {}
        self._resigned: dict[str, Ticks] = {}
        self._complained: set[str] = set()
        self._drains: dict[str, asyncio.Task[None]] = {}
        self._hurry = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._listener: PartitionListener | None = None

    @property
    def owned(self) -> set[int]:
        """The partitions that this worker owns now, those that it is draining included."""
        return {self._indexes[queue] for queue in self._expiries}

    def has_lost(self, index: int) -> bool:
        """Whether a partition is not ours any more, or will not be known to be: its lease has run out."""
        queue = next(queue for queue, number in self._indexes.items() if number == index)
        return self._loop is not None and self._now() >= self._expiries.get(queue, 0)

    def start(self, listener: PartitionListener) -> None:
        """Begin to claim, renew and balance."""
        self._listener = listener
        self._loop = asyncio.create_task(self._run(), name="partition manager")
        self._loop.add_done_callback(report_failure)

    def resign(self, index: int) -> None:
        """Release a partition, and leave it to others for the time of two leases."""
        queue = next(queue for queue, number in self._indexes.items() if number == index)
        self._resigned[queue] = self._now() + 2 * self._duration
        self._hurry.set()

    async def stop(self) -> None:
        """Drain and release all partitions, so that others need not wait for the leases to run out."""
        if self._loop is None:
            return
        self._loop.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._loop
        self._loop = None
        try:
            await self._pass_without_conflicts(is_stopping=True)
            await asyncio.gather(*self._drains.values())
            await self._pass_without_conflicts(is_stopping=True)
        except (AzureError, TimeoutError) as error:
            why = first_line(error)
            _log.warning("The partitions of %s could not be released, and run out instead: %s", self.worker_name, why)
        for queue in list(self._expiries):
            self._give_up(queue)

    async def _run(self) -> None:
        while True:
            pause = self._options.lease_renew_seconds
            try:
                if await self._pass_without_conflicts(is_stopping=False):
                    pause = min(pause, self._options.lease_hurry_seconds)
            except (AzureError, TimeoutError) as error:
                why = first_line(error)
                _log.warning("The partition leases of %s could not be looked after: %s", self.worker_name, why)
                pause = min(pause, self._options.lease_hurry_seconds)
            except Exception:
                # Without this loop no lease would be renewed, and none given up when it runs out.
                _log.exception("The partition leases of %s could not be looked after.", self.worker_name)
            self._give_up_what_ran_out()
            self._hurry.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), pause)

    async def _pass_without_conflicts(self, *, is_stopping: bool) -> bool:
        """One pass; begun anew if another worker wrote first. Returns whether a hand-over is under way."""
        async with asyncio.timeout(2.0 if is_stopping else max(2.0, self._options.lease_seconds / 2)):
            for _ in range(MAX_CONFLICTS):
                try:
                    return await self._pass(is_stopping=is_stopping)
                except (ResourceModifiedError, ResourceNotFoundError):
                    continue
        return True

    async def _pass(self, *, is_stopping: bool) -> bool:
        rows = [row async for row in self._client.list_entities() if row["PartitionKey"] == ""]
        is_made_anew = await self._make_missing({row["RowKey"] for row in rows})
        leases = [self._read(row) for row in rows if row["RowKey"] in self._indexes]
        for lease in leases:
            if lease.current_owner != self.worker_name and lease.queue in self._expiries:
                self._give_up(lease.queue)
        planned = self._plan(leases, is_stopping=is_stopping)
        for old, new in zip(leases, planned, strict=True):
            if new is not old:
                await self._client.update_entity(
                    write_lease(new),
                    mode=UpdateMode.REPLACE,
                    etag=old.etag,
                    match_condition=MatchConditions.IfNotModified,
                )
                self._carry_out(new)
        me = self.worker_name
        return is_made_anew or any(
            lease.next_owner == me or (lease.current_owner == me and lease.next_owner) for lease in planned
        )

    async def _make_missing(self, found: set[str]) -> bool:
        """Make the rows that somebody has deleted: without its row, a queue would be read by nobody."""
        missing = [queue for queue in self._indexes if queue not in found]
        for queue in missing:
            _log.warning("The lease of queue %s is gone, and is made anew.", queue)
            with contextlib.suppress(ResourceExistsError):
                await self._client.create_entity(fresh_row(queue))
        return bool(missing)

    def _plan(self, leases: Sequence[PartitionLease], *, is_stopping: bool) -> list[PartitionLease]:
        now = self._now()
        drained = {queue for queue, drain in self._drains.items() if drain.done()}
        if not is_stopping:
            self._resigned = {queue: until for queue, until in self._resigned.items() if until > now}
            open_ones = [lease for lease in leases if lease.queue not in self._resigned]
            planned = plan_pass(open_ones, me=self.worker_name, now=now, duration=self._duration, drained=drained)
            by_queue = {lease.queue: lease for lease in planned}
            return [by_queue.get(lease.queue) or self._resigned_lease(lease) for lease in leases]
        return [
            plan_release(lease, now=now, duration=self._duration, is_drained=lease.queue in drained)
            if lease.current_owner == self.worker_name
            else lease
            for lease in leases
        ]

    def _resigned_lease(self, lease: PartitionLease) -> PartitionLease:
        return replace(lease, current_owner=None) if lease.current_owner == self.worker_name else lease

    def _read(self, row: Any) -> PartitionLease:
        """The lease of a row. One that cannot be read says nothing of an owner, and so is free."""
        try:
            return read_lease(row)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            queue: str = row["RowKey"]
            if queue not in self._complained:
                self._complained.add(queue)
                _log.warning("The lease of queue %s cannot be read, and is taken for a free one: %s", queue, error)
            return PartitionLease(queue=queue, etag=row.metadata["etag"])

    def _carry_out(self, lease: PartitionLease) -> None:
        """Do what a lease that was just written means for the queue."""
        queue, listener = lease.queue, self._listener
        if lease.current_owner != self.worker_name or listener is None:
            if queue in self._expiries:
                self._give_up(queue)
            return
        is_new = queue not in self._expiries
        self._expiries[queue] = lease.expires_at or 0
        if lease.is_draining:
            if queue not in self._drains:
                self._drains[queue] = asyncio.create_task(self._drain(queue), name=f"drain {queue}")
        elif is_new or self._cancel_drain(queue):
            listener.partition_acquired(self._indexes[queue])

    async def _drain(self, queue: str) -> None:
        if self._listener is None:
            return
        seconds = self._options.drain_seconds
        try:
            async with asyncio.timeout(seconds):
                await self._listener.drain_partition(self._indexes[queue])
        except TimeoutError:
            _log.warning(
                "Queue %s still has work in flight after %s s; it is handed over all the same.", queue, seconds
            )
        self._hurry.set()

    def _give_up_what_ran_out(self) -> None:
        now = self._now()
        for queue in [queue for queue, expires_at in self._expiries.items() if now >= expires_at]:
            _log.warning("The lease of queue %s ran out before it was renewed; it is given up.", queue)
            self._give_up(queue)

    def _give_up(self, queue: str) -> None:
        self._expiries.pop(queue, None)
        self._cancel_drain(queue)
        if self._listener is not None:
            self._listener.partition_lost(self._indexes[queue])

    def _cancel_drain(self, queue: str) -> bool:
        drain = self._drains.pop(queue, None)
        if drain is not None:
            drain.cancel()
        return drain is not None
