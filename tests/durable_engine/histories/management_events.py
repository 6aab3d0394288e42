"""The management API's history items as events that lack their ids.

Turns each item of the JSON back into a message, a decision, or both: a decision that was folded into its completion.
Invariant: an item that cannot be read, and an answer that was asked for without all of it, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from durable_engine.model.dotnet_json import compact_json, parsed_json
from durable_engine.model.errors import HistoryError
from durable_engine.model.events import (
    EventRaised,
    EventSent,
    ExecutionCompleted,
    ExecutionResumed,
    ExecutionStarted,
    ExecutionSuspended,
    ExecutionTerminated,
    HistoryEvent,
    OrchestrationInstance,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
    TimerCreated,
    TimerFired,
)
from durable_engine.model.ticks import Ticks, ticks_from_text
from durable_engine.orchestration.nondeterminism import Scheduled

__all__ = ["CHILD_ID", "EXACT", "Entry", "Json", "entries_of"]

Json = Mapping[str, Any]

EXACT: Final = (
    "Use the exact history instead ('durable-host history INSTANCE > FILE'), or check the hub itself with "
    "'durable-host replay'."
)
"""What to use where the management API does not say enough."""
CHILD_ID: Final = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):(\d+)\Z")
"""An instance id that the host gave to a sub-orchestration: its parent's execution id, and the event id."""
_UNKNOWN_EXECUTION: Final = "00000000000000000000000000000000"


@dataclass(slots=True, kw_only=True)
class Entry:
    """One event of the JSON: a message, a decision, or both, where a decision was folded into its completion."""

    message: HistoryEvent | None = None
    decision: Scheduled | None = None
    event_id: int | None = None
    """The decision's id, once it is known."""

    @property
    def decided_at(self) -> Ticks:
        assert self.decision is not None
        return self.decision.timestamp


def entries_of(status: Json) -> tuple[ExecutionStarted, list[Entry]]:
    """The start of the execution, and all entries in the order of the answer, the start among them."""
    items = _items(status)
    entries = [_entry(item) for item in items]
    return _started(status, items, entries), entries


def _items(status: Json) -> Sequence[Json]:
    items = status.get("historyEvents")
    name = f"instance {status.get('instanceId')!r}"
    ask = "Ask the API with showHistory=true&showHistoryOutput=true&showInput=true."
    if not isinstance(items, list) or not items:
        raise HistoryError(f"The status of {name} holds no historyEvents. {ask}")
    for item in items:
        kind = item.get("EventType")
        if kind == "ExecutionStarted" and "Input" not in item:
            raise HistoryError(f"The history of {name} was asked for without inputs. {ask}")
        if kind in ("TaskCompleted", "SubOrchestrationInstanceCompleted") and "Result" not in item:
            raise HistoryError(f"The history of {name} was asked for without results. {ask}")
        if kind in ("GenericEvent", "ExecutionRewound"):
            raise HistoryError(
                f"The history of {name} was rewound, and the API does not show which steps were struck out. {EXACT}"
            )
    return items


def _started(status: Json, items: Sequence[Json], entries: Sequence[Entry]) -> ExecutionStarted:
    for item, entry in zip(items, entries, strict=True):
        if item.get("EventType") == "ExecutionStarted":
            instance = OrchestrationInstance(
                instance_id=str(status["instanceId"]), execution_id=_execution_id(entries) or _UNKNOWN_EXECUTION
            )
            assert isinstance(entry.message, ExecutionStarted)
            entry.message = replace(entry.message, instance=instance)
            return entry.message
    raise HistoryError(
        f"The history of instance {status.get('instanceId')!r} has no ExecutionStarted: the instance has not run yet, "
        "or events were left out."
    )


def _execution_id(entries: Sequence[Entry]) -> str | None:
    """The execution's id, where a child's name or a request to an entity tells it."""
    for entry in entries:
        match entry.decision:
            case SubOrchestrationInstanceCreated(instance_id=child):
                if given := CHILD_ID.match(child):
                    return given[1]
            case EventSent(input=text):
                if parent := (parsed_json(text) or {}).get("parentExecution"):
                    return str(parent)
    return None


