"""Messages that this process has taken: kept invisible to others for as long as they are needed here.

The register of all taken messages, and the loop that renews them.
Invariant: a message is in the register from when it is taken until it is deleted or given back, and what is asked of
its queue is asked one after the other: each answer has the receipt that the next request needs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Final

from durable_engine import TICKS_PER_SECOND
from durable_host.clock import now
from durable_host.task_hub.account.concurrency import for_each
from durable_host.task_hub.account.refusals import first_line
from durable_host.task_hub.queues.queue import MAX_ABANDON_SECONDS, ReceivedMessage

__all__ = ["HeldMessages"]

_RENEWALS_AT_A_TIME: Final = 8
_DELETIONS_AT_A_TIME: Final = 4
"""Fewer than of what somebody waits for: a request that stands in line behind them is not long in coming."""
_STORAGE_SECONDS: Final = 15
_log = logging.getLogger("Host.Triggers.DurableTask")


class HeldMessages:
    """The register; one for each process.

    Each message is renewed when half of its time is left, the shortest of which must be given.
    """

    def __init__(self, shortest_visibility_seconds: float) -> None:
        self._look_every = shortest_visibility_seconds / 6
        self._held: dict[str, ReceivedMessage] = {}
        self._renewals: dict[str, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(_RENEWALS_AT_A_TIME)

    def __len__(self) -> int:
        """How many messages are held."""
        return len(self._held)

    def add(self, message: ReceivedMessage) -> None:
        """Renew the message from now on."""
        self._held[message.message_id] = message

    async def delete(self, messages: Iterable[ReceivedMessage]) -> None:
        """Delete messages that have been dealt with, many at once."""

        async def delete(message: ReceivedMessage) -> None:
            # A message that is not deleted comes again, and is then found to be done already.
            await self._try(message.queue.delete, message, "could not be deleted, and comes again")

        given = list(messages)
        try:
            # Thousands take longer than they are held for, so that each is renewed until it has its turn.
            await for_each(given, partial(self._act, delete), limit=_DELETIONS_AT_A_TIME)
        finally:
            self._forget(given)

    async def abandon(self, messages: Iterable[ReceivedMessage], *, is_no_fault: bool = False) -> None:
        """Give messages back, to be tried again after a while that grows with each delivery: not by much where storage,
        or another host, is to blame, and not they."""
        longest = _STORAGE_SECONDS if is_no_fault else MAX_ABANDON_SECONDS

        async def abandon(message: ReceivedMessage) -> None:
            give_back = partial(message.queue.abandon, longest_seconds=longest)
            await self._try(give_back, message, "could not be given back; it comes when its time runs out")

        await self._let_go(messages, abandon)

    async def release(self, messages: Iterable[ReceivedMessage]) -> None:
        """Give messages back untouched, visible to others at once."""

        async def release(message: ReceivedMessage) -> None:
            await self._try(message.queue.release, message, "could not be given back; it comes when its time runs out")

        await self._let_go(messages, release)

    async def write_begun(self, message: ReceivedMessage, times: int) -> None:
        """Write into a message how often the code was begun with it, in the place of a renewal, which that is as well;
        any error is raised."""
        while (renewal := self._renewals.get(message.message_id)) is not None:
            await asyncio.wait([renewal])
        task = asyncio.create_task(message.queue.write_begun(message, times))
        self._renewals[message.message_id] = task
        try:
            await task
        finally:
            self._renewals.pop(message.message_id, None)

    async def renew_for_ever(self) -> None:
        """Renew what is held, well before it would become visible to others."""
        try:
            while True:
                await asyncio.sleep(self._look_every)
                for message in [m for m in self._held.values() if _is_due(m) and m.message_id not in self._renewals]:
                    self._renewals[message.message_id] = asyncio.create_task(self._renew(message))
        finally:
            for renewal in list(self._renewals.values()):
                renewal.cancel()

    async def _renew(self, message: ReceivedMessage) -> None:
        try:
            async with self._places:
                if message.message_id in self._held:
                    # Whoever takes it next does the work again; the history's ETag keeps the two apart.
                    await self._try(message.queue.renew, message, "could not be renewed, and may be delivered twice")
        finally:
            del self._renewals[message.message_id]

    async def _let_go(
        self, messages: Iterable[ReceivedMessage], act: Callable[[ReceivedMessage], Awaitable[None]]
    ) -> None:
        given = list(messages)
        # All at once out of the register, so that no renewal begins.
        self._forget(given)
        await for_each(given, partial(self._act, act))

    def _forget(self, messages: Iterable[ReceivedMessage]) -> None:
        for message in messages:
            self._held.pop(message.message_id, None)

    async def _act(self, act: Callable[[ReceivedMessage], Awaitable[None]], message: ReceivedMessage) -> None:
        """The last thing with a message: no renewal begins any more, and one under way replaces the receipt."""
        self._held.pop(message.message_id, None)
        if (renewal := self._renewals.get(message.message_id)) is not None:
            await asyncio.wait([renewal])
        await act(message)

    @staticmethod
    async def _try(act: Callable[[ReceivedMessage], Awaitable[None]], message: ReceivedMessage, failure: str) -> None:
        try:
            await act(message)
        except Exception as error:
            why = first_line(error)
            _log.warning("Message %s of queue %s %s: %s", message.message_id, message.queue.name, failure, why)


def _is_due(message: ReceivedMessage) -> bool:
    return message.next_visible_at - now() <= message.held_seconds * TICKS_PER_SECOND // 2
