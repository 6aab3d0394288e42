"""Writes ``fixtures/histories`` from the recordings of the real engine.

A recording has lost its times and ids. Each history is run again, on the engine, with the recorded messages and the
recorded app's own code, at times of a made-up clock: so times and ids agree with each other again, due times too.
Invariant: kinds, order, ids, names, inputs and results of the events are the recorded ones, or nothing is written.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from durable_engine.histories.episodes import SCHEDULED
from durable_engine.model.dotnet_json import parsed_json
from durable_engine.model.event_json import event_from_json
from durable_engine.model.events import (
    EventRaised,
    EventSent,
    ExecutionResumed,
    ExecutionStarted,
    ExecutionSuspended,
    ExecutionTerminated,
    HistoryEvent,
    OrchestratorStarted,
    TaskCompleted,
    TaskFailed,
    TimerCreated,
    TimerFired,
)
from durable_engine.model.ticks import TICKS_PER_SECOND, ticks_from_text, ticks_to_seconds_text
from durable_engine.orchestration.nondeterminism import Scheduled, describe
from durable_engine.orchestration.replay import Replay
from durable_engine.wire.sdk_call import call_orchestrator, execution_started, orchestrator_payload
from durable_host.http.management import history_view
from durable_host.task_hub import event_to_row, sentinel_row
from engine.recorded_app import recorded_app
from engine.recorded_rows import event_of_row
from engine.recordings import RECORDINGS, RecordedInstance, instances
from engine.tokens import filled

__all__ = ["HISTORIES", "committed", "recorded_history", "written"]

HISTORIES: Final = RECORDINGS.parent / "histories"

_START: Final = ticks_from_text("2026-11-23T10:46:15.3001369Z")
_MILLISECOND: Final = TICKS_PER_SECOND // 1000
_ROWS: Final = (
    "again",
    "chain",
    "entity_calls",
    "events_early",
    "failed_task_all_then_more",
    "fan_out_10",
    "nondeterminism_input",
    "nondeterminism_kind",
    "nondeterminism_missing",
    "nondeterminism_name",
    "retry_succeeds",
    "rewind",
    "sub_fan_out",
    "suspend_resume",
    "terminate",
    "timer_cancelled",
    "timer_days",
)
"""Scenarios whose history is written as the history table has it."""
_STATUSES: Final = (
    "chain",
    "entity_calls",
    "event_from_http",
    "fan_out_10",
    "retry_exhausted",
    "sub",
    "timer",
    "timer_left_open",
)
"""Scenarios whose history is written as the management API shows it."""

Json = dict[str, Any]


def main() -> None:
    """Write all histories."""
    HISTORIES.mkdir(exist_ok=True)
    for name, text in written().items():
        HISTORIES.joinpath(name).write_text(text, encoding="utf-8")


def written() -> dict[str, str]:
    """Every file and its text."""
    files = {f"{name}.rows.json": _text(rows_of(recorded_history(name))) for name in _ROWS}
    return files | {f"{name}.status.json": _text(status_of(recorded_history(name))) for name in _STATUSES}


def committed() -> dict[str, str]:
    """The files as they are."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(HISTORIES.glob("*.json"))}


def recorded_history(scenario: str) -> tuple[HistoryEvent, ...]:
    """The history that the real engine left behind in a scenario, with times and ids that agree with each other."""
    return _Rerun(next(one for one in instances() if (one.scenario, one.instance_id) == (scenario, "<id0>"))).history()


def rows_of(events: Sequence[HistoryEvent]) -> list[Json]:
    """The history as rows, sentinel included, as ``azure-data-tables`` gives them after a way through JSON."""
    instance = execution_started(events).instance
    key, execution_id = instance.instance_id, instance.execution_id or ""
    rows = [
        event_to_row(event, partition_key=key, position=position, execution_id=execution_id)
        for position, event in enumerate(events)
    ]
    rows.append(sentinel_row(partition_key=key, execution_id=execution_id, completed_at=events[-1].timestamp))
    return [{column: value[0] if isinstance(value, tuple) else value for column, value in row.items()} for row in rows]


def status_of(events: Sequence[HistoryEvent]) -> Json:
    """The instance as the management API shows it, with history, output and input."""
    started = execution_started(events)
    items = history_view(events, show_input=True, show_output=True)
    end = next((item for item in items if item["EventType"] == "ExecutionCompleted"), None)
    return {
        "name": started.name,
        "instanceId": started.instance.instance_id,
        "runtimeStatus": end["OrchestrationStatus"] if end else "Running",
        "input": parsed_json(started.input),
        "customStatus": None,
        "output": end["Result"] if end else None,
        "createdTime": ticks_to_seconds_text(started.timestamp),
        "lastUpdatedTime": ticks_to_seconds_text(events[-1].timestamp),
        "historyEvents": items,
    }


