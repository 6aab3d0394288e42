"""Messages that this process has taken: kept invisible to others for as long as they are needed here.

Role: the register of all taken messages, and the loop that renews them.
Called by: ``orchestrations`` and ``activities``. Calls the queues.
Invariant: a message is in the register from when it is taken until it is deleted or given back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from durable_engine.times import TICKS_PER_SECOND
from local_host.clock import now
from local_host.task_hub.queues import ReceivedMessage

__all__ = ["HeldMessages"]

_log = logging.getLogger("Host.Triggers.DurableTask")


class HeldMessages:
    """The register; one for each process. ``visibility_seconds`` is how long a taken message stays invisible."""

    def __init__(self, visibility_seconds: float) -> None:
        self._renew_every = visibility_seconds / 3
        self._held: dict[str, ReceivedMessage] = {}

    def add(self, message: ReceivedMessage) -> None:
        """Renew the message from now on."""
        self._held[message.message_id] = message

    async def delete(self, messages: Iterable[ReceivedMessage]) -> None:
        """Delete messages that have been dealt with, all at once."""
        await asyncio.gather(*(self._delete(message) for message in messages))

    async def abandon(self, messages: Iterable[ReceivedMessage]) -> None:
        """Give messages back, to be tried again after a while that grows with each delivery."""
        await self._give_back(messages, at_once=False)

    async def release(self, messages: Iterable[ReceivedMessage]) -> None:
        """Give messages back untouched, visible to others at once."""
        await self._give_back(messages, at_once=True)

    async def renew_for_ever(self) -> None:
        """Renew what is held, well before it would become visible to others."""
        while True:
            await asyncio.sleep(self._renew_every)
            soon = now() + int(2 * self._renew_every * TICKS_PER_SECOND)
            due = [message for message in self._held.values() if message.next_visible_at <= soon]
            for outcome in await asyncio.gather(*(m.queue.renew(m) for m in due), return_exceptions=True):
                if isinstance(outcome, Exception):
                    # Whoever takes the message next does the work again; the history's ETag keeps the two apart.
                    _log.warning("A message could not be renewed and may be delivered twice: %s", outcome)

    async def _delete(self, message: ReceivedMessage) -> None:
        # Out of the register first: a renewal that crosses the deletion would only fail.
        self._held.pop(message.message_id, None)
        try:
            await message.queue.delete(message)
        except Exception as error:
            # It comes again, and is then found to be done already.
            _log.warning("Message %s could not be deleted: %s", message.message_id, error)

    async def _give_back(self, messages: Iterable[ReceivedMessage], *, at_once: bool) -> None:
        given = list(messages)
        for message in given:
            self._held.pop(message.message_id, None)
        outcomes = await asyncio.gather(
            *(m.queue.release(m) if at_once else m.queue.abandon(m) for m in given), return_exceptions=True
        )
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                _log.warning("A message could not be given back; it comes again when its time runs out: %s", outcome)
