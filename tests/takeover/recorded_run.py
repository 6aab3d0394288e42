"""One recorded scenario as steps: what the real host did to storage, deletions included, with tokens still in it.

From requests to the steps of a run.
Invariant: a message is deleted exactly once, and after everything that it caused is in storage.

Deletions name no instance, so that the recordings of a scenario do not have them. They follow from the rest:
a work item is deleted when its result is in the control queue; the messages of an episode are deleted when its history
and its instance's row are written; what comes for an instance that has ended is deleted at the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from takeover.hub_state import (
    HISTORY,
    INSTANCES,
    WORK_ITEMS,
    Delete,
    Put,
    RowWrite,
    Step,
    Take,
    Write,
)
from takeover.large_values import LargeValues
from takeover.recorded_gaps import fill_gaps
from takeover.recorded_requests import (
    RunNames,
    StorageRequest,
    messages_in,
    recorded_requests,
    written_rows,
)

__all__ = ["RECEIVED", "batch_rows", "queue_of", "recorded_run"]

RECEIVED: Final = frozenset(
    {
        "EventRaised",
        "ExecutionResumed",
        "ExecutionStarted",
        "ExecutionSuspended",
        "ExecutionTerminated",
        "GenericEvent",
        "SubOrchestrationInstanceCompleted",
        "SubOrchestrationInstanceFailed",
        "TaskCompleted",
        "TaskFailed",
        "TimerFired",
    }
)
"""The kinds of events that come by message; all others are made by the episode."""

_VISIBILITY: Final = re.compile(r"[?&]visibilitytimeout=(\d+)")
_AFTER: Final = 0.01
"""How long after what it waits for a deletion is placed; the requests of a run are further apart."""


def recorded_run(scenario: str, names: RunNames) -> list[Step]:
    """The steps of a scenario, in the order in which the real host made them."""
    requests = fill_gaps(scenario, recorded_requests(scenario, names), names)
    steps = list(_steps(requests, names))
    return sorted([*steps, *_deletions(steps)], key=lambda step: step.at_ms)


def _steps(requests: Iterable[StorageRequest], names: RunNames) -> Iterator[Step]:
    large = LargeValues(names)
    for request in requests:
        at_ms = request.at_ms
        match request.service, request.method:
            case "queue", "POST":
                (wire,) = messages_in(request.body)
                data = large.message(wire["CompressedBlobName"]) if wire["CompressedBlobName"] else wire
                visibility = _VISIBILITY.search(request.path)
                yield Put(
                    at_ms=at_ms,
                    key=_key(wire),
                    queue=queue_of(data),
                    wire=wire,
                    data=data,
                    visible_after=int(visibility[1]) if visibility else None,
                )
            case "queue", "GET":
                yield Take(at_ms=at_ms, keys=tuple(_key(wire) for wire in messages_in(request.reply)))
            case "table", "POST" | "PUT" | "PATCH":
                written = written_rows(request, names)
                yield Write(
                    at_ms=at_ms,
                    rows=tuple(RowWrite(verb=verb, table=table, row=row) for verb, table, row in written),
                )
            case "blob", "PUT":
                yield large.write(request)


def _key(wire: Mapping[str, Any]) -> str:
    return str(wire["CompressedBlobName"] or wire["SequenceNumber"])


def queue_of(data: Mapping[str, Any]) -> str:
    """Where the real host puts a message: activities to all, everything else to the instance that it is for."""
    is_work_item = data["TaskMessage"]["Event"]["$type"].endswith("TaskScheduledEvent")
    return WORK_ITEMS if is_work_item else str(data["TaskMessage"]["OrchestrationInstance"]["InstanceId"])


def batch_rows(step: Step) -> list[Mapping[str, Any]]:
    """The events of an episode that a step writes; empty for every other step."""
    if not isinstance(step, Write) or step.table != HISTORY:
        return []
    rows = [write.row for write in step.rows]
    return [row for row in rows if row["RowKey"] != "sentinel"] if rows[-1]["RowKey"] == "sentinel" else []


@dataclass(slots=True)
class _Consumption:
    """What has been put and taken so far, and what has been consumed of it."""

    puts: dict[str, Put] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    waiting: dict[str, list[Put]] = field(default_factory=dict)
    """By instance: what its latest episode consumed, until the instance's row is written."""

    def consume(self, put: Put) -> Put:
        """Count a message as done with."""
        return self.puts.pop(put.key)

    def there(self, queue: str) -> list[Put]:
        """What was received of a queue and not consumed yet, the oldest first."""
        return [put for put in self.puts.values() if put.queue == queue and put.key in self.taken]


def _deletions(steps: Iterable[Step]) -> Iterator[Delete]:
    so_far = _Consumption()
    at_ms = 0.0
    for step in steps:
        at_ms = step.at_ms
        match step:
            case Put():
                so_far.puts[step.key] = step
                if step.kind in ("TaskCompleted", "TaskFailed"):
                    yield _deletion(so_far.consume(_work_item(so_far, step)), step)
            case Take():
                so_far.taken.update(step.keys)
            case Write() if step.table == INSTANCES:
                for number, put in enumerate(so_far.waiting.pop(step.partition_key, [])):
                    yield _deletion(put, step, number)
            case Write() if rows := batch_rows(step):
                instance = step.partition_key
                so_far.waiting[instance] = [so_far.consume(put) for put in _consumed(so_far, instance, rows)]
    for number, put in enumerate(put for put in list(so_far.puts.values()) if put.key in so_far.taken):
        yield Delete(at_ms=at_ms + (number + 1) * _AFTER, key=put.key)


def _deletion(put: Put, cause: Step, number: int = 0) -> Delete:
    return Delete(at_ms=cause.at_ms + (number + 1) * _AFTER, key=put.key)


def _work_item(so_far: _Consumption, result: Put) -> Put:
    return next(
        put
        for put in so_far.there(WORK_ITEMS)
        if put.instance_id == result.instance_id and put.event["EventId"] == result.event["TaskScheduledId"]
    )


def _consumed(so_far: _Consumption, instance: str, rows: Iterable[Mapping[str, Any]]) -> Iterator[Put]:
    """The messages of the episode that these rows are of."""
    there = so_far.there(instance)
    received = [row for row in rows if row["EventType"] in RECEIVED]
    if received[:1] and received[0]["EventType"] == "ExecutionStarted" and not _has_start(there):
        # A new generation, of an entity or after continue-as-new: what led to it is not among its events.
        yield from there
        return
    for row in received:
        put = next(put for put in there if _is_of(put, row))
        there.remove(put)
        yield put


def _has_start(puts: Iterable[Put]) -> bool:
    return any(put.kind == "ExecutionStarted" for put in puts)


def _is_of(put: Put, row: Mapping[str, Any]) -> bool:
    told = ("TaskScheduledId", "TimerId", "Name")
    return put.kind == row["EventType"] and all(put.event.get(name) == row.get(name) for name in told)
