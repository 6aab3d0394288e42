"""Which messages an instance may take now, which are too early, and which are for nothing.

The Azure Storage backend's rules for starts, early results and dead executions, as pure functions.
Invariant: a message is only dropped where no execution can ever want it; everything else is tried again later.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from durable_engine import (
    FINAL_STATUSES,
    TICKS_PER_SECOND,
    EventRaised,
    EventSent,
    ExecutionCompleted,
    ExecutionStarted,
    HistoryEvent,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
    Ticks,
    TimerCreated,
    TimerFired,
)
from durable_host.task_hub.tables.instance_rows import InstanceRow

__all__ = [
    "Asked",
    "Verdict",
    "comes_once",
    "is_ended",
    "is_entity",
    "judge_start",
    "judge_timing",
    "may_be_of_next",
    "may_wait_for_execution",
    "names_entity",
]

_REDELIVERIES_OF_AN_ORPHAN = 5
_DELIVERIES_OF_A_START = 10
_DELIVERIES_OF_A_RESULT = 3
_LONGEST_WAIT = 10 * 60 * TICKS_PER_SECOND


class Verdict(Enum):
    """What to do with a message."""

    TAKE = "take"
    DROP = "drop"
    TRY_LATER = "try later"


def judge_start(event: ExecutionStarted, row: InstanceRow | None, *, dequeue_count: int, taken_at: Ticks) -> Verdict:
    """Whether a client's start message belongs to the instance's row, is a duplicate of it, or must wait for the row.

    ``taken_at`` is when this delivery was received. A start without a matching row never runs: the row is written
    just after the message, so it may be missing for a moment. One whose row has ended is over already, or was
    terminated before it began.
    """
    if row is not None:
        mine = event.instance.execution_id
        if row.execution_id is None or (mine is not None and row.execution_id.upper() == mine.upper()):
            return Verdict.DROP if row.runtime_status in FINAL_STATUSES else Verdict.TAKE
        if row.generation == event.generation:
            is_older = row.runtime_status == "Pending" and row.created_at < event.timestamp
            is_redelivered = dequeue_count > 1 and taken_at > row.created_at
            if is_older or is_redelivered:
                return Verdict.DROP
    return Verdict.DROP if dequeue_count >= _DELIVERIES_OF_A_START else Verdict.TRY_LATER


@dataclass(frozen=True, slots=True)
class Asked:
    """What a history has asked for and may get an answer to: event ids of tasks and timers, ids of entity requests."""

    history_is_empty: bool
    ids: frozenset[int]
    requests: frozenset[str]

    @classmethod
    def in_history(cls, history: Sequence[HistoryEvent]) -> Asked:
        """Read a history once, for all the messages that are judged against it."""
        scheduled = (TaskScheduled, SubOrchestrationInstanceCreated, TimerCreated)
        return cls(
            history_is_empty=not history,
            ids=frozenset(event.event_id for event in history if isinstance(event, scheduled)),
            requests=frozenset(_request_id(event) for event in history if isinstance(event, EventSent)),
        )


def judge_timing(event: HistoryEvent, asked: Asked, *, sender: str, dequeue_count: int) -> Verdict:
    """Whether the history has asked for this yet: results may overtake the checkpoint that asked for them.

    ``sender`` is the instance that sent it, which tells an entity's answer from an event of the same name.
    """
    match event:
        case TaskCompleted() | TaskFailed():
            is_expected = event.task_scheduled_id in asked.ids
        case TimerFired():
            is_expected = event.timer_id in asked.ids
        case EventRaised() if names_entity(sender) and asked.requests:
            is_expected = event.name in asked.requests
        case _:
            return Verdict.TAKE
    if is_expected or (asked.history_is_empty and dequeue_count > _REDELIVERIES_OF_AN_ORPHAN):
        return Verdict.TAKE
    return Verdict.TRY_LATER


def may_be_of_next(event: HistoryEvent, *, sender: str, dequeue_count: int, age: Ticks) -> bool:
    """Whether a result that is not of this execution may be of the next: its host may be about to save that one.

    ``age`` is how long ago the message was sent.
    """
    if comes_once(event, sender):
        return may_wait_for_execution(dequeue_count, age)
    results = (TaskCompleted, TaskFailed, TimerFired)
    return isinstance(event, results) and dequeue_count <= _DELIVERIES_OF_A_RESULT


def comes_once(event: HistoryEvent, sender: str) -> bool:
    """Whether nobody would send this again: a child, or an entity, that an episode asks once more has done it already.

    An activity and a timer, in contrast, are asked for once more, and answer once more.
    """
    if isinstance(event, SubOrchestrationInstanceCompleted | SubOrchestrationInstanceFailed):
        return True
    return isinstance(event, EventRaised) and names_entity(sender)


def may_wait_for_execution(dequeue_count: int, age: Ticks) -> bool:
    """Whether the execution that such a message is for may still be saved. Hosts that die make the deliveries many, and
    a time without any host makes the age high: only both together tell that nobody wants it."""
    return dequeue_count <= _REDELIVERIES_OF_AN_ORPHAN or age < _LONGEST_WAIT


def is_ended(history: Sequence[HistoryEvent]) -> bool:
    """Whether the execution of this history has ended."""
    return any(isinstance(event, ExecutionCompleted) for event in history[-2:])


def names_entity(instance_id: str) -> bool:
    """Whether the id has the form of an entity's."""
    return instance_id.startswith("@") and instance_id.find("@", 1) > 1


def is_entity(instance_id: str, history: Sequence[HistoryEvent], batch: Sequence[HistoryEvent]) -> bool:
    """Whether the instance is an entity: it has an entity's id and was not started as an orchestration.

    The real host lets an orchestration be started under the id ``@bad``, so the id alone does not tell.
    """
    if not names_entity(instance_id):
        return False
    starts = [event for event in (*history[:2], *batch) if isinstance(event, ExecutionStarted)]
    return all(start.name == instance_id for start in starts)


def _request_id(event: EventSent) -> str:
    try:
        request = json.loads(event.input or "null")
    except ValueError:
        return ""
    return str(request.get("id", "")) if isinstance(request, dict) else ""