def _entry(item: Json) -> Entry:
    at = ticks_from_text(item["Timestamp"])
    kind, name = item.get("EventType"), item.get("FunctionName") or item.get("Name") or ""
    match kind:
        case "ExecutionStarted":
            return Entry(message=_first_event(item, at))
        case "TaskScheduled":
            return Entry(decision=TaskScheduled(timestamp=at, name=name, input=item.get("Input")))
        case "SubOrchestrationInstanceCreated":
            return Entry(decision=_child(item, at, name))
        case "TimerCreated":
            return Entry(decision=TimerCreated(timestamp=at, fire_at=ticks_from_text(item["FireAt"])))
        case "EventSent":
            sent = EventSent(timestamp=at, instance_id=item["InstanceId"], name=name, input=item.get("Input"))
            return Entry(decision=sent)
        case "TaskCompleted" | "SubOrchestrationInstanceCompleted":
            completed = TaskCompleted if kind == "TaskCompleted" else SubOrchestrationInstanceCompleted
            result = item["Result"]
            message: HistoryEvent = completed(
                timestamp=at,
                task_scheduled_id=-1,
                result=None if result is None else compact_json(result),
                is_played=True,
            )
            return Entry(message=message, decision=_folded(item, name))
        case "TaskFailed" | "SubOrchestrationInstanceFailed":
            failed = TaskFailed if kind == "TaskFailed" else SubOrchestrationInstanceFailed
            message = failed(
                timestamp=at,
                task_scheduled_id=-1,
                reason=item.get("Reason"),
                details=item.get("Details"),
                is_played=True,
            )
            return Entry(message=message, decision=_folded(item, name))
        case "TimerFired":
            return Entry(
                message=TimerFired(timestamp=at, timer_id=-1, fire_at=ticks_from_text(item["FireAt"]), is_played=True)
            )
        case "EventRaised":
            return Entry(message=EventRaised(timestamp=at, name=name, input=item.get("Input"), is_played=True))
        case "ExecutionTerminated":
            return Entry(message=ExecutionTerminated(timestamp=at, input=item.get("Input"), is_played=True))
        case "ExecutionSuspended":
            return Entry(message=ExecutionSuspended(timestamp=at, reason=item.get("Reason"), is_played=True))
        case "ExecutionResumed":
            return Entry(message=ExecutionResumed(timestamp=at, reason=item.get("Reason"), is_played=True))
        case "ExecutionCompleted":
            result = item.get("Result")
            is_text = item["OrchestrationStatus"] != "Completed" and isinstance(result, str)
            text = result if is_text else None if result is None else compact_json(result)
            status = item["OrchestrationStatus"]
            return Entry(message=ExecutionCompleted(timestamp=at, orchestration_status=status, result=text))
        case _:
            raise HistoryError(f"A history event of type {kind!r} in the management API's answer is unknown. {EXACT}")


def _first_event(item: Json, at: Ticks) -> ExecutionStarted:
    return ExecutionStarted(
        timestamp=at,
        instance=OrchestrationInstance(instance_id="", execution_id=None),
        name=item["FunctionName"],
        input=item["Input"],
        generation=item.get("Generation"),
        is_played=True,
    )


def _folded(item: Json, name: str) -> Scheduled:
    """The decision that was folded into its completion."""
    if "ScheduledTime" not in item:
        raise HistoryError(
            f"A {item['EventType']} in the management API's answer does not say when it was scheduled. {EXACT}"
        )
    at = ticks_from_text(item["ScheduledTime"])
    if str(item["EventType"]).startswith("Sub"):
        return _child(item, at, name)
    return TaskScheduled(timestamp=at, name=name, input=item.get("Input"))


def _child(item: Json, at: Ticks, name: str) -> SubOrchestrationInstanceCreated:
    return SubOrchestrationInstanceCreated(
        timestamp=at, name=name, instance_id=item["InstanceId"], input=item.get("Input")
    )
