"""The history that a status shows: events renamed, folded and stripped, as the Durable extension does it.

From history events to ``historyEvents``.
Invariant: a completion carries its schedule's time, name and input, and the schedule itself is gone; an id that the
history holds twice, which only a non-deterministic replay leaves behind, cannot be shown, here as on the real host.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from durable_engine import (
    ORCHESTRATION_STATUS,
    ExecutionCompleted,
    ExecutionStarted,
    HistoryEvent,
    OrchestratorCompleted,
    OrchestratorStarted,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
    TimerFired,
    event_to_json,
)
from durable_host.http.management.query import json_or_text

__all__ = ["DuplicateEventError", "history_view"]


class DuplicateEventError(Exception):
    """The history schedules one id twice; the text is .NET's for a key that a dictionary already has."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"An item with the same key has already been added. Key: {key}")


def history_view(events: Sequence[HistoryEvent], *, show_input: bool, show_output: bool) -> list[dict[str, Any]]:
    """The events as the API shows them."""
    shown: list[dict[str, Any] | None] = []
    scheduled: dict[str, tuple[int, dict[str, Any]]] = {}
    for event in events:
        if isinstance(event, OrchestratorStarted | OrchestratorCompleted):
            continue
        item = event_to_json(event)
        item["EventType"] = event.kind
        if isinstance(event, TaskScheduled | SubOrchestrationInstanceCreated):
            key = f"{event.kind}_{event.event_id}"
            if key in scheduled:
                raise DuplicateEventError(key)
            scheduled[key] = len(shown), dict(item)
            del item["Version"]
        elif isinstance(event, TaskFailed | TaskCompleted):
            # A sub-orchestration's completion is a TaskCompleted too, of another kind.
            is_sub = isinstance(event, SubOrchestrationInstanceCompleted | SubOrchestrationInstanceFailed)
            schedule = SubOrchestrationInstanceCreated if is_sub else TaskScheduled
            found = scheduled.get(f"{schedule.__name__}_{event.task_scheduled_id}")
            _complete(item, found[1] if found else None, show_input=show_input)
            if found:
                shown[found[0]] = None
            if isinstance(event, TaskCompleted):
                _show_result(item, show_output=show_output)
        elif isinstance(event, ExecutionStarted):
            for name in ("OrchestrationInstance", "ParentInstance", "Version", "Tags"):
                del item[name]
            item["FunctionName"] = item.pop("Name")
        elif isinstance(event, ExecutionCompleted):
            item["OrchestrationStatus"] = ORCHESTRATION_STATUS[item["OrchestrationStatus"]]
            _show_result(item, show_output=show_output)
        elif isinstance(event, TimerFired):
            del item["TimerId"]
        if not show_input:
            item.pop("Input", None)
        del item["EventId"], item["IsPlayed"]
        shown.append(item)
    return [item for item in shown if item is not None]


def _complete(item: dict[str, Any], schedule: dict[str, Any] | None, *, show_input: bool) -> None:
    """Fold a schedule into its completion."""
    del item["TaskScheduledId"]
    if schedule is None:
        return
    item["ScheduledTime"] = f"{schedule['Timestamp'].removesuffix('Z')}+00:00"
    item["FunctionName"] = schedule["Name"]
    if "InstanceId" in schedule:
        item["InstanceId"] = schedule["InstanceId"]
    if show_input:
        item["Input"] = schedule["Input"]


def _show_result(item: dict[str, Any], *, show_output: bool) -> None:
    if show_output:
        item["Result"] = json_or_text(item["Result"])
    else:
        del item["Result"]
