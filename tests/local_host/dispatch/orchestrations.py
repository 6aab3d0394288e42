"""Orchestrations and entities: take control messages, run episodes, apply their checkpoints.

Role: the consumer of this process's control queues. Called by: ``control_readers`` and ``outbox`` (our own messages).
Calls: the engine for each episode, the task hub for each checkpoint, ``batches``, ``outbox``, ``held``.
Invariant: messages out, then history, then the instance's row, then the messages in are deleted; a crash between any
two of these loses nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor

from durable_engine.checkpoint import Checkpoint, Message
from durable_engine.entity_batch import run_entity_batch
from durable_engine.episode import App, run_episode
from durable_engine.events import GenericEvent
from local_host.clock import new_id, now
from local_host.dispatch.batches import Batch, sort_messages
from local_host.dispatch.eligibility import is_ended, is_entity
from local_host.dispatch.held import HeldMessages
from local_host.dispatch.outbox import Outbox
from local_host.dispatch.sessions import Session, Sessions
from local_host.task_hub.errors import SplitBrainError
from local_host.task_hub.history_table import LoadedHistory
from local_host.task_hub.hub import TaskHub
from local_host.task_hub.poller import Poller
from local_host.task_hub.queues import MAX_RECEIVE, ReceivedMessage

__all__ = ["OrchestrationDispatcher"]

_log = logging.getLogger("Host.Triggers.DurableTask")


class OrchestrationDispatcher:
    """Runs episodes, up to ``limit`` at a time, one at a time for each instance."""

    def __init__(self, hub: TaskHub, held: HeldMessages, app: App, executor: Executor, *, limit: int) -> None:
        self._hub, self._held, self._app, self._executor = hub, held, app, executor
        self._outbox: Outbox | None = None
        self._sessions = Sessions()
        self._places = asyncio.Semaphore(limit)
        self._stopping = False
        self.partitions: set[int] = set()
        """The partitions whose queues this process reads now; messages to their instances are kept."""

    def connect(self, outbox: Outbox) -> None:
        """Say where messages go out; the outbox in turn hands its messages to this dispatcher."""
        self._outbox = outbox

    # The outbox's Taker.

    def reserve(self, message: Message) -> bool:
        """Whether this process reads the queue of the message's instance."""
        return not self._stopping and self._hub.partition_of(message.target.instance_id) in self.partitions

    def give_up(self, message: Message) -> None:
        """Nothing had to be taken for it."""

    def take(self, message: ReceivedMessage) -> None:
        """Let a message wait for its instance's next episode."""
        instance_id = message.data.message.target.instance_id
        session = self._sessions.of(instance_id, self._hub.partition_of(instance_id))
        self._held.add(message)
        session.add(message)
        if session.running is None and not self._stopping:
            session.running = asyncio.create_task(self._serve(session))

    async def receive_for_ever(self, poller: Poller) -> None:
        """Receive what the poller brings, until it is stopped."""
        while messages := await poller.next_batch(MAX_RECEIVE):
            for message in messages:
                self.take(message)

    async def drain(self, partition: int) -> None:
        """Let the partition's running episodes end, and give back what waits: another worker takes over."""
        await self._end([session for session in self._sessions if session.partition == partition], None)
        self._sessions.drop(partition)

    async def give_up_partition(self, partition: int) -> None:
        """Give back what waits of a partition that is no longer ours; running episodes find out by the ETag."""
        sessions = [session for session in self._sessions if session.partition == partition]
        await self._held.release([message for session in sessions for message in session.take_pending()])
        self._sessions.drop(partition)

    async def stop(self, patience_seconds: float) -> None:
        """Take nothing new, let running episodes end, and give back what waits."""
        self._stopping = True
        await self._end(list(self._sessions), patience_seconds)

    async def _end(self, sessions: list[Session], patience_seconds: float | None) -> None:
        await self._held.release([message for session in sessions for message in session.take_pending()])
        running = [session.running for session in sessions if session.running is not None]
        if running:
            _, late = await asyncio.wait(running, timeout=patience_seconds)
            for task in late:
                task.cancel()
        await self._held.release([message for session in sessions for message in session.take_pending()])

    # Episodes.

    async def _serve(self, session: Session) -> None:
        """Run episodes for as long as messages wait."""
        try:
            while session.pending and not self._stopping:
                await session.wait_for_company()
                async with self._places:
                    await self._run_batch(session, session.take_pending())
        finally:
            session.running = None
            loaded = session.loaded
            self._sessions.settle(session, is_over=loaded is None or is_ended(loaded.events))

    async def _run_batch(self, session: Session, received: list[ReceivedMessage]) -> None:
        try:
            loaded = await self._history(session, received)
            batch = await sort_messages(self._hub, received, loaded)
            await asyncio.gather(self._held.delete(batch.drop), self._held.abandon(batch.later))
            if batch.take:
                await self._run_episode(session, loaded, batch)
                await self._held.delete(batch.take)
        except SplitBrainError as error:
            # A remembered history may be out of date, a fresh one may not.
            was_remembered = session.loaded is not None
            session.forget()
            if was_remembered:
                session.pending[:0] = received
                return
            _log.warning("%s", error)
            await self._held.abandon(received)
        except Exception:
            _log.exception(
                "Instance %r: an episode could not be run or saved; its messages are tried again later.",
                session.instance_id,
            )
            session.forget()
            await self._held.abandon(received)

    async def _history(self, session: Session, received: list[ReceivedMessage]) -> LoadedHistory:
        # A rewind changes rows that have been read already, and leaves the ETag as it was.
        is_rewound = any(isinstance(m.data.message.event, GenericEvent) for m in received)
        if is_rewound:
            session.forget()
        elif session.loaded is None and not session.must_load and any(m.starts_new_instance for m in received):
            session.loaded = LoadedHistory(instance_id=session.instance_id, execution_id=None)
        return session.loaded or await self._hub.history.load(session.instance_id, None)

    async def _run_episode(self, session: Session, loaded: LoadedHistory, batch: Batch) -> None:
        began = time.perf_counter()
        loop = asyncio.get_running_loop()
        checkpoint = await loop.run_in_executor(self._executor, self._engine(session.instance_id, batch))
        seconds = time.perf_counter() - began
        self._warn(session, checkpoint)
        await self._apply(session, checkpoint, loaded, seconds)

    def _engine(self, instance_id: str, batch: Batch) -> Callable[[], Checkpoint]:
        """The episode, to be run in a thread."""
        past, events, moment = batch.past, batch.events, now()

        if not is_entity(instance_id, past, events):
            return lambda: run_episode(past, events, self._app, now=moment, new_id=new_id)
        functions = self._app.functions
        name = instance_id[1:].partition("@")[0]
        code = self._app.entity(name) if functions.has_entity(name) else None
        return lambda: run_entity_batch(instance_id, past, events, code, functions, now=moment, new_id=new_id)

    async def _apply(self, session: Session, checkpoint: Checkpoint, loaded: LoadedHistory, seconds: float) -> None:
        """The checkpoint in the order that makes a crash harmless; the caller then deletes the messages."""
        if self._outbox is None:
            raise RuntimeError("OrchestrationDispatcher.connect must be called before anything is run")
        sender, episode = checkpoint.instance, checkpoint.episode
        await asyncio.gather(
            *(self._outbox.send(message, sender=sender, episode=episode) for message in checkpoint.messages)
        )
        written = await self._hub.write_history(checkpoint, loaded)
        session.remember(written, seconds)
        await self._hub.write_instance(checkpoint, written)
        await self._hub.delete_orphans(checkpoint, loaded)

    def _warn(self, session: Session, checkpoint: Checkpoint) -> None:
        for notice in checkpoint.notices:
            if notice.code not in session.warned:
                session.warned.add(notice.code)
                _log.warning("Instance %r: %s", session.instance_id, notice.text)
