"""What must hold of a hub at every moment, so that whoever takes it over loses nothing.

Finds what a state lacks: histories that cannot be read, and work that nobody would ever go on with.
Invariant: the same is asked of what the real host leaves and of what ours leaves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from durable_engine import FINAL_STATUSES
from takeover.hub_state import HISTORY, INSTANCES, WORK_ITEMS, HubState, Put

__all__ = ["what_is_lost"]

Row = Mapping[str, Any]

_RESULTS: Final = {
    "TaskScheduled": ("TaskCompleted", "TaskFailed"),
    "SubOrchestrationInstanceCreated": ("SubOrchestrationInstanceCompleted", "SubOrchestrationInstanceFailed"),
    "TimerCreated": ("TimerFired",),
}


def what_is_lost(state: HubState) -> list[str]:
    """What nobody who finds this hub could make good; empty as it should be."""
    found: list[str] = []
    for partition in {key[1] for key in state.rows if key[0] == HISTORY}:
        rows = state.partition(HISTORY, partition)
        if not _has_begun(rows):
            continue
        found += _unreadable(partition, rows)
        if not found:
            found += _Instance(state, partition, rows).lost()
    for (table, instance, _), row in state.rows.items():
        if (
            table == INSTANCES
            and row.get("RuntimeStatus") == "Pending"
            and not _has_begun(state.partition(HISTORY, instance))
        ):
            starts = [put for put in _puts(state) if put.kind == "ExecutionStarted" and put.instance_id == instance]
            if not any(put.event["OrchestrationInstance"]["ExecutionId"] == row["ExecutionId"] for put in starts):
                found.append(f"{instance} was promised and has neither a history nor a start message")
    return found


def _puts(state: HubState) -> Iterator[Put]:
    return (message.put for message in state.messages.values())


def _has_begun(rows: list[dict[str, Any]]) -> bool:
    """Whether there is more than a note on an attempt at the first episode, which is a sentinel of no execution."""
    return any("ExecutionId" in row for row in rows)


def _unreadable(partition: str, rows: list[dict[str, Any]]) -> Iterator[str]:
    sentinel = rows[-1]
    if sentinel["RowKey"] != "sentinel":
        yield f"{partition} has history rows and no sentinel"
        return
    if not sentinel.get("IsCheckpointComplete"):
        yield f"{partition} has a sentinel that does not end a checkpoint"
    events = _current(rows)
    if [int(row["RowKey"], 16) for row in events] != list(range(len(events))) or not events:
        yield f"{partition} has gaps in its history: {[row['RowKey'] for row in events]}"
    if [row["EventType"] for row in events[:2]] != ["OrchestratorStarted", "ExecutionStarted"]:
        yield f"{partition} has a history that begins with {[row['EventType'] for row in events[:2]]}"


def _current(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of the sentinel's execution; those that a longer one before it left follow them."""
    execution = rows[-1]["ExecutionId"]
    events = []
    for row in rows[:-1]:
        if row["ExecutionId"] != execution:
            break
        events.append(row)
    return events


class _Instance:
    """One instance with a history that can be read."""

    def __init__(self, state: HubState, instance_id: str, rows: list[dict[str, Any]]) -> None:
        self._state, self._id = state, instance_id
        self._events = _current(rows)
        self._execution = rows[-1]["ExecutionId"]
        self._messages = [put for put in _puts(state) if put.instance_id == instance_id]

    def lost(self) -> Iterator[str]:
        """What of this instance nobody would go on with."""
        has_ended = any(row["EventType"] == "ExecutionCompleted" for row in self._events[-2:])
        row = self._state.instance(self._id) or {}
        if has_ended:
            if row.get("RuntimeStatus") not in FINAL_STATUSES and not self._messages:
                yield f"{self._id} has ended, its row says {row.get('RuntimeStatus')}, and no message would mend that"
            return
        for event in self._events:
            kind = event["EventType"]
            if kind in _RESULTS and not self._has_result(event) and not self._is_under_way(event):
                yield f"{self._id} waits for {kind} {event['EventId']}, and nobody works on it"
            if kind == "EventSent" and not self._is_answered(json.loads(event["Input"]), event["InstanceId"]):
                yield f"{self._id} waits for an answer of {event['InstanceId']}, and nobody works on it"

    def _has_result(self, asked: Row) -> bool:
        return any(_answers(row["EventType"], row, asked) for row in self._events)

    def _is_under_way(self, asked: Row) -> bool:
        if any(_answers(put.kind, put.event, asked) for put in self._messages):
            return True
        match asked["EventType"]:
            case "TaskScheduled":
                return any(
                    put.queue == WORK_ITEMS and put.event["EventId"] == asked["EventId"] for put in self._messages
                )
            case "SubOrchestrationInstanceCreated":
                child = asked["InstanceId"]
                is_asked_for = any(
                    put.kind == "ExecutionStarted" and put.instance_id == child for put in _puts(self._state)
                )
                return is_asked_for or (bool(self._state.partition(HISTORY, child)) and not self._has_reported(child))
        return False

    def _has_reported(self, child: str) -> bool:
        row = self._state.instance(child) or {}
        return row.get("RuntimeStatus") in FINAL_STATUSES

    def _is_answered(self, request: Row, entity: str) -> bool:
        if request.get("signal") or any(row.get("Name") == request["id"] for row in self._events):
            return True
        messages = list(_puts(self._state))
        is_answered = any(put.instance_id == self._id and put.event.get("Name") == request["id"] for put in messages)
        is_asked = any(
            put.instance_id == entity and request["id"] in (put.event.get("Input") or "") for put in messages
        )
        return is_answered or is_asked or self._keeps_back(entity, request["id"])

    def _keeps_back(self, entity: str, request_id: str) -> bool:
        """Whether the entity has the request, and keeps it until the one before it comes, or a lock is gone."""
        rows = self._state.partition(HISTORY, entity)
        states = [row.get("Input") or "" for row in rows if row.get("EventType") == "ExecutionStarted"]
        return any(request_id in state for state in states[:1])


def _answers(kind: str, answer: Row, asked: Row) -> bool:
    number = answer.get("TimerId") if kind == "TimerFired" else answer.get("TaskScheduledId")
    return kind in _RESULTS[asked["EventType"]] and number == asked["EventId"]
