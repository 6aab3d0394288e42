"""Reads a queue for one function: in batches, with a wait that grows while it is empty, and poison put aside.

Invariant: a message is deleted after its function has succeeded, or after a copy of it is in the poison queue.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from durable_host.bindings.making import made_when_missing
from durable_host.config.host_json import QueueOptions
from durable_host.task_hub.account.refusals import first_line

__all__ = ["LONGEST_QUEUE_NAME", "Handled", "QueueReader", "poison_of"]

LONGEST_QUEUE_NAME: Final = 63
_POISON: Final = "-poison"
_VISIBILITY_SECONDS: Final = 600
_RENEW_SECONDS: Final = 300.0
_SHORTEST_WAIT: Final = 0.1
_LAST_SECONDS: Final = 5.0
_log = logging.getLogger("Microsoft.Azure.WebJobs.Host.Queues.QueueProcessor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """What became of a message: done with, to be tried again, or of no use to anybody."""

    is_done: bool
    is_poison: bool = False


def poison_of(queue: str) -> str | None:
    """Where a queue's messages are put aside; None for one that is such a queue itself, or whose name is too long."""
    name = f"{queue}{_POISON}"
    return None if queue.endswith(_POISON) or len(name) > LONGEST_QUEUE_NAME else name


class QueueReader:
    """One queue and what its messages are for.

    ``most_attempts`` includes the first. Without a ``poison`` queue a message that fails stays hidden for a while, so
    that it does not fail again and again without a pause.
    """

    def __init__(
        self,
        service: QueueServiceClient,
        name: str,
        handle: Callable[[QueueMessage], Awaitable[Handled]],
        options: QueueOptions,
        *,
        poison: str | None,
        most_attempts: int,
    ) -> None:
        self._service, self._name, self._handle, self._options = service, name, handle, options
        self._queue: QueueClient = service.get_queue_client(name)
        self._poison, self._most_attempts = poison, most_attempts
        self._running: set[asyncio.Task[None]] = set()
        self._ended_one = asyncio.Event()
        self._woken = asyncio.Event()
        self._rests_until = 0.0

    async def run_for_ever(self) -> None:
        """Receive and hand over until cancelled; what runs then is given time by ``finish``."""
        wait = _SHORTEST_WAIT
        while True:
            self._woken.clear()
            received = await self._receive_all_or_none()
            for message in received:
                task = asyncio.create_task(self._process(message))
                self._running.add(task)
                task.add_done_callback(self._ended)
            if received:
                wait = _SHORTEST_WAIT
                await self._until_there_is_room()
            else:
                wait = await self._pause(wait)

    def wake(self) -> None:
        """Look at once: somebody has put a message into the queue."""
        self._woken.set()

    async def finish(self, seconds: float) -> None:
        """Let running functions end; what has not by then comes again when its visibility is over."""
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=seconds)
            for task in late:
                task.cancel()

    async def _receive_all_or_none(self) -> list[QueueMessage]:
        """Receive; where this is cancelled meanwhile, no message is left hidden that nobody handles."""
        receiving = asyncio.ensure_future(self._receive())
        try:
            return await asyncio.shield(receiving)
        except asyncio.CancelledError:
            with contextlib.suppress(AzureError, TimeoutError):  # they come again when their visibility is over
                async with asyncio.timeout(_LAST_SECONDS):
                    for message in await receiving:
                        await self._give_back(message, seconds=0)
            raise

    async def _receive(self) -> list[QueueMessage]:
        room = min(self._options.batch_size, 32)
        try:
            pages = self._queue.receive_messages(
                messages_per_page=room, max_messages=room, visibility_timeout=_VISIBILITY_SECONDS
            )
            return [message async for message in pages]
        except ResourceNotFoundError:
            return []  # It may be made at any time.

    async def _pause(self, seconds: float) -> float:
        """Wait while the queue is empty, and return how long to wait if it still is."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return min(seconds * random.uniform(1.4, 2.2), self._options.max_polling_interval_seconds)
        await asyncio.sleep(self._rests_until - asyncio.get_running_loop().time())
        return _SHORTEST_WAIT

    async def _until_there_is_room(self) -> None:
        while len(self._running) > self._options.new_batch_threshold:
            self._ended_one.clear()
            await self._ended_one.wait()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._ended_one.set()
        error = None if task.cancelled() else task.exception()
        if isinstance(error, AzureError):
            said = "A message of queue '%s' could not be handled, and comes again in some minutes: %s"
            _log.error(said, self._name, first_line(error))
        elif error is not None:
            _log.error("A message of queue '%s' could not be handled.", self._name, exc_info=error)

    async def _process(self, message: QueueMessage) -> None:
        attempt = message.dequeue_count or 0
        if self._poison is not None and attempt > self._most_attempts:
            handled = Handled(is_done=False, is_poison=True)  # The host died in its last attempt.
        else:
            handled = await self._handled(message)
        if handled.is_done:
            await self._delete(message)
        elif self._poison is None:
            return
        elif handled.is_poison or attempt >= self._most_attempts:
            _log.warning(
                "Message has reached MaxDequeueCount of %d. Moving message to queue '%s'.",
                self._most_attempts,
                self._poison,
            )
            await self._put_aside(message, self._poison)
        else:
            await self._give_back(message, seconds=int(self._options.visibility_timeout_seconds))

    async def _give_back(self, message: QueueMessage, *, seconds: int) -> None:
        with contextlib.suppress(ResourceNotFoundError):  # somebody has deleted it
            await self._queue.update_message(message, visibility_timeout=seconds)
        # Another attempt comes soon, however long the wait has grown meanwhile, but not at once.
        loop = asyncio.get_running_loop()
        self._rests_until = loop.time() + _SHORTEST_WAIT
        loop.call_later(seconds, self.wake)

    async def _handled(self, message: QueueMessage) -> Handled:
        keeper = asyncio.create_task(self._keep_hidden(message))
        try:
            return await self._handle(message)
        except AzureError as error:
            said = "Message %s of queue '%s' could not be handled: %s"
            _log.error(said, message.id, self._name, first_line(error))  # storage's frames tell nothing
        except Exception:
            _log.exception("Message %s of queue '%s' could not be handled.", message.id, self._name)
        finally:
            keeper.cancel()
            await asyncio.wait([keeper])
        return Handled(is_done=False)

    async def _put_aside(self, message: QueueMessage, queue: str) -> None:
        poison = self._service.get_queue_client(queue)
        await made_when_missing(partial(poison.send_message, message.content), poison.create_queue)
        await self._delete(message)

    async def _delete(self, message: QueueMessage) -> None:
        with contextlib.suppress(ResourceNotFoundError):
            await self._queue.delete_message(message)

    async def _keep_hidden(self, message: QueueMessage) -> None:
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            try:
                renewed = await self._queue.update_message(message, visibility_timeout=_VISIBILITY_SECONDS)
            except AzureError as error:
                said = "A message of queue '%s' may come again while it is handled: %s"
                _log.warning(said, self._name, first_line(error))
            else:
                message.pop_receipt = renewed.pop_receipt
