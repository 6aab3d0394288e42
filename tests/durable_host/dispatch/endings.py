"""Endings: what becomes of messages whose episode cannot be run or saved, however often it is tried.

Invariant: such messages are tried a bounded number of times, and whoever waits for an answer gets one with the reason.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence
from typing import Final

from azure.core.exceptions import AzureError

from durable_engine import FINAL_STATUSES, ExecutionStarted, ExecutionTerminated, HistoryEvent
from durable_host.dispatch.chains import is_of_one_chain
from durable_host.dispatch.episodes import EpisodeRunner
from durable_host.dispatch.message_locks import HeldMessages
from durable_host.dispatch.message_rules import names_entity
from durable_host.dispatch.sessions import Session
from durable_host.dispatch.sorting import Batch
from durable_host.task_hub.account.refusals import first_line, is_passing
from durable_host.task_hub.base.errors import PartitionLostError, SplitBrainError
from durable_host.task_hub.hub.hub import TaskHub
from durable_host.task_hub.queues.queue import ReceivedMessage
from durable_host.task_hub.tables.history_table import LoadedHistory

__all__ = ["Endings"]

_TRIES: Final = 5
"""After so many deliveries an instance whose episode raises errors is ended as failed."""
_TRIES_OF_ENTITY: Final = 8
"""After so many, some eight minutes, the operations of a batch fail; the real host tries for ever."""
_log = logging.getLogger("Host.Triggers.DurableTask")


class Endings:
    """The endings of all instances of this process."""

    def __init__(self, hub: TaskHub, held: HeldMessages, episodes: EpisodeRunner) -> None:
        self._hub, self._held, self._episodes = hub, held, episodes

    async def after_error(self, session: Session, batch: Batch, error: Exception) -> None:
        """Give the messages of an episode that raised an error back, or end their instance if that was tried often
        enough; not where storage is to blame."""
        is_no_fault = is_passing(error)
        tries = _TRIES_OF_ENTITY if names_entity(session.instance_id) else _TRIES
        if is_no_fault or not any(message.dequeue_count >= tries for message in batch.take):
            await self._held.abandon(batch.take, is_no_fault=is_no_fault)
        else:
            said = first_line(error) if isinstance(error, AzureError) else error
            await self._fail(session, batch, f"The episode could not be run or saved: {type(error).__name__}: {said}")

    async def refuse(self, session: Session, received: Sequence[ReceivedMessage], problem: str) -> None:
        """Deal with messages to an instance of which nothing can be kept: who waits for it is answered."""
        _log.error("%s Nothing of this one is run or kept.", problem)
        batch = Batch(take=list(received))
        is_asked = names_entity(session.instance_id) or any(isinstance(e, ExecutionStarted) for e in batch.events)
        try:
            if is_asked:
                checkpoint = await self._episodes.fail(session, batch, problem)
                await self._hub.send_messages(checkpoint)
        except Exception as error:
            _log.error("Instance '%.40s...': its caller could not be told. %s", session.instance_id, first_line(error))
            if is_passing(error):
                await self._held.abandon(batch.take, is_no_fault=True)
                return
        await self._held.delete(batch.take)

    async def without_history(self, session: Session, received: Sequence[ReceivedMessage]) -> None:
        """Deal with messages to an instance whose history cannot be read: it can be terminated, and no more."""
        try:
            is_over = await self._is_over(session.instance_id, [message.data.message.event for message in received])
        except AzureError as failure:
            _log.warning("Instance %r: its row cannot be reached either: %s", session.instance_id, first_line(failure))
            await self._held.abandon(received, is_no_fault=True)
            return
        await (self._held.delete if is_over else self._held.abandon)(received)

    async def _is_over(self, instance_id: str, events: Sequence[HistoryEvent]) -> bool:
        """Whether the instance wants no more messages, or ends by one of these. An entity may be without a row."""
        end = next((event for event in events if isinstance(event, ExecutionTerminated)), None)
        if end is not None:
            moment = self._hub.now()
            await self._hub.instances.mark_terminated(instance_id, end.input, terminated_at=end.timestamp, now=moment)
            return True
        row = await self._hub.instances.get(instance_id, with_input=False)
        return not names_entity(instance_id) if row is None else row.runtime_status in FINAL_STATUSES

    async def _fail(self, session: Session, batch: Batch, reason: str) -> None:
        """End an instance as failed, with the reason. Where not even that can be saved, its messages are dropped."""
        reason = reason.encode("ascii", "replace").decode()
        try:
            loaded = await self._hub.history.load(session.instance_id, None)
            if _has_moved_on(batch, loaded):
                await self._held.abandon(batch.take, is_no_fault=True)
                return
            checkpoint = await self._episodes.fail(session, batch, reason)
            await self._hub.apply_checkpoint(checkpoint, loaded, loaded.applied)
        except (PartitionLostError, SplitBrainError):
            await self._held.abandon(batch.take, is_no_fault=True)
            return
        except Exception as error:
            if is_passing(error):
                _log.error(
                    "Instance %r: it could not be ended as failed yet. %s", session.instance_id, first_line(error)
                )
                await self._held.abandon(batch.take, is_no_fault=True)
                return
            _log.exception(
                "Instance %r: it could not be ended as failed either, and its messages are dropped.",
                session.instance_id,
            )
            moment = self._hub.now()
            with contextlib.suppress(AzureError):  # what cannot be saved can hardly be shown
                await self._hub.instances.mark_terminated(session.instance_id, reason, terminated_at=moment, now=moment)
        await self._held.delete(batch.take)


def _has_moved_on(batch: Batch, loaded: LoadedHistory) -> bool:
    """Whether the episode was saved after all, by this host or another one: its messages are dealt with already."""
    if batch.past:
        return loaded.events != batch.past
    start = next((event for event in batch.events if isinstance(event, ExecutionStarted)), None)
    if start is None:
        return bool(loaded.events)
    return is_of_one_chain(start.instance.execution_id, loaded.execution_id)
