"""Sending: every message goes into its queue, and, where this process would be its reader, is kept at once.

The way out of a checkpoint.
Invariant: a message that is kept is in the queue all the same, invisible as if it had been received, so that a crash
makes it visible to others after the usual time.

The real host puts a message and then receives it again; keeping it saves that request and its delay. Nothing is
promised that was not before: the put answers with the receipt that a receive would have given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from durable_engine import Message, OrchestrationInstance, TaskScheduled
from durable_host.clock import now
from durable_host.dispatch.concurrency import for_each
from durable_host.task_hub.hub.client import HandOver
from durable_host.task_hub.hub.hub import TaskHub
from durable_host.task_hub.queues.queue import ReceivedMessage

__all__ = ["Outbox", "Taker"]


class Taker(Protocol):
    """Someone in this process who would receive a message anyway."""

    def reserve(self, message: Message) -> bool:
        """Whether the message can be taken over now; if so, ``take`` or ``give_up`` follows."""

    def take(self, message: ReceivedMessage) -> None:
        """Take the message over: it is in the queue, invisible to others."""

    def give_up(self, message: Message) -> None:
        """The reserved message could not be put into the queue."""


@dataclass(slots=True)
class Outbox:
    """Puts messages into the hub's queues. ``activities`` and ``instances`` take over what they can."""

    hub: TaskHub
    activities: Taker
    instances: Taker

    async def send(self, message: Message, *, sender: OrchestrationInstance, episode: int | None) -> None:
        """Put a message into its queue, and hand it over where that is possible."""
        hand_over, _ = await self.put(message, sender=sender, episode=episode)
        hand_over()

    async def send_all(
        self, messages: Sequence[Message], *, sender: OrchestrationInstance, episode: int | None
    ) -> None:
        """Send the messages of one checkpoint, many at once."""
        await for_each(messages, lambda message: self.send(message, sender=sender, episode=episode))

    async def put(self, message: Message, *, sender: OrchestrationInstance, episode: int | None) -> HandOver:
        """Put a message into its queue; what is returned hands it over, once whatever else it needs is in storage."""
        queue = self.hub.queue_for(message)
        taker = self.activities if isinstance(message.event, TaskScheduled) else self.instances
        if queue.delay_seconds(message, now()) or not taker.reserve(message):
            return _nothing, await queue.send(message, sender=sender, episode=episode)
        try:
            kept = await queue.send_and_keep(message, sender=sender, episode=episode)
        except BaseException:
            taker.give_up(message)
            raise
        return lambda: taker.take(kept), kept.blob_name


def _nothing() -> None:
    return None
