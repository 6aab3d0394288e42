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

__all__ = ["Handled", "QueueReader"]

_VISIBILITY_SECONDS: Final = 600
_RENEW_SECONDS: Final = 300.0
_SHORTEST_WAIT: Final = 0.1
_log = logging.getLogger("Microsoft.Azure.WebJobs.Host.Queues.QueueProcessor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """What became of a message: done with, to be tried again, or of no use to anybody."""

    is_done: bool
    is_poison: bool = False


class QueueReader:
    """One queue and what its messages are for. ``most_attempts`` includes the first."""

    def __init__(
        self,
        service: QueueServiceClient,
        name: str,
        handle: Callable[[QueueMessage], Awaitable[Handled]],
        options: QueueOptions,
        *,
        poison: str,
        most_attempts: int,
    ) -> None:
        self._service, self._name, self._handle, self._options = service, name, handle, options
        self._queue: QueueClient = service.get_queue_client(name)
        self._poison, self._most_attempts = poison, most_attempts
        self._running: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    async def run_for_ever(self) -> None:
        """Receive and hand over until cancelled; what runs then is given time by ``finish``."""
        wait = _SHORTEST_WAIT
        while True:
            received = await self._receive()
            for message in received:
                task = asyncio.create_task(self._process(message))
                self._running.add(task)
                task.add_done_callback(self._ended)
            if received:
                wait = _SHORTEST_WAIT
                await self._until_there_is_room()
            else:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), wait)
                    wait = _SHORTEST_WAIT
                self._changed.clear()
                longest = self._options.max_polling_interval_seconds
                wait = min(wait * random.uniform(1.4, 2.2), longest)

    async def finish(self, seconds: float) -> None:
        """Let running functions end; what has not by then comes again when its visibility is over."""
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=seconds)
            for task in late:
                task.cancel()

    async def _receive(self) -> list[QueueMessage]:
        room = min(self._options.batch_size, 32)
        try:
            pages = self._queue.receive_messages(
                messages_per_page=room, max_messages=room, visibility_timeout=_VISIBILITY_SECONDS
            )
            return [message async for message in pages]
        except ResourceNotFoundError:
            return []  # It may be made at any time.

    async def _until_there_is_room(self) -> None:
        while len(self._running) > self._options.new_batch_threshold:
            self._changed.clear()
            await self._changed.wait()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._changed.set()
        if not task.cancelled() and task.exception() is not None:
            _log.error("A message of queue '%s' could not be handled.", self._name, exc_info=task.exception())

    async def _process(self, message: QueueMessage) -> None:
        keeper = asyncio.create_task(self._keep_hidden(message))
        try:
            handled = await self._handle(message)
        except Exception:
            _log.exception("Message %s of queue '%s' could not be handled.", message.id, self._name)
            handled = Handled(is_done=False)
        finally:
            keeper.cancel()
            await asyncio.wait([keeper])
        if handled.is_done:
            await self._delete(message)
        elif handled.is_poison or (message.dequeue_count or 0) >= self._most_attempts:
            _log.warning(
                "Message has reached MaxDequeueCount of %d. Moving message to queue '%s'.",
                self._most_attempts,
                self._poison,
            )
            await self._put_aside(message)
        else:
            seconds = int(self._options.visibility_timeout_seconds)
            with contextlib.suppress(ResourceNotFoundError):  # somebody has deleted it
                await self._queue.update_message(message, visibility_timeout=seconds)

    async def _put_aside(self, message: QueueMessage) -> None:
        poison = self._service.get_queue_client(self._poison)
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
                _log.warning("A message of queue '%s' may come again while it is handled: %s", self._name, error)
            else:
                message.pop_receipt = renewed.pop_receipt
