"""Sorting: which of the messages that wait for an instance make its next episode.

Applies ``message_rules`` to everything that waits, against the history as it is.
Invariant: every message ends up in exactly one of the three lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from durable_engine import (
    FINAL_STATUSES,
    TICKS_PER_SECOND,
    EventRaised,
    ExecutionStarted,
    ExecutionTerminated,
    HistoryEvent,
)
from durable_host.dispatch.applied_requests import request_id
from durable_host.dispatch.chains import is_of_one_chain
from durable_host.dispatch.message_rules import (
    Asked,
    Verdict,
    comes_once,
    is_ended,
    judge_start,
    judge_timing,
    may_be_of_next,
    may_wait_for_execution,
    names_entity,
)
from durable_host.task_hub.base.attempt_note import short_id
from durable_host.task_hub.hub.hub import TaskHub
from durable_host.task_hub.queues.queue import ReceivedMessage
from durable_host.task_hub.tables.history_table import LoadedHistory

__all__ = ["Batch", "sort_messages"]


@dataclass(slots=True)
class Batch:
    """What becomes of the messages: taken into an episode after ``past``, dropped, or given back for a while."""

    past: tuple[HistoryEvent, ...] = ()
    take: list[ReceivedMessage] = field(default_factory=list)
    drop: list[ReceivedMessage] = field(default_factory=list)
    later: list[ReceivedMessage] = field(default_factory=list)

    @property
    def events(self) -> list[HistoryEvent]:
        """The events of the messages that are taken, in their order."""
        return [message.data.message.event for message in self.take]


async def sort_messages(hub: TaskHub, received: Sequence[ReceivedMessage], loaded: LoadedHistory) -> Batch:
    """Sort the messages of one instance, given its history as loaded."""
    start = await _new_execution(hub, received, loaded)
    if isinstance(start, Batch):
        return start
    execution_id = start.data.message.target.execution_id if start else loaded.execution_id
    batch = Batch(past=() if start else loaded.events)
    asked = Asked.in_history(batch.past)
    known = set(loaded.applied)
    for message in received:
        event, sender = message.data.message.event, message.data.sender.instance_id
        request = request_id(event)
        if request is not None and request in known:
            batch.drop.append(message)  # An entity has applied it; this is the same request once more.
            continue
        if request is not None:
            known.add(request)
        target = message.data.message.target
        is_of_another = execution_id is not None and target.execution_id not in (None, execution_id)
        is_of_next = target.execution_id != loaded.execution_id and may_be_of_next(
            event, sender=sender, dequeue_count=message.dequeue_count, age=hub.now() - message.inserted_at
        )
        if is_of_another and is_of_next:
            batch.later.append(message)
        elif is_of_another or _is_second_start(message, start):
            batch.drop.append(message)  # Of an execution that is over, or a start that was delivered twice.
        elif start is None and loaded.events and is_ended(loaded.events):
            batch.drop.append(message)
        else:
            timing = judge_timing(event, asked, sender=sender, dequeue_count=message.dequeue_count)
            (batch.take if timing is Verdict.TAKE else batch.later).append(message)
    if not batch.past and start is None and batch.take:
        await _sort_without_execution(hub, batch)
    return batch


async def _new_execution(
    hub: TaskHub, received: Sequence[ReceivedMessage], loaded: LoadedHistory
) -> ReceivedMessage | Batch | None:
    """The message that starts an execution other than the loaded one; a batch where it decides about all by itself.

    Of a start that storage took twice it is the one with which an attempt was made, if any was.
    """
    tried = loaded.attempt.messages if loaded.attempt else ()
    for message in sorted(received, key=lambda one: short_id(one.message_id) not in tried):
        event = message.data.message.event
        if not isinstance(event, ExecutionStarted):
            continue
        if is_of_one_chain(event.instance.execution_id, loaded.execution_id):
            continue  # The loaded execution is that one, or continues it.
        if event.parent is not None or message.start_is_confirmed:
            return message
        row = await hub.instances.get(message.data.message.target.instance_id, with_input=False)
        taken_at = message.next_visible_at - message.held_seconds * TICKS_PER_SECOND
        verdict = judge_start(event, row, dequeue_count=message.dequeue_count, taken_at=taken_at)
        if verdict is Verdict.TAKE:
            return message
        others = [m for m in received if m is not message]
        rest = await sort_messages(hub, others, loaded) if others else Batch(past=loaded.events)
        (rest.drop if verdict is Verdict.DROP else rest.later).append(message)
        return rest
    return None


def _is_second_start(message: ReceivedMessage, start: ReceivedMessage | None) -> bool:
    return isinstance(message.data.message.event, ExecutionStarted) and message is not start


async def _sort_without_execution(hub: TaskHub, batch: Batch) -> None:
    """Nothing has been started here: entities start by being called, the rest has come too early or for nothing."""
    instance_id = batch.take[0].data.message.target.instance_id
    if names_entity(instance_id) and any(isinstance(event, EventRaised) for event in batch.events):
        return
    row = await hub.instances.get(instance_id, with_input=False)
    # Where the row says that a start is on its way, the real host would lose the event; waiting for it loses nothing.
    is_awaited = row is not None and row.runtime_status == "Pending"
    end = next((event for event in batch.events if isinstance(event, ExecutionTerminated)), None)
    if is_awaited and end is not None:
        # Once the row says that it is over, the start is dropped when it comes.
        await hub.instances.mark_terminated(instance_id, end.input, terminated_at=end.timestamp, now=hub.now())
    # A row that says more than the history did: the host before this one has saved that since it was read here.
    has_begun = row is not None and not is_awaited and row.runtime_status not in FINAL_STATUSES
    is_over = (end is not None and not has_begun) or (row is not None and row.runtime_status in FINAL_STATUSES)
    for message in batch.take:
        may_wait = may_wait_for_execution(message.dequeue_count, hub.now() - message.inserted_at)
        # It may answer an episode that died before it was saved, of a child, which has no row before that.
        is_an_answer = comes_once(message.data.message.event, message.data.sender.instance_id)
        waits = not is_over and (is_awaited or (may_wait and (has_begun or is_an_answer)))
        (batch.later if waits else batch.drop).append(message)
    batch.take = []
