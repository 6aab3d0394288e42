"""The history of an instance as a table: what came or was decided, when, and in which words.

Invariant: every event is a line; the rows as the table has them are one link away.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from durable_engine import (
    EventRaised,
    EventSent,
    ExecutionCompleted,
    ExecutionResumed,
    ExecutionStarted,
    ExecutionSuspended,
    ExecutionTerminated,
    GenericEvent,
    HistoryEvent,
    SubOrchestrationInstanceCreated,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
    Ticks,
    TimerCreated,
    TimerFired,
    plain_input,
    ticks_to_text,
)

__all__ = ["HistoryLine", "history_lines", "raw_rows"]

_LONGEST: Final = 240


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLine:
    """One event. ``since_start`` is from the first event on; ``refers_to`` is the id of what it answers."""

    number: int
    at: Ticks
    since_start: Ticks
    kind: str
    event_id: int | None
    refers_to: int | None
    name: str
    detail: str


def history_lines(events: Sequence[HistoryEvent]) -> list[HistoryLine]:
    """A line for each event, in the order of the history."""
    names = {
        event.event_id: event.name
        for event in events
        if isinstance(event, TaskScheduled | SubOrchestrationInstanceCreated)
    }
    start = events[0].timestamp if events else 0
    lines = []
    for number, event in enumerate(events, 1):
        refers_to = getattr(event, "task_scheduled_id", getattr(event, "timer_id", None))
        name = getattr(event, "name", None) or names.get(-1 if refers_to is None else refers_to, "")
        detail = _detail(event)
        lines.append(
            HistoryLine(
                number=number,
                at=event.timestamp,
                since_start=event.timestamp - start,
                kind=event.kind,
                event_id=event.event_id if event.event_id >= 0 else None,
                refers_to=refers_to,
                name=str(name),
                detail=detail if len(detail) <= _LONGEST else f"{detail[:_LONGEST]}…",
            )
        )
    return lines


def raw_rows(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as the table has them, as JSON text."""
    return json.dumps(rows, indent=2, default=str, ensure_ascii=False)


def _detail(event: HistoryEvent) -> str:
    match event:
        case ExecutionStarted() | TaskScheduled():
            return "" if event.input is None else plain_input(event.input)
        case SubOrchestrationInstanceCreated():
            return f"as {event.instance_id}"
        case TaskCompleted():
            return event.result or ""
        case TaskFailed():
            return event.reason or ""
        case TimerCreated() | TimerFired():
            return f"due {ticks_to_text(event.fire_at)}"
        case EventRaised():
            return event.input or ""
        case EventSent():
            return f"to {event.instance_id}"
        case ExecutionCompleted():
            return f"{event.orchestration_status} {event.result or ''}".strip()
        case ExecutionTerminated():
            return event.input or ""
        case ExecutionSuspended() | ExecutionResumed():
            return event.reason or ""
        case GenericEvent():
            return event.data or ""
        case _:
            return ""
