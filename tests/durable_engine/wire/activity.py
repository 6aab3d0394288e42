"""Activities as the host sees them: the input text that they get, and the event that their outcome becomes.

Both halves of the way of a value through an activity.
Invariant: a result is compact JSON text, None for Python's None; a failure carries the host's two texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from durable_engine.model.dotnet_json import compact_json
from durable_engine.model.events import TaskCompleted, TaskFailed, TaskScheduled
from durable_engine.model.failures import UserException, activity_failure, unreadable_result
from durable_engine.model.json_reader import JsonReaderError, read_json, read_object
from durable_engine.model.ticks import Ticks

__all__ = ["ActivityOutcome", "activity_input", "completion_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityOutcome:
    """What one run of an activity gave: the JSON text that the worker encoded, or what it raised."""

    result: str | None = None
    raised: UserException | None = None


def activity_input(scheduled: TaskScheduled) -> str | None:
    """The text that the worker's activity binding gets: the one element of the stored array.

    Other SDKs store the value bare; they are accepted as the real host accepts them.
    """
    if scheduled.input is None:
        return None
    value = read_json(scheduled.input)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, str) else compact_json(value)


def completion_of(scheduled: TaskScheduled, outcome: ActivityOutcome, now: Ticks) -> TaskCompleted | TaskFailed:
    """The event that reports the outcome to the orchestration which scheduled the activity."""
    if outcome.raised is not None:
        reason, details = activity_failure(scheduled.name, outcome.raised)
        return TaskFailed(timestamp=now, task_scheduled_id=scheduled.event_id, reason=reason, details=details)
    try:
        result = _stored(outcome.result)
    except JsonReaderError as error:
        reason, details = unreadable_result(scheduled.name, error)
        return TaskFailed(timestamp=now, task_scheduled_id=scheduled.event_id, reason=reason, details=details)
    return TaskCompleted(timestamp=now, task_scheduled_id=scheduled.event_id, result=result)


@lru_cache(maxsize=256)
def _stored(result: str | None) -> str | None:
    """A result's text as the host stores it."""
    value = None if result is None else read_object(result)
    return None if value is None else compact_json(value)
