"""A control queue: the messages to the instances of one partition.

A hub queue that gives unreadable messages back, with growing pauses.
Invariant: no message is ever dropped because it cannot be read: a newer host may be able to.
"""

from __future__ import annotations

import contextlib
from typing import Final

from azure.core.exceptions import AzureError
from azure.storage.queue import QueueMessage

from durable_engine import (
    EventSent,
    ExecutionCompleted,
    OrchestratorCompleted,
    OrchestratorStarted,
    SubOrchestrationInstanceCreated,
    TaskScheduled,
    TimerCreated,
)
from durable_host.task_hub.base.errors import MessageFormatError
from durable_host.task_hub.queues.messages import MessageData
from durable_host.task_hub.queues.queue import MAX_ABANDON_SECONDS, HubQueue

__all__ = ["ControlQueue"]

_DECISIONS: Final = (
    EventSent,
    ExecutionCompleted,
    OrchestratorCompleted,
    OrchestratorStarted,
    SubOrchestrationInstanceCreated,
    TaskScheduled,
    TimerCreated,
)


class ControlQueue(HubQueue):
    """The queue of one partition; ``index`` says which."""

    index: int = 0

    def check(self, data: MessageData) -> None:
        """An instance is told what has happened to it; what it decided itself stands in its history alone."""
        event = data.message.event
        if isinstance(event, _DECISIONS):
            raise MessageFormatError(f"A control message holds a {event.kind}, which only an instance itself decides.")

    async def on_unreadable(self, raw: QueueMessage) -> None:
        """Give it back for longer each time."""
        seconds = min(2 ** min(raw.dequeue_count or 1, 10), MAX_ABANDON_SECONDS)
        with contextlib.suppress(AzureError):  # somebody else may have it by now
            await self._client.update_message(raw.id, raw.pop_receipt, visibility_timeout=seconds)
