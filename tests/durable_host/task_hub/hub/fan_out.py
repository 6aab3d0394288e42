"""Large fan-outs: their history is written while their work items are still being sent.

Otherwise thousands of activities would be over before the first row says that they were asked for, and the instance
would wait for all the rows at once.
Invariant: the row of a call is written when its work item is out, so that a crash in between leaves a shorter history
that still gets results: with the first of them the rest is asked for. What such an episode took may come again, so
that no episode that took an event goes this way: of results and starts the second ones are told by their ids.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from durable_engine import Checkpoint, EventRaised, HistoryEvent, Message, TaskScheduled
from durable_host.task_hub.tables.history_table import MAX_EVENTS, WrittenHistory

__all__ = ["Before", "OnSent", "is_large_fan_out", "write_while_sending"]

OnSent = Callable[[Message], None]
"""Is told of each message that is out."""
Before = Callable[[Sequence[HistoryEvent]], Awaitable[None]]
"""Is awaited with the events of each transaction, before it is written."""


def is_large_fan_out(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint does nothing but call activities, and more of them than one transaction holds."""
    return (
        len(checkpoint.messages) > MAX_EVENTS
        and not checkpoint.replaces_history
        and all(isinstance(message.event, TaskScheduled) for message in checkpoint.messages)
        and not any(isinstance(event, EventRaised) for event in checkpoint.events)
    )


async def write_while_sending(
    send: Callable[[OnSent], Coroutine[Any, Any, None]], write: Callable[[Before], Awaitable[WrittenHistory]]
) -> WrittenHistory:
    """Run both side by side; an error of either ends the other and is raised."""
    progress = _Progress()
    sending = asyncio.create_task(send(progress.sent))
    sending.add_done_callback(progress.ended)
    try:
        written = await write(progress.until_sent)
        await sending
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    return written


class _Progress:
    """Which work items are out already."""

    def __init__(self) -> None:
        self._sent: set[int] = set()
        self._moved = asyncio.Event()
        self._sending: asyncio.Task[None] | None = None

    def sent(self, message: Message) -> None:
        if isinstance(message.event, TaskScheduled):
            self._sent.add(message.event.event_id)
            self._moved.set()

    def ended(self, sending: asyncio.Task[None]) -> None:
        self._sending = sending
        self._moved.set()

    async def until_sent(self, events: Sequence[HistoryEvent]) -> None:
        """Wait until the work items of these events are out; an error of sending one is raised here."""
        asked = {event.event_id for event in events if isinstance(event, TaskScheduled)}
        while not asked <= self._sent:
            if self._sending is not None:
                await self._sending
                return
            self._moved.clear()
            await self._moved.wait()
