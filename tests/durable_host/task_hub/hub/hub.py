"""The task hub: everything that the Durable extension keeps in one storage account under one name.

Opens and creates the hub, owns its queues, tables and leases, and applies checkpoints.
Invariant: a crash between any two steps of a checkpoint loses nothing: messages out, history, instance row, orphaned
blobs removed, and only then (by the dispatcher) its own messages deleted. Whatever was done before a crash is done
again when the episode's messages come back, and does no harm twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Final, Self

from azure.core.exceptions import AzureError, ResourceNotFoundError

from durable_engine import Checkpoint, Message, OrchestrationInstance, TaskScheduled, Ticks
from durable_host import clock
from durable_host.task_hub.account.concurrency import for_each
from durable_host.task_hub.account.large_payloads import LargePayloads
from durable_host.task_hub.account.refusals import first_line
from durable_host.task_hub.account.storage import StorageAccount, full_connection_string
from durable_host.task_hub.base.errors import PartitionLostError, StorageAccountError
from durable_host.task_hub.base.names import HubNames, partition_of
from durable_host.task_hub.base.options import TaskHubOptions
from durable_host.task_hub.hub.creation import HubClients, create_hub
from durable_host.task_hub.hub.earlier_executions import EarlierExecutions
from durable_host.task_hub.hub.fan_out import Before, OnSent, is_large_fan_out, write_while_sending
from durable_host.task_hub.leases.app_lease import AppLease
from durable_host.task_hub.leases.partitions import PartitionListener, PartitionManager, report_failure
from durable_host.task_hub.queues.control_queue import ControlQueue
from durable_host.task_hub.queues.messages import SequenceCounter
from durable_host.task_hub.queues.poller import Poller
from durable_host.task_hub.queues.queue import HubQueue, Reader, SentMessage
from durable_host.task_hub.queues.work_item_queue import WorkItemQueue
from durable_host.task_hub.tables.history_table import HistoryTable, LoadedHistory, WrittenHistory
from durable_host.task_hub.tables.instances_table import InstancesTable

__all__ = ["TaskHub"]

_log = logging.getLogger(__name__)

# One counter for all queues of this process: it orders what is sent within one second.
_sequence: Final = SequenceCounter()


class TaskHub:
    """One task hub. ``async with TaskHub(...)`` opens it, and creates what there is not of it, and closes it."""

    payloads: LargePayloads
    history: HistoryTable
    instances: InstancesTable
    work_items: WorkItemQueue
    control_queues: tuple[ControlQueue, ...]
    partitions: PartitionManager

    def __init__(
        self,
        connection_string: str,
        options: TaskHubOptions,
        *,
        now: Callable[[], Ticks] = clock.now,
        new_guid: Callable[[], str] = clock.new_guid,
    ) -> None:
        self.options, self.now, self.new_guid = options, now, new_guid
        self.names = HubNames(hub=options.hub_name)
        self.worker_name = options.worker_name or f"{socket.gethostname()}-{new_guid()}"
        self._connection_string = full_connection_string(connection_string)
        self.earlier = EarlierExecutions()
        self._account: StorageAccount | None = None
        self._worker: asyncio.Task[None] | None = None
        self._restoring: asyncio.Task[None] | None = None
        self._is_open = False

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Create what there is not of the hub. One that exists keeps its number of partitions."""
        self._account = account = StorageAccount(self._connection_string, self._on_missing)
        try:
            self._app_lease = AppLease(
                account.container(self.names.app_lease_container, is_for_leases=True),
                self.names.app_lease_blob,
                self.options,
            )
            await self._app_lease.create()
            payloads = LargePayloads(account.container(self.names.large_messages_container))
            self._adopt(payloads, await create_hub(account, self.names, self.options))
            self._is_open = True
        except AzureError as error:
            await self.close()
            reason = first_line(error).rstrip(".")
            raise StorageAccountError(
                f"Task hub {self.names.hub!r} cannot be opened: {reason}. Check the storage connection string, and "
                "that the account (or Azurite) can be reached from here."
            ) from error
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Release the partitions, if that has not been done, and close all connections."""
        self._is_open = False
        if self._restoring is not None:
            self._restoring.cancel()
        if self._account is not None:
            await self.stop_partitions()
            await self._account.close()
            self._account = None

    def _on_missing(self, code: str) -> None:
        """A part of the hub was deleted, or its storage was restored, while this host runs."""
        if self._is_open and (self._restoring is None or self._restoring.done()):
            self._restoring = asyncio.create_task(self._restore(code), name="restoring the task hub")

    async def _restore(self, code: str) -> None:
        if self._account is None:
            return
        try:
            await self._app_lease.create()
            options = replace(self.options, partition_count=len(self.control_queues))
            await create_hub(self._account, self.names, options)
        except AzureError as error:
            why = first_line(error)
            _log.warning(
                "Task hub %r has lost a part (%s) that cannot be made again yet: %s", self.names.hub, code, why
            )
            return
        _log.warning(
            "Task hub %r had lost a part (%s): what there was not of it has been created again, empty.",
            self.names.hub,
            code,
        )

    def _adopt(self, payloads: LargePayloads, clients: HubClients) -> None:
        options, now, new_guid = self.options, self.now, self.new_guid
        self.payloads = payloads
        self.history = HistoryTable(clients.history, payloads, now=now, new_guid=new_guid)
        self.instances = InstancesTable(clients.instances, payloads, hub=self.names.hub, new_guid=new_guid)
        self.work_items = WorkItemQueue(
            clients.work_items,
            payloads,
            visibility_seconds=options.work_item_visibility_seconds,
            sequence=_sequence,
            now=now,
            new_guid=new_guid,
        )
        self.control_queues = tuple(
            ControlQueue(
                client,
                payloads,
                visibility_seconds=options.control_visibility_seconds,
                sequence=_sequence,
                now=now,
                new_guid=new_guid,
            )
            for client in clients.control_queues
        )
        queue_names = [queue.name for queue in self.control_queues]
        self.partitions = PartitionManager(
            clients.partitions, queue_names, options, worker_name=self.worker_name, now=now
        )

    def start_partitions(self, listener: PartitionListener) -> None:
        """Begin to own partitions, once the app lease is held; the listener is told of each."""
        self._worker = asyncio.create_task(self._own_partitions(listener), name="task hub partitions")
        self._worker.add_done_callback(_report)
        self._worker.add_done_callback(report_failure)

    async def stop_partitions(self) -> None:
        """Drain and release the partitions. What is in the queues stays there."""
        if self._worker is None:
            return
        self._worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._worker
        self._worker = None
        await self.partitions.stop()

    def poller(self, queue: HubQueue, reader: Reader | None = None) -> Poller:
        """The poller of one queue, which this process's own sending wakes; ``reader`` gets what it sends at once."""
        seconds = self.options.max_polling_interval_seconds
        return Poller(queue, max_interval=seconds, jitter=self._jitter, reader=reader)

    def partition_of(self, instance_id: str) -> int:
        """The partition of an instance."""
        return partition_of(instance_id, len(self.control_queues))

    def check_partition(self, instance_id: str) -> None:
        """Make sure that this worker still owns the partition of an instance, if it owns partitions at all.

        Raises:
            PartitionLostError: It does not.
        """
        if self.partitions.has_lost(self.partition_of(instance_id)):
            raise PartitionLostError(instance_id)

    def control_queue(self, index: int) -> ControlQueue:
        """The queue of one partition."""
        return self.control_queues[index]

    def queue_of(self, instance_id: str) -> ControlQueue:
        """The queue that takes the messages to an instance."""
        return self.control_queues[self.partition_of(instance_id)]

    def queue_for(self, message: Message) -> HubQueue:
        """Where a message goes: activities to all hosts, everything else to the partition of its receiver."""
        is_work_item = isinstance(message.event, TaskScheduled)
        return self.work_items if is_work_item else self.queue_of(message.target.instance_id)

    async def put(self, message: Message, *, sender: OrchestrationInstance, episode: int | None) -> SentMessage:
        """Put one message into its queue; the caller hands it over to its reader in this process."""
        queue = self.queue_for(message)
        try:
            return await queue.put(message, sender=sender, episode=episode)
        except ResourceNotFoundError:
            if self._restoring is None:
                raise
            await asyncio.wait([self._restoring])
            return await queue.put(message, sender=sender, episode=episode)

    async def send(self, message: Message, *, sender: OrchestrationInstance, episode: int | None) -> None:
        """Put one message into its queue, and hand it over where that is possible."""
        (await self.put(message, sender=sender, episode=episode)).hand_over()

    async def apply_checkpoint(
        self, checkpoint: Checkpoint, loaded: LoadedHistory, applied: Sequence[str] = ()
    ) -> WrittenHistory:
        """Steps 1 to 4; returns the history as it is now. On any error the messages must not be deleted.

        ``applied`` are the requests that an entity has applied, remembered with the history.
        """
        if is_large_fan_out(checkpoint):
            written = await write_while_sending(
                lambda on_sent: self.send_messages(checkpoint, on_sent),
                lambda before: self.write_history(checkpoint, loaded, applied, before),
            )
        else:
            await self.send_messages(checkpoint)
            written = await self.write_history(checkpoint, loaded, applied)
        # A row has no guard as the history has: one that was held up here, in a process that was stopped for longer
        # than its lease, would show what was long ago, and for ever. The messages come again, and make the row good.
        self.check_partition(checkpoint.instance.instance_id)
        await self.write_instance(checkpoint, written)
        await self.delete_orphans(checkpoint, loaded)
        return written

    async def send_messages(self, checkpoint: Checkpoint, on_sent: OnSent | None = None) -> None:
        """Step 1; ``on_sent`` is told of each."""
        sender = checkpoint.sender or checkpoint.instance

        async def send(message: Message) -> None:
            await self.send(message, sender=sender, episode=checkpoint.episode)
            if on_sent is not None:
                on_sent(message)

        await for_each(checkpoint.messages, send)

    async def write_history(
        self,
        checkpoint: Checkpoint,
        loaded: LoadedHistory,
        applied: Sequence[str] = (),
        before: Before | None = None,
    ) -> WrittenHistory:
        """Step 2."""
        return await self.history.append(
            loaded,
            checkpoint.instance.execution_id or "",
            checkpoint.events,
            replaces_history=checkpoint.replaces_history,
            applied=applied,
            before=before,
        )

    async def write_instance(self, checkpoint: Checkpoint, written: WrittenHistory) -> None:
        """Step 3."""
        await self.instances.apply(
            checkpoint.instance.instance_id,
            checkpoint.update,
            completed_at=self.now(),
            moved_out=written.moved_out,
        )

    async def delete_orphans(self, checkpoint: Checkpoint, loaded: LoadedHistory) -> None:
        """Step 4: the blobs of the rows that were replaced. Failing here costs space, so the checkpoint stands."""
        if not checkpoint.replaces_history or not loaded.blob_names:
            return
        try:
            await self.payloads.delete(loaded.blob_names)
        except AzureError as error:
            names, why = ", ".join(loaded.blob_names), first_line(error)
            _log.warning("Blobs of replaced history rows stay behind: %s (%s)", names, why)

    async def _own_partitions(self, listener: PartitionListener) -> None:
        while True:
            try:
                await self._app_lease.acquire()
                self.partitions.start(listener)
                await self._app_lease.keep()
            except AzureError as error:
                _log.warning("The app lease could not be taken, and is tried again: %s", first_line(error))
                await asyncio.sleep(self.options.lease_hurry_seconds)
            await self.partitions.stop()

    def _jitter(self) -> float:
        """A factor from 0.8 to 1.2."""
        return 0.8 + 0.4 * int(self.new_guid()[:8], 16) / 0xFFFF_FFFF


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.critical("No partitions are owned any more; restart the host.", exc_info=task.exception())
