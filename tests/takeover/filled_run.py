"""A recorded run with ids and times in the places that lost them, so that it is the run of one real host.

The recordings have ``<guid>`` and ``<time..>`` for what differs between runs. Each gets the value that it must have
for the run to be one: the same execution, message or request has one id wherever it occurs, and time goes on.
Invariant: no token is left, and equal arguments give equal steps.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from durable_engine import TICKS_PER_SECOND, Ticks, ticks_from_text, ticks_to_full_text, ticks_to_text
from takeover.hub_state import HISTORY, BlobWrite, Put, RowWrite, Step, Take, Write
from takeover.recorded_requests import RunNames
from takeover.recorded_run import RECEIVED, batch_rows, recorded_run

__all__ = ["filled_run", "run_that_died"]

Json = dict[str, Any]

_TICKS_PER_MS: Final = TICKS_PER_SECOND // 1000
_TICKS_PER_MOMENT: Final = 100
_GUID: Final = "<guid>"
_REQUESTS: Final = uuid.UUID("9e952959-5e33-4daf-827f-2fa12937b875")
"""The namespace in which the real host makes the ids of requests to entities."""
_HORIZON: Final = 30 * 60 * TICKS_PER_SECOND
_DELAYS: Final = {"timer": 2.0, "retry_succeeds": 0.3, "timer_days": 3 * 86_400.0}
"""How far ahead of its episode each recorded scenario sets its timers, in seconds."""


def filled_run(scenario: str, names: RunNames, began_at: Ticks) -> list[Step]:
    """The steps of a scenario that a real host began at this moment."""
    return _filled(recorded_run(scenario, names), scenario, names, began_at)


def run_that_died(scenario: str, names: RunNames, *, steps_done: int, died_at: Ticks) -> list[Step]:
    """The steps of a scenario that a real host began so that it had made so many of them at this moment."""
    steps = recorded_run(scenario, names)
    last = steps[steps_done - 1].at_ms if steps_done else 0.0
    return _filled(steps, scenario, names, died_at - round(last * _TICKS_PER_MS))


def _filled(steps: Sequence[Step], scenario: str, names: RunNames, began_at: Ticks) -> list[Step]:
    delay = round(_DELAYS.get(scenario, 0.0) * TICKS_PER_SECOND)
    return _Filler(steps, names, began_at, delay).filled()


@dataclass(slots=True)
class _Requests:
    """What one orchestration asked of entities so far."""

    texts: list[str] = field(default_factory=list)
    """The inputs of its requests, in their order."""
    awaited: list[str] = field(default_factory=list)
    """The ids of those that wait for an answer."""
    last_stamp: Ticks = 0
    last_stamp_text: str = "0001-01-01T00:00:00"
    saved: int = 0
    """How many of them are in its history."""


class _Filler:
    def __init__(self, steps: Sequence[Step], names: RunNames, began_at: Ticks, delay: Ticks) -> None:
        self._steps, self._names, self._began_at, self._delay = steps, names, began_at, delay
        self._puts: dict[str, Put] = {}
        self._arrived: dict[str, list[Put]] = {}
        self._requests: dict[str, _Requests] = {}
        self._fire_at: dict[tuple[str, int], Ticks] = {}
        self._task_execution: dict[tuple[str, int], str] = {}
        self._event_times: dict[tuple[str, str], str] = {}
        self._row_times: dict[str, tuple[str, str]] = {}
        self._executions: dict[str, list[tuple[int, str]]] = {}
        """By instance: the places of its batches, and the execution that each is of."""
        self._episodes: dict[str, list[tuple[int, Ticks]]] = {}
        """By instance: the places of its batches, and when each episode began."""
        self._find_episodes()

    def filled(self) -> list[Step]:
        return [self._step(place, step) for place, step in enumerate(self._steps)]

    def _step(self, place: int, step: Step) -> Step:
        match step:
            case Put():
                return self._put(place, step)
            case Take():
                for key in step.keys:
                    self._arrived.setdefault(self._puts[key].queue, []).append(self._puts[key])
                return step
            case Write() if rows := batch_rows(step):
                return self._batch(place, step, len(rows))
            case Write():
                return replace(step, rows=tuple(self._single_row(place, step, write) for write in step.rows))
            case BlobWrite() if "/message-" in step.name:
                return replace(step, text=self._message_text(place, step))
            case _:
                return step

    # Executions and episodes, in advance.

    def _find_episodes(self) -> None:
        takes: dict[str, Ticks] = {}
        queues = {step.key: step.queue for step in self._steps if isinstance(step, Put)}
        for place, step in enumerate(self._steps):
            if isinstance(step, Take):
                takes |= {queues[key]: self._at(step) for key in step.keys}
            elif rows := batch_rows(step):
                instance = str(rows[0]["PartitionKey"])
                executions = self._executions.setdefault(instance, [])
                started = [row for row in rows if row["EventType"] == "ExecutionStarted"]
                execution = (
                    json.loads(started[0]["OrchestrationInstance"])["ExecutionId"] if started else executions[-1][1]
                )
                executions.append((place, execution))
                self._episodes.setdefault(instance, []).append((place, takes[instance] + _TICKS_PER_MS // 2))

    def _execution(self, instance: str, place: int) -> str:
        """The execution of the episode that is under way, or that was the last one."""
        later = [execution for at, execution in self._executions[instance] if at >= place]
        return later[0] if later else self._executions[instance][-1][1]

    def _execution_before(self, instance: str, place: int) -> str:
        return [execution for at, execution in self._executions[instance] if at < place][-1]

    def _episode_began(self, instance: str, place: int) -> Ticks:
        return next(began for at, began in self._episodes[instance] if at >= place)

    def _at(self, step: Step) -> Ticks:
        return self._began_at + round(step.at_ms * _TICKS_PER_MS)

    # Messages.

    def _put(self, place: int, step: Put) -> Put:
        data = self._message(place, step)
        if step.wire is step.data:
            wire: Mapping[str, Any] = data
        else:
            wire = {**step.wire, "ActivityId": "00000000-0000-0000-0000-000000000000"}
        filled = replace(step, data=data, wire=wire)
        self._puts[step.key] = filled
        return filled

    def _message_text(self, place: int, blob: BlobWrite) -> str:
        put = next(step for step in self._steps if isinstance(step, Put) and step.key == blob.name)
        return json.dumps(self._message(place, put), separators=(",", ":"))

    def _message(self, place: int, step: Put) -> Json:
        data: Json = json.loads(json.dumps(step.data))
        message = data["TaskMessage"]
        event, target, sender = message["Event"], message["OrchestrationInstance"], data["Sender"]
        instance, key = target["InstanceId"], (target["InstanceId"], event.get("TaskScheduledId", event["EventId"]))
        began = self._began_at + round(step.at_ms * _TICKS_PER_MS) - _TICKS_PER_MS // 5
        event["Timestamp"] = ticks_to_text(began)
        if data["ActivityId"] == _GUID:
            data["ActivityId"] = self._names.guid(f"message {step.key}")
        if target["ExecutionId"] == _GUID:
            if step.kind in ("TaskCompleted", "TaskFailed"):
                target["ExecutionId"] = self._task_execution[key]
            elif step.kind == "ExecutionStarted":
                target["ExecutionId"] = self._executions[instance][0][1]
            else:
                target["ExecutionId"] = self._execution(instance, place)
        if sender["ExecutionId"] == _GUID:
            find = self._execution_before if sender["InstanceId"].startswith("@") else self._execution
            of_itself = sender["InstanceId"] == instance
            sender["ExecutionId"] = target["ExecutionId"] if of_itself else find(sender["InstanceId"], place)
        match step.kind:
            case "TaskScheduled":
                self._task_execution[key] = target["ExecutionId"]
            case "ExecutionStarted":
                event["OrchestrationInstance"] = dict(target)
                if event["ParentInstance"]:
                    event["ParentInstance"]["OrchestrationInstance"]["ExecutionId"] = sender["ExecutionId"]
            case "TimerFired":
                event["FireAt"] = ticks_to_text(self._timer(place, instance, event["TimerId"]))
            case "EventRaised" if event["Name"] == _GUID:
                event["Name"] = self._requests[instance].awaited.pop(0)
            case "EventRaised" if instance.startswith("@"):
                event["Input"] = self._request(place, sender, json.loads(event["Input"]))
        return data

    def _timer(self, place: int, instance: str, timer_id: int) -> Ticks:
        return self._fire_at.setdefault((instance, timer_id), self._episode_began(instance, place) + self._delay)

    def _request(self, place: int, sender: Mapping[str, str], request: Json) -> str:
        instance = sender["InstanceId"]
        requests = self._requests.setdefault(instance, _Requests())
        began = self._episode_began(instance, place)
        name = f"{instance}_{ticks_to_full_text(began)}_{len(requests.texts)}"
        stamp = max(began, requests.last_stamp + 1)
        text = ticks_to_text(stamp).removesuffix("" if request["Timestamp"].endswith("Z>") else "Z")
        request |= {
            "id": str(uuid.uuid5(_REQUESTS, name)),
            "parentExecution": sender["ExecutionId"],
            "Timestamp": text,
            "Predecessor": requests.last_stamp_text,
            "requestTime": ticks_to_text(began + _TICKS_PER_MS).removesuffix("Z") + "+00:00",
        }
        if not request.get("signal"):
            requests.awaited.append(request["id"])
        requests.last_stamp, requests.last_stamp_text = stamp, text
        written = json.dumps(request, separators=(",", ":"), ensure_ascii=False)
        requests.texts.append(written)
        return written

    # Rows.

    def _batch(self, place: int, step: Write, events: int) -> Write:
        began = self._episode_began(step.partition_key, place)
        rows = [self._event_row(place, number, began, write) for number, write in enumerate(step.rows[:events])]
        sentinel = dict(step.rows[-1].row)
        sentinel["ExecutionId"] = self._execution(step.partition_key, place)
        sentinel["CheckpointCompletedTimestamp"] = ticks_to_full_text(self._at(step))
        started = [row for row in rows if row["EventType"] == "ExecutionStarted"]
        created = started[0]["_Timestamp"] if started else ""
        self._row_times[step.partition_key] = rows[-1]["_Timestamp"], created
        writes = [replace(write, row=row) for write, row in zip(step.rows, [*rows, sentinel], strict=True)]
        return replace(step, rows=tuple(writes))

    def _event_row(self, place: int, number: int, began: Ticks, write: RowWrite) -> Json:
        row, instance = dict(write.row), str(write.row["PartitionKey"])
        row["ExecutionId"] = self._execution(instance, place)
        row["_Timestamp"] = ticks_to_full_text(began + number * _TICKS_PER_MOMENT)
        if row["EventType"] in RECEIVED and (put := self._message_of(instance, row)):
            row["_Timestamp"] = ticks_to_full_text(ticks_from_text(put.event["Timestamp"]))
            row |= {name: put.event[name] for name in ("Name",) if name in row}
        match row["EventType"]:
            case "TimerCreated":
                row["FireAt"] = ticks_to_full_text(self._timer(place, instance, row["EventId"]))
            case "TimerFired":
                row["FireAt"] = ticks_to_full_text(self._fire_at[instance, row["TimerId"]])
            case "EventSent":
                requests = self._requests[instance]
                row["Input"] = requests.texts[requests.saved]
                requests.saved += 1
            case "ExecutionStarted" if instance.startswith("@"):
                row["Input"] = self._entity_state(row["Input"])
        self._event_times[instance, row["RowKey"]] = row["_Timestamp"]
        return row

    def _message_of(self, instance: str, row: Mapping[str, Any]) -> Put | None:
        """The message that brought an event, which is then done with; None where the episode made the event itself."""
        arrived = self._arrived.get(instance, [])
        told = ("TaskScheduledId", "TimerId") if row.get("Name") == _GUID else ("TaskScheduledId", "TimerId", "Name")
        for put in arrived:
            if put.kind == row["EventType"] and all(put.event.get(name) == row.get(name) for name in told):
                arrived.remove(put)
                return put
        return None

    def _entity_state(self, text: str) -> str:
        state = json.loads(text)
        for sender, received in state["sorter"].get("ReceivedFromInstance", {}).items():
            requests = self._requests[sender]
            received["Last"] = requests.last_stamp_text
            state["sorter"]["ReceiveHorizon"] = ticks_to_text(requests.last_stamp - _HORIZON)
        return json.dumps(state, separators=(",", ":"), ensure_ascii=False)

    def _single_row(self, place: int, step: Write, write: RowWrite) -> RowWrite:
        """A row of the instances table, or one that a rewind changed."""
        row, instance = dict(write.row), str(write.row["PartitionKey"])
        if row.get("ExecutionId") == _GUID:
            row["ExecutionId"] = self._last_execution(instance, place)
        if write.table == HISTORY:
            row["_Timestamp"] = self._event_times[instance, row["RowKey"]]
            return replace(write, row=row)
        now = ticks_to_full_text(self._at(step))
        updated, created = self._row_times.get(instance, ("", ""))
        if write.verb == "POST":
            start = next(put for put in self._puts.values() if put.queue == instance)
            updated, created = now, ticks_to_full_text(ticks_from_text(start.event["Timestamp"]))
        elif row.get("RuntimeStatus") == "Pending":
            updated = now
        times = {"LastUpdatedTime": updated, "CreatedTime": created, "CompletedTime": now}
        row |= {column: time for column, time in times.items() if column in row}
        if instance.startswith("@") and "Input" in row:
            row["Input"] = self._entity_state(row["Input"])
        return replace(write, row=row)

    def _last_execution(self, instance: str, place: int) -> str:
        """The execution of the batch just before; of the one to come where there is none yet."""
        earlier = [execution for at, execution in self._executions[instance] if at <= place]
        return earlier[-1] if earlier else self._executions[instance][0][1]
