"""One queue of the hub: messages in, messages out, and the holds on those that are being worked on.

What control queues and the work-item queue have in common.
Invariant: of one message at most one ``ReceivedMessage`` is alive in this process. If it is received again, because
its time ran out, the living one gets the new receipt and the dispatcher does not see it twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol
from weakref import WeakValueDictionary

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from durable_engine import (
    TICKS_PER_SECOND,
    ExecutionStarted,
    HistoryEvent,
    Message,
    OrchestrationInstance,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
    Ticks,
    ticks_from_datetime,
)
from durable_host.task_hub.account.large_payloads import LargePayloads, is_large_message, message_blob_name
from durable_host.task_hub.account.refusals import first_line
from durable_host.task_hub.base.attempt_note import with_begun
from durable_host.task_hub.base.errors import MessageFormatError, TaskHubError
from durable_host.task_hub.queues.messages import (
    MessageData,
    SequenceCounter,
    message_text,
    read_message,
    reference_text,
)

__all__ = ["MAX_RECEIVE", "HubQueue", "Reader", "ReceivedMessage", "SentMessage"]

MAX_RECEIVE: Final = 32
"""The most messages that one request can receive."""
MAX_ABANDON_SECONDS: Final = 600
_CROWD: Final = 50
_CROWD_SECONDS: Final = 300
"""As long as the real host takes every message."""
_OF_FAN_OUTS: Final = (TaskScheduled, TaskCompleted, TaskFailed)
_FOREVER: Final = -1

_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True, eq=False, weakref_slot=True)
class ReceivedMessage:
    """A message that this process holds until ``next_visible_at``, counted from before the request that took it, which
    took it for ``held_seconds``.

    The hold changes when it is renewed or received again; the rest is a value. ``is_own`` says that this process sent
    it, and kept it rather than receive it; ``blob_name`` is where it then put one that is too large for the queue.
    ``text`` is what stands in the queue.
    """

    message_id: str
    pop_receipt: str
    dequeue_count: int
    inserted_at: Ticks
    next_visible_at: Ticks
    held_seconds: int
    data: MessageData
    queue: HubQueue
    text: str
    is_own: bool = False
    blob_name: str | None = None

    @property
    def start_is_confirmed(self) -> bool:
        """Whether this starts an instance whose row is known to be that of this very start."""
        event = self.data.message.event
        return self.is_own and isinstance(event, ExecutionStarted) and event.parent is None

    @property
    def starts_new_instance(self) -> bool:
        """Whether this starts an instance that had no row when it was sent, and so, most likely, has no history.

        Of a child that is not known: its parent's episode may run once more.
        """
        event = self.data.message.event
        return self.start_is_confirmed and isinstance(event, ExecutionStarted) and not event.generation


class Reader(Protocol):
    """Who receives from a queue in this process, and can have what this process sends to it without asking storage."""

    async def reserve(self) -> bool:
        """Whether one message can be taken now, or in a moment; if so, ``take`` or ``give_up`` follows."""

    def take(self, message: ReceivedMessage) -> None:
        """Take a message: it is in the queue, invisible to others."""

    def give_up(self) -> None:
        """The reserved message could not be put into the queue."""


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message that is in its queue. ``blob_name`` is its blob, if it was too large for the queue itself; ``kept`` is
    the message as its reader in this process would have received it, if that reader has room."""

    blob_name: str | None = None
    kept: ReceivedMessage | None = None
    reader: Reader | None = None

    def hand_over(self) -> None:
        """Give it to its reader, once whatever else it needs is in storage. Left alone, it is seen by others when its
        visibility time has run out."""
        if self.kept is not None and self.reader is not None:
            self.reader.take(self.kept)


