"""The task hub as clients see it: start, look at, message, rewind and purge instances.

What the management API and the durable client binding do, as storage operations.
Invariant: nothing is decided here. Whether an instance may be started, messaged or purged is the caller's business,
which has looked at its row before.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from durable_engine import (
    SOURCE_INSTANCE,
    ExecutionStarted,
    GenericEvent,
    HistoryEvent,
    Message,
    OrchestrationInstance,
    Ticks,
)
from durable_host.task_hub.hub.purge import purge_instance, purge_matching
from durable_host.task_hub.hub.rewind import rewind_rows
from durable_host.task_hub.queues.messages import CLIENT
from durable_host.task_hub.tables.instance_rows import InstancePage, InstanceQuery, InstanceRow

if TYPE_CHECKING:
    from durable_host.task_hub.hub.hub import TaskHub
    from durable_host.task_hub.tables.instance_summaries import InstanceSummary, SummaryPage

__all__ = ["InstancePage", "InstanceQuery", "InstanceRow", "TaskHubClient"]


class TaskHubClient:
    """A client of one task hub. All texts are JSON text as stored."""

    def __init__(self, hub: TaskHub) -> None:
        self._hub = hub

    @property
    def hub_name(self) -> str:
        """The hub's name, as configured."""
        return self._hub.names.hub

    async def start(
        self,
        name: str,
        *,
        instance_id: str,
        execution_id: str,
        input: str | None,
        generation: int = 0,
        version: str | None = None,
        scheduled_start_at: Ticks | None = None,
        replaces: InstanceRow | None = None,
        restarted_from: str | None = None,
    ) -> None:
        """Send the start message, then write the row; ``replaces`` is the finished instance of the same id,
        ``restarted_from`` the id of the one that this start repeats under another.

        If another start of the id was faster, its row stays, and this start's message is dropped when it is received.
        """
        hub = self._hub
        hub.earlier.forget(instance_id)
        instance = OrchestrationInstance(instance_id=instance_id, execution_id=execution_id)
        event = ExecutionStarted(
            timestamp=hub.now(),
            instance=instance,
            name=name,
            version=version,
            input=input,
            scheduled_start_at=scheduled_start_at,
            generation=generation,
            tags=None if restarted_from is None else {SOURCE_INSTANCE: restarted_from},
        )
        message = Message(event=event, target=instance, deliver_at=scheduled_start_at)
        sent = await hub.put(message, sender=CLIENT, episode=None)
        if await hub.instances.start_row(event, now=hub.now(), message_blob=sent.blob_name, replaces=replaces):
            sent.hand_over()

    async def get_instance(self, instance_id: str) -> InstanceRow | None:
        """The instance as its row shows it, or None."""
        return await self._hub.instances.get(instance_id)

    async def get_history(self, instance_id: str) -> tuple[HistoryEvent, ...]:
        """The events of the current execution."""
        return (await self._hub.history.load(instance_id, None)).events

    def earlier_executions(self, instance_id: str) -> tuple[Sequence[HistoryEvent], ...]:
        """The executions that continued as new in this process, as far as it remembers them, the latest first."""
        return self._hub.earlier.of(instance_id)

    async def get_history_rows(self, instance_id: str) -> list[Mapping[str, Any]]:
        """Every row of the instance as the table has it, those that an earlier execution left behind among them."""
        return await self._hub.history.rows(instance_id)

    def summaries(self, *, since: Ticks | None = None) -> AsyncIterator[tuple[InstanceSummary, ...]]:
        """Every instance in brief, or those whose rows were written since this moment of the table's clock."""
        return self._hub.instances.summaries(since=since)

    async def summary_page(
        self, query: InstanceQuery, *, top: int, continuation: Mapping[str, str] | None = None
    ) -> SummaryPage:
        """One page of instances in brief, by ascending id."""
        return await self._hub.instances.summary_page(query, top=top, continuation=continuation)

    async def list_instances(
        self, query: InstanceQuery, *, top: int = 100, continuation: str | None = None
    ) -> InstancePage:
        """One page of the instances asked for."""
        return await self._hub.instances.query(query, top=top, continuation=continuation)

    async def send_to_instance(self, instance_id: str, event: HistoryEvent) -> None:
        """Send an event to whichever execution of an instance is current when it arrives."""
        target = OrchestrationInstance(instance_id=instance_id, execution_id=None)
        await self._hub.send(Message(event=event, target=target), sender=CLIENT, episode=None)

    async def rewind(self, instance_id: str, reason: str | None, now: Ticks) -> None:
        """Strike the failures out of the history, then wake the instances that failed first."""
        hub = self._hub
        leaves = await rewind_rows(instance_id, now, history=hub.history.client, instances=hub.instances)
        event = GenericEvent(timestamp=now, data=reason)
        await asyncio.gather(*(self.send_to_instance(leaf, event) for leaf in leaves))

    async def purge(self, instance_id: str) -> None:
        """Remove an instance, its history and its blobs."""
        hub = self._hub
        hub.earlier.forget(instance_id)
        await purge_instance(instance_id, history=hub.history, instances=hub.instances, payloads=hub.payloads)

    async def purge_where(self, query: InstanceQuery) -> int:
        """Remove all instances asked for; returns how many there were."""
        hub = self._hub
        return await purge_matching(query, history=hub.history, instances=hub.instances, payloads=hub.payloads)