class _Rerun:
    """One recorded history on its way to times and ids of its own."""

    def __init__(self, instance: RecordedInstance) -> None:
        execution = uuid.uuid5(uuid.NAMESPACE_OID, instance.scenario)
        self.execution_id = str(execution) if "Generation" in instance.rows[1] else execution.hex
        self.instance_id = f"{instance.scenario.replace('_', '-')}-1"
        # What a child's name begins with has dashes in any case.
        self.tokens = {"<id0>": self.instance_id, "<guid>:": f"{execution}:", "<guid>": self.execution_id}
        self.recorded = [self._event(event_of_row(row)) for row in instance.rows]
        self.done: list[HistoryEvent] = []
        self.asked: dict[int, Scheduled] = {}
        self.came: dict[int, HistoryEvent] = {}
        self.awaited: list[str] = []
        self.now = _START

    def history(self) -> tuple[HistoryEvent, ...]:
        """The whole history."""
        recorded_app().module._STATE.clear()  # where the recorded app counts its calls
        for place, event in enumerate(self.recorded):
            self.done.append(self._timed(event, place))
        return tuple(self.done)

    def _event(self, recorded: Json) -> HistoryEvent:
        text = json.dumps(recorded)
        for token, value in self.tokens.items():
            text = text.replace(token, value)
        return event_from_json(filled(json.loads(text)))

    def _timed(self, event: HistoryEvent, place: int) -> HistoryEvent:
        if isinstance(event, OrchestratorStarted):
            return self._begin(event, place)
        if isinstance(event, SCHEDULED):
            return self._decided(event)
        if isinstance(event, _MESSAGES):
            return self.came[place]
        self.now += 2 * _MILLISECOND
        return replace(event, timestamp=self.now)

    def _begin(self, event: OrchestratorStarted, place: int) -> HistoryEvent:
        """An episode begins a little after the last of its messages has come."""
        messages: list[HistoryEvent] = []
        for recorded in self.recorded[place + 1 :]:
            if not isinstance(recorded, _MESSAGES):
                break
            message = self._message(recorded)
            self.came[place + 1 + len(messages)] = message
            messages.append(message)
        arrivals = [one.fire_at if isinstance(one, TimerFired) else one.timestamp for one in messages]
        self.now = max([self.now, *arrivals]) + 8 * _MILLISECOND + 1_234
        begun = replace(event, timestamp=self.now)
        self.asked = dict(self._asked_for([*self.done, begun, *messages]))
        return begun

    def _message(self, message: HistoryEvent) -> HistoryEvent:
        """A message with the time at which it came: how long activities take is made up."""
        match message:
            case TimerFired():
                timer = self._scheduled(message.timer_id)
                assert isinstance(timer, TimerCreated)
                return replace(message, fire_at=timer.fire_at, timestamp=timer.timestamp)
            case TaskCompleted() | TaskFailed():
                scheduled = self._scheduled(message.task_scheduled_id)
                took = (120 + 77 * message.task_scheduled_id % 400) * _MILLISECOND
                return replace(message, timestamp=scheduled.timestamp + took)
            case ExecutionStarted():
                return replace(message, timestamp=self.now)
            case EventRaised(name=self.execution_id):
                return replace(message, name=self.awaited.pop(0), timestamp=self.now + 60 * _MILLISECOND)
            case _:
                return replace(message, timestamp=self.now + 2_500 * _MILLISECOND)

    def _asked_for(self, given: Sequence[HistoryEvent]) -> Iterator[tuple[int, Scheduled]]:
        """What the recorded app's code decides in this episode."""
        app = recorded_app()
        started = execution_started(given)
        answer = call_orchestrator(app.handles[started.name], orchestrator_payload(given, started))
        replay = Replay(started, answer, app.functions, now=self.now + 5 * _MILLISECOND)
        replay.play(given)
        for decision in replay.decisions:
            yield decision.event.event_id, decision.event

    def _decided(self, event: Scheduled) -> HistoryEvent:
        self.now += _MILLISECOND // 20 + 37
        asked = self.asked.get(event.event_id)
        if asked is None or describe(asked) != describe(event):
            raise LookupError(f"{self.instance_id}: recorded is {event}, the recorded app decides {asked}.")
        if isinstance(event, TimerCreated) and isinstance(asked, TimerCreated):
            return replace(event, fire_at=asked.fire_at, timestamp=self.now)
        if isinstance(event, EventSent) and isinstance(asked, EventSent):
            request = json.loads(asked.input or "{}")
            if not request.get("signal"):
                self.awaited.append(request["id"])
            return replace(event, input=asked.input, timestamp=self.now)
        return replace(event, timestamp=self.now)

    def _scheduled(self, event_id: int) -> HistoryEvent:
        """The decision that has this id."""
        made = (event for event in reversed(self.done) if isinstance(event, SCHEDULED))
        return next(event for event in made if event.event_id == event_id)


_MESSAGES: Final = (
    EventRaised,
    ExecutionResumed,
    ExecutionStarted,
    ExecutionSuspended,
    ExecutionTerminated,
    TaskCompleted,
    TaskFailed,
    TimerFired,
)


def _text(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    main()