class HubQueue:
    """One queue. ``on_sent`` is called after each sending with the seconds until the message can be received, and
    ``reader`` is who receives from it in this process, if anybody does.

    The real host puts a message and then receives it again; handing it to the reader saves that request and its delay.
    Nothing is promised that was not before: the put answers with the receipt that a receive would have given, and a
    crash makes the message visible to others after the usual time.
    """

    def __init__(
        self,
        client: QueueClient,
        payloads: LargePayloads,
        *,
        visibility_seconds: int,
        sequence: SequenceCounter,
        now: Callable[[], Ticks],
        new_guid: Callable[[], str],
    ) -> None:
        self.name: str = client.queue_name
        self.visibility_seconds = visibility_seconds
        self.on_sent: Callable[[int], None] = lambda delay: None
        self.reader: Reader | None = None
        self._client, self._payloads = client, payloads
        self._sequence, self._now, self._new_guid = sequence, now, new_guid
        self._held: WeakValueDictionary[str, ReceivedMessage] = WeakValueDictionary()
        self._complained: set[str] = set()

    @property
    def longest_hold_seconds(self) -> int:
        """After so long whatever a killed host held comes again."""
        return max(self.visibility_seconds, min(10 * self.visibility_seconds, _CROWD_SECONDS))

    def hold_seconds(self, event: HistoryEvent) -> int:
        """How long a message is taken for: the visibility time, and longer for work items and results of hundreds.

        Each is renewed when half of it is over. Of thousands, whose storage is slow because they are so many, the
        renewals alone would keep it busy. What a killed host held of so many comes again that much later; requests to
        entities do not, which remember for a while only what they have applied.
        """
        if not isinstance(event, _OF_FAN_OUTS):
            return self.visibility_seconds
        return min(self.visibility_seconds * (1 + len(self._held) // _CROWD), self.longest_hold_seconds)

    async def put(self, message: Message, *, sender: OrchestrationInstance, episode: int | None) -> SentMessage:
        """Put a message into the queue, and keep it for this process's own reader, if that has room."""
        reader = self.reader
        if reader is None or self.delay_seconds(message, self._now()) or not await reader.reserve():
            return SentMessage(await self.send(message, sender=sender, episode=episode))
        try:
            kept = await self.send_and_keep(message, sender=sender, episode=episode)
        except BaseException:
            reader.give_up()
            raise
        return SentMessage(kept.blob_name, kept, reader)

    async def send(self, message: Message, *, sender: OrchestrationInstance, episode: int | None) -> str | None:
        """Put a message into the queue; returns the name of its blob if it was too large for the queue itself."""
        text, _, blob_name = await self._pack(message, sender, episode)
        delay = self.delay_seconds(message, self._now())
        await self._client.send_message(text, visibility_timeout=delay, time_to_live=_FOREVER)
        self.on_sent(delay or 0)
        return blob_name

    async def send_and_keep(
        self, message: Message, *, sender: OrchestrationInstance, episode: int | None
    ) -> ReceivedMessage:
        """Put a message into the queue and hold it, as if it had been received at once. Only for one that is due."""
        text, data, blob_name = await self._pack(message, sender, episode)
        asked_at, seconds = self._now(), self.hold_seconds(message.event)
        raw = await self._client.send_message(text, visibility_timeout=seconds, time_to_live=_FOREVER)
        return self._hold(raw, text, data, asked_at, seconds, is_own=True, blob_name=blob_name)

    @staticmethod
    def delay_seconds(message: Message, now: Ticks) -> int | None:
        """How long a message is invisible at first; None if it says nothing about when it is due.

        Cut, not rounded, as the real host does: its timers are up to a second early, and so are ours.
        """
        return None if message.deliver_at is None else max(0, message.deliver_at - now) // TICKS_PER_SECOND

    async def receive(self, limit: int) -> list[ReceivedMessage]:
        """Take up to this many messages, in the order in which they were sent; fewer may come though more are there."""
        asked_at, seconds = self._now(), self.visibility_seconds
        pages = self._client.receive_messages(
            messages_per_page=min(limit, MAX_RECEIVE), visibility_timeout=seconds
        ).by_page()
        async for page in pages:
            # One request only: the client would go on asking until it gets an empty answer.
            taken = [await self._take(raw, asked_at, seconds) async for raw in page]
            received = [message for message in taken if message is not None]
            return sorted(received, key=lambda message: (message.inserted_at, message.data.sequence_number))
        return []

    async def delete(self, received: ReceivedMessage) -> None:
        """Remove a message for good. If its receipt was replaced meanwhile, the newer one is tried once."""
        receipt = received.pop_receipt
        try:
            try:
                await self._client.delete_message(received.message_id, receipt)
            except HttpResponseError:
                if received.pop_receipt == receipt:
                    raise
                await self._client.delete_message(received.message_id, received.pop_receipt)
        except ResourceNotFoundError:
            _log.info("Message %s of queue %s is gone already.", received.message_id, self.name)
        finally:
            # If it could not be removed it comes again, and must not be taken for one that somebody still works on.
            self._held.pop(received.message_id, None)

    async def renew(self, received: ReceivedMessage) -> None:
        """Hold a message for the whole visibility time from now on."""
        await self._hide(received, self.hold_seconds(received.data.message.event))

    async def write_begun(self, received: ReceivedMessage, times: int) -> None:
        """Hold a message, and write into it how often the code was begun; one without room for that stays as it is."""
        text = with_begun(received.text, times)
        if text is not None and not is_large_message(text):
            await self._hide(received, self.visibility_seconds, text)

    async def abandon(self, received: ReceivedMessage, longest_seconds: int = MAX_ABANDON_SECONDS) -> None:
        """Give a message back; it comes again after a time that doubles with each delivery."""
        seconds = min(2 ** min(received.dequeue_count, 10), longest_seconds)
        if seconds == MAX_ABANDON_SECONDS:
            _log.warning(
                "Message %s of queue %s (%s for instance %r) was given back after %d deliveries, and will be again "
                "every 10 minutes. Find out why it cannot be processed, or purge the instance.",
                received.message_id,
                self.name,
                received.data.message.event.kind,
                received.data.message.target.instance_id,
                received.dequeue_count,
            )
        self._held.pop(received.message_id, None)
        await self._hide(received, seconds)
        self.on_sent(seconds)

    async def release(self, received: ReceivedMessage) -> None:
        """Give a message back untouched, for anyone to receive at once."""
        self._held.pop(received.message_id, None)
        await self._hide(received, 0)
        self.on_sent(0)

    def check(self, data: MessageData) -> None:
        """Refuse a message that is well-formed, and still none for this queue: ``MessageFormatError`` says why."""

    async def on_unreadable(self, raw: QueueMessage) -> None:
        """What becomes of a message that cannot be read, after it was logged."""

    async def _hide(self, received: ReceivedMessage, seconds: int, text: str | None = None) -> None:
        asked_at, receipt = self._now(), received.pop_receipt
        try:
            updated = await self._client.update_message(received.message_id, receipt, text, visibility_timeout=seconds)
        except HttpResponseError:
            if received.pop_receipt == receipt:
                raise
            # It was received again meanwhile, and has another receipt.
            updated = await self._client.update_message(
                received.message_id, received.pop_receipt, text, visibility_timeout=seconds
            )
        received.pop_receipt = updated.pop_receipt or received.pop_receipt
        received.next_visible_at, received.held_seconds = asked_at + seconds * TICKS_PER_SECOND, seconds

    async def _take(self, raw: QueueMessage, asked_at: Ticks, seconds: int) -> ReceivedMessage | None:
        known = self._held.get(raw.id)
        if known is not None:
            known.pop_receipt = raw.pop_receipt or known.pop_receipt
            known.next_visible_at, known.held_seconds = asked_at + seconds * TICKS_PER_SECOND, seconds
            known.dequeue_count = raw.dequeue_count or known.dequeue_count
            return None
        try:
            data = read_message(raw.content)
            if isinstance(data, str):
                data = read_message(await self._payloads.read(data))
                if isinstance(data, str):
                    raise MessageFormatError(f"Blob {data!r} holds no message but another reference.")
            self.check(data)
        except Exception as error:
            # Whatever is wrong with one message, the others that came with it can be read.
            if raw.id not in self._complained:
                self._complained.add(raw.id)
                what = error if isinstance(error, TaskHubError) else f"{type(error).__name__}: {first_line(error)}"
                _log.warning("Message %s of queue %s is left alone, and tried again later: %s", raw.id, self.name, what)
            await self.on_unreadable(raw)
            return None
        return self._hold(raw, raw.content, data, asked_at, seconds, is_own=False)

    def _hold(
        self,
        raw: QueueMessage,
        text: str,
        data: MessageData,
        asked_at: Ticks,
        seconds: int,
        *,
        is_own: bool,
        blob_name: str | None = None,
    ) -> ReceivedMessage:
        received = ReceivedMessage(
            message_id=raw.id,
            pop_receipt=raw.pop_receipt or "",
            dequeue_count=raw.dequeue_count or 1,
            inserted_at=ticks_from_datetime(raw.inserted_on) if raw.inserted_on else 0,
            next_visible_at=asked_at + seconds * TICKS_PER_SECOND,
            held_seconds=seconds,
            data=data,
            queue=self,
            text=text,
            is_own=is_own,
            blob_name=blob_name,
        )
        self._held[raw.id] = received
        return received

    async def _pack(
        self, message: Message, sender: OrchestrationInstance, episode: int | None
    ) -> tuple[str, MessageData, str | None]:
        """What is put into the queue, what it stands for, and the name of its blob if it needs one."""
        data = MessageData(
            activity_id=self._new_guid(),
            message=message,
            sequence_number=self._sequence.next(),
            episode=episode,
            sender=sender,
        )
        text = message_text(data)
        if not is_large_message(text):
            return text, data, None
        blob_name = message_blob_name(message.target.instance_id, data.activity_id, message.event.kind)
        await self._payloads.write(blob_name, text)
        return reference_text(blob_name), data, blob_name
