"""Attempts: an episode that has asked entities, or started children, and is run again asks and starts the same.

Invariant: an episode is tried again at an earlier attempt's time only on that attempt's very messages in their order.
With other messages its code might ask for other things, and an entity would take them for what it has done already.
"""

from __future__ import annotations

from durable_engine import Checkpoint, EventRaised, ExecutionStarted, OrchestratorStarted, Ticks
from durable_host.dispatch.message_rules import names_entity
from durable_host.dispatch.sorting import Batch
from durable_host.task_hub.base.attempt_note import MAX_NOTED, AttemptNote, short_id
from durable_host.task_hub.queues.queue import ReceivedMessage
from durable_host.task_hub.tables.history_table import LoadedHistory

__all__ = ["asks_others", "attempt_on", "earlier_attempt", "split_by"]


def asks_others(checkpoint: Checkpoint) -> bool:
    """Whether the episode of an orchestration sends requests to entities, or starts children."""
    if names_entity(checkpoint.instance.instance_id):
        return False
    return any(isinstance(message.event, (EventRaised, ExecutionStarted)) for message in checkpoint.messages)


def attempt_on(batch: Batch, moment: Ticks) -> AttemptNote | None:
    """The note of an attempt at this moment; None where there are more messages than a note can name."""
    if len(batch.take) > MAX_NOTED:
        return None
    execution_id, episode = _place(batch)
    messages = tuple(short_id(message.message_id) for message in batch.take)
    return AttemptNote(at=moment, execution_id=execution_id, episode=episode, messages=messages)


def earlier_attempt(batch: Batch, loaded: LoadedHistory) -> AttemptNote | None:
    """The attempt at this very episode that the history tells of."""
    note = loaded.attempt
    if note is None or not batch.take:
        return None
    return note if (note.execution_id, note.episode) == _place(batch) else None


def split_by(note: AttemptNote, batch: Batch) -> tuple[list[ReceivedMessage], list[ReceivedMessage]] | None:
    """The attempt's messages in its order, and those that have come since; None while one of its own is missing."""
    by_id = {short_id(message.message_id): message for message in batch.take}
    if not by_id.keys() >= set(note.messages):
        return None
    own = set(note.messages)
    return [by_id[one] for one in note.messages], [m for m in batch.take if short_id(m.message_id) not in own]


def _place(batch: Batch) -> tuple[str, int]:
    """The execution and the number of the episode that the batch is for."""
    events = (*batch.past, *batch.events)
    started = next((event for event in events if isinstance(event, ExecutionStarted)), None)
    execution_id = (started.instance.execution_id if started else None) or ""
    return execution_id, sum(isinstance(event, OrchestratorStarted) for event in batch.past) + 1
