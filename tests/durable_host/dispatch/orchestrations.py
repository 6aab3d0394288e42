"""Orchestrations and entities: take control messages, run episodes, apply their checkpoints.

The consumer of this process's control queues.
Invariant: the messages that came in are deleted after the checkpoint is in storage, so that a crash loses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine, Iterable
from typing import Any, Final

from azure.core.exceptions import AzureError

from durable_engine import GenericEvent, HistoryError
from durable_host.dispatch.applied_requests import applied_after
from durable_host.dispatch.attempts import asks_others, attempt_on, earlier_attempt, split_by
from durable_host.dispatch.beginnings import count_beginning
from durable_host.dispatch.endings import Endings
from durable_host.dispatch.episodes import EpisodeInterruptedError, EpisodeRunner, OtherVersionError
from durable_host.dispatch.message_locks import HeldMessages
from durable_host.dispatch.message_rules import is_ended, names_entity
from durable_host.dispatch.row_repair import repair_row
from durable_host.dispatch.sessions import Session, Sessions
from durable_host.dispatch.sorting import Batch, sort_messages
from durable_host.task_hub.account.refusals import first_line, is_passing
from durable_host.task_hub.base.attempt_note import AttemptNote
from durable_host.task_hub.base.errors import PartitionLostError, SplitBrainError
from durable_host.task_hub.base.names import id_problem
from durable_host.task_hub.hub.hub import TaskHub
from durable_host.task_hub.queues.poller import Poller
from durable_host.task_hub.queues.queue import MAX_RECEIVE, ReceivedMessage
from durable_host.task_hub.tables.history_table import LoadedHistory

__all__ = ["OrchestrationDispatcher"]

_RELEASE_SECONDS: Final = 1.5
_GATHER_SECONDS: Final = 60.0
"""How long messages of an earlier attempt wait for each other, beyond the time that a dead host holds them."""
_log = logging.getLogger("Host.Triggers.DurableTask")


class OrchestrationDispatcher:
    """Runs episodes, one at a time for each instance, up to ``limit`` of orchestrations and ``entity_limit`` of
    entities."""

    def __init__(
        self, hub: TaskHub, held: HeldMessages, episodes: EpisodeRunner, *, limit: int, entity_limit: int
    ) -> None:
        self._hub, self._held, self._episodes = hub, held, episodes
        self._endings = Endings(hub, held, episodes)
        self._sessions = Sessions()
        self._places, self._entity_places = asyncio.Semaphore(limit), asyncio.Semaphore(entity_limit)
        self._stopping = False
        self._patience_seconds: float | None = None
        self._background: set[asyncio.Task[None]] = set()
        self._deletions: dict[asyncio.Task[None], int] = {}
        """Of what has been dealt with, by partition: the next episode does not wait for them."""

    # The reader of the control queues that this process owns.

    async def reserve(self) -> bool:
        """Whether messages can wait here for their instances' episodes."""
        return not self._stopping

    def give_up(self) -> None:
        """Nothing had to be taken for it."""

    def take(self, message: ReceivedMessage) -> None:
        """Let a message wait for its instance's next episode."""
        self._held.add(message)
        if self._stopping:
            self._in_background(self._held.release([message]))
            return
        instance_id = message.data.message.target.instance_id
        session = self._sessions.of(instance_id, self._hub.partition_of(instance_id))
        session.add(message)
        if session.running is None:
            session.running = asyncio.create_task(self._serve(session))
            session.running.add_done_callback(_report)

    async def receive_for_ever(self, poller: Poller) -> None:
        """Receive what the poller brings, until it is stopped."""
        while messages := await poller.next_batch(MAX_RECEIVE):
            for message in messages:
                try:
                    self.take(message)
                except Exception:
                    _log.exception("Message %s cannot be taken, and is given back.", message.message_id)
                    await self._held.abandon([message])

    async def drain(self, partition: int) -> None:
        """Let the partition's running episodes end, and give back what waits: another worker takes over."""
        await self._end([session for session in self._sessions if session.partition == partition], partition)
        self._sessions.drop(partition)

    async def give_up_partition(self, partition: int) -> None:
        """Give back what waits of a partition that is no longer ours; running episodes find out by the ETag."""
        sessions = [session for session in self._sessions if session.partition == partition]
        self._sessions.drop(partition)
        await self._held.release(_taken_from(sessions))

    def hurry(self, patience_seconds: float) -> None:
        """From now on give up on episodes that do not end so soon: the host is about to stop."""
        self._patience_seconds = patience_seconds

    async def stop(self, patience_seconds: float) -> None:
        """Take nothing new, let running episodes end, and give back what waits."""
        self._stopping = True
        self.hurry(patience_seconds)
        await self._end(list(self._sessions))
        await asyncio.gather(*self._background)

    async def _give_back(self, sessions: list[Session]) -> None:
        """Release what waits. When the host stops there is not always the time for all: the rest is seen by others when
        its visibility time has run out."""
        seconds = None if self._patience_seconds is None else _RELEASE_SECONDS
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._held.release(_taken_from(sessions))

    async def _end(self, sessions: list[Session], partition: int | None = None) -> None:
        await self._give_back(sessions)
        running = [session.running for session in sessions if session.running is not None]
        if late := await _ended(running, self._patience_seconds):
            _log.warning("%d episodes were still running; the next host runs them again.", len(late))
        deletions = [task for task, of in self._deletions.items() if partition in (None, of)]
        seconds = None if self._patience_seconds is None else _RELEASE_SECONDS
        await asyncio.gather(self._give_back(sessions), _ended(deletions, seconds))

    # Episodes.

    async def _serve(self, session: Session) -> None:
        """Run episodes for as long as messages wait."""
        places = self._entity_places if names_entity(session.instance_id) else self._places
        try:
            while session.pending and not self._stopping:
                await session.wait_for_company()
                async with places:
                    if received := session.take_pending():
                        await self._run_batch(session, received)
        finally:
            session.running = None
            loaded = session.loaded
            self._sessions.settle(session, is_over=loaded is None or is_ended(loaded.events))

    async def _run_batch(self, session: Session, received: list[ReceivedMessage]) -> None:
        unsettled, batch = received, None
        if problem := id_problem(session.instance_id):
            await self._endings.refuse(session, received, problem)
            return
        try:
            loaded = await self._history(session, received)
            batch = await sort_messages(self._hub, received, loaded)
            unsettled = batch.take
            # What came too early is no worse for the many deliveries that dead hosts cause.
            await asyncio.gather(self._held.delete(batch.drop), self._held.abandon(batch.later, is_no_fault=True))
            attempt = earlier_attempt(batch, loaded)
            if attempt is not None and (parts := split_by(attempt, batch)) is not None:
                batch.take, newer = parts
                session.pending[:0] = newer
            elif attempt is not None and session.is_dropped:
                await self._held.release(batch.take)
                return
            elif attempt is not None:
                if session.put_back(batch.take, self._gather_seconds(session)):
                    return
                attempt = None  # What is missing does not come; the requests are made once more.
            session.incomplete_since, unsettled = None, batch.take
            if batch.take:
                await self._run_episode(session, loaded, batch, attempt)
                self._delete(batch.take, session.partition)
        except EpisodeInterruptedError:
            session.pending[:0] = unsettled
        except PartitionLostError as error:
            _log.info("%s", error)
            session.forget()
            await self._held.release(unsettled)
        except HistoryError as error:
            _log.error("%s", error)
            session.forget()
            await self._endings.without_history(session, received)
        except OtherVersionError as error:
            # However often it comes: another host may run it, or this app may one day.
            _log.warning("Instance %r: %s", session.instance_id, error)
            session.forget()
            await self._held.abandon(unsettled)
        except SplitBrainError as error:
            # A remembered history may be out of date, a fresh one may not.
            was_remembered = session.loaded is not None
            session.forget()
            if was_remembered:
                session.pending[:0] = unsettled
                return
            _log.warning("%s", error)
            await self._held.abandon(unsettled, is_no_fault=True)
        except Exception as error:
            _log.error(
                "Instance %r: an episode could not be run or saved; its messages are tried again later. %s",
                session.instance_id,
                first_line(error),
                exc_info=None if isinstance(error, AzureError) else error,  # what storage says is enough
            )
            session.forget()
            if batch is not None:
                await self._endings.after_error(session, batch, error)
            elif is_passing(error):
                await self._held.abandon(unsettled, is_no_fault=True)
            else:
                await self._endings.without_history(session, received)

    def _gather_seconds(self, session: Session) -> float:
        queue = self._hub.control_queue(session.partition)
        return _GATHER_SECONDS + max(2 * queue.visibility_seconds, queue.longest_hold_seconds)

    async def _history(self, session: Session, received: list[ReceivedMessage]) -> LoadedHistory:
        # A rewind changes rows that have been read already, and leaves the ETag as it was.
        is_rewound = any(isinstance(m.data.message.event, GenericEvent) for m in received)
        if is_rewound:
            session.forget()
        elif session.loaded is None and not session.must_load and any(m.starts_new_instance for m in received):
            session.loaded = LoadedHistory(instance_id=session.instance_id, execution_id=None)
        if session.loaded is not None:
            return session.loaded
        loaded = await self._hub.history.load(session.instance_id, None)
        if loaded.events:
            await repair_row(self._hub, loaded)
        return loaded

    async def _run_episode(
        self, session: Session, loaded: LoadedHistory, batch: Batch, attempt: AttemptNote | None
    ) -> None:
        began = time.perf_counter()
        moment = self._hub.now() if attempt is None else attempt.at
        self._episodes.check_version(session.instance_id, batch)
        await count_beginning(self._held, max(batch.take, key=lambda message: message.dequeue_count), "an episode")
        checkpoint = await self._episodes.run(session, batch, moment)
        seconds = time.perf_counter() - began
        if attempt is None and asks_others(checkpoint) and (note := attempt_on(batch, moment)) is not None:
            loaded = await self._hub.history.note_attempt(loaded, note)
        # Whoever owns the partition now may be at this episode: the history's ETag would tell when messages are out.
        self._hub.check_partition(session.instance_id)
        applied = applied_after(loaded.applied, batch.events, checkpoint)
        session.remember(await self._hub.apply_checkpoint(checkpoint, loaded, applied), seconds)
        self._hub.earlier.keep(session.instance_id, checkpoint.left_behind)

    def _delete(self, messages: list[ReceivedMessage], partition: int) -> None:
        task = asyncio.create_task(self._held.delete(messages))
        self._deletions[task] = partition
        task.add_done_callback(self._deletions.pop)

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


async def _ended(tasks: list[asyncio.Task[None]], seconds: float | None) -> set[asyncio.Task[None]]:
    """Wait for tasks, and end those that are late; returns these."""
    if not tasks:
        return set()
    _, late = await asyncio.wait(tasks, timeout=seconds)
    for task in late:
        task.cancel()
    if late:
        await asyncio.wait(late)
    return late


def _taken_from(sessions: Iterable[Session]) -> list[ReceivedMessage]:
    return [message for session in sessions for message in session.take_pending()]


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        _log.critical("A session has ended where it should not.", exc_info=task.exception())
