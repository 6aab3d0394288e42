"""The history that a status shows, checked against every history that the real host was recorded to show.

Recorded table rows go in as events, and what comes out must be the recorded ``historyEvents``, member by member.
Invariant: times and ids are tokens in the recordings, so that here, too, times are compared by their form only.
"""

from __future__ import annotations

import itertools
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from durable_engine import (
    EventRaised,
    ExecutionStarted,
    ExecutionTerminated,
    HistoryEvent,
    OrchestrationInstance,
    OrchestratorStarted,
    SubOrchestrationInstanceCreated,
    TaskCompleted,
    TaskScheduled,
)
from durable_host.http.management.status_history import DuplicateEventError, history_view
from durable_host.task_hub.tables.history_rows import row_to_event

SCENARIOS = Path(__file__).parents[2] / "fixtures" / "recordings" / "scenarios"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|\+00:00)")
_START = datetime(2026, 1, 1, tzinfo=UTC)


def _recorded() -> list[Any]:
    """The last history that each recorded instance was shown with, where its rows hold all of it."""
    cases = {}
    for path in sorted(SCENARIOS.glob("*.json")):
        recording = json.loads(path.read_text(encoding="utf-8"))
        for exchange in recording["http"]:
            reply = exchange["reply"]
            if not isinstance(reply, dict) or "historyEvents" not in reply:
                continue
            rows = recording["instances"].get(reply["instanceId"], {}).get("history", [])
            if rows and not any(name.endswith("BlobName") for row in rows for name in row):
                name = f"{path.stem}-{reply['instanceId'].strip('<>')}"
                cases[name] = pytest.param(exchange["path"], rows, reply["historyEvents"], id=name)
    return list(cases.values())


def _events(rows: list[dict[str, Any]]) -> list[HistoryEvent]:
    moments = itertools.count(1)
    events = []
    for row in rows:
        columns: dict[str, Any] = {}
        for name, (kind, value) in row.items():
            if kind == "TablesEntityDatetime":
                columns[name] = _START + timedelta(microseconds=next(moments))
            else:
                columns[name] = json.loads(value.lower()) if kind in ("int", "bool") else value
        if "EventType" in columns:
            events.append(row_to_event(columns))
    return events


def _by_form(value: object) -> object:
    shaped: object = json.loads(_TIME.sub(r"<timeT.f\1>", json.dumps(value)))
    return shaped


@pytest.mark.parametrize(("path", "rows", "shown"), _recorded())
def test_a_history_is_shown_as_the_real_host_showed_it(path: str, rows: list[dict[str, Any]], shown: object) -> None:
    events = _events(rows)

    view = history_view(events, show_input="showInput=false" not in path, show_output="showHistoryOutput=true" in path)

    assert _by_form(view) == shown
    assert [list(item) for item in view] == [list(item) for item in json.loads(json.dumps(shown))]


def test_the_recordings_show_enough_histories_to_be_worth_comparing() -> None:
    assert len(_recorded()) >= 60


def _started() -> ExecutionStarted:
    instance = OrchestrationInstance(instance_id="i", execution_id="e")
    return ExecutionStarted(timestamp=0, instance=instance, name="fan", input='"1"')


def test_an_unfinished_schedule_stays_and_a_finished_one_is_folded_into_its_completion() -> None:
    view = history_view(
        [
            OrchestratorStarted(timestamp=0),
            _started(),
            TaskScheduled(timestamp=1_000_000, event_id=0, name="a"),
            TaskScheduled(timestamp=2_000_000, event_id=1, name="b"),
            TaskCompleted(timestamp=3_000_000, task_scheduled_id=1, result="[1]"),
        ],
        show_input=True,
        show_output=True,
    )

    assert [item["EventType"] for item in view] == ["ExecutionStarted", "TaskScheduled", "TaskCompleted"]
    assert list(view[1]) == ["EventType", "Name", "Input", "ParentTraceContext", "Tags", "Timestamp"]
    assert view[2] == {
        "EventType": "TaskCompleted",
        "Result": [1],
        "Timestamp": "1970-01-01T00:00:00.3Z",
        "ScheduledTime": "1970-01-01T00:00:00.2+00:00",
        "FunctionName": "b",
        "Input": None,
    }


def test_without_input_no_event_shows_an_input() -> None:
    view = history_view(
        [_started(), EventRaised(timestamp=1, name="go", input="5"), ExecutionTerminated(timestamp=2, input="enough")],
        show_input=False,
        show_output=True,
    )

    assert not any("Input" in item for item in view)


def test_without_output_no_completion_shows_a_result() -> None:
    view = history_view(
        [TaskScheduled(timestamp=1, event_id=0, name="a"), TaskCompleted(timestamp=2, task_scheduled_id=0, result="1")],
        show_input=True,
        show_output=False,
    )

    assert ["Result" in item for item in view] == [False]


@pytest.mark.parametrize(
    ("event", "key"),
    [
        (TaskScheduled(timestamp=1, event_id=0, name="a"), "TaskScheduled_0"),
        (
            SubOrchestrationInstanceCreated(timestamp=1, event_id=3, name="a", instance_id="c"),
            "SubOrchestrationInstanceCreated_3",
        ),
    ],
)
def test_an_id_that_is_scheduled_twice_cannot_be_shown(event: HistoryEvent, key: str) -> None:
    with pytest.raises(DuplicateEventError, match=f"Key: {key}$"):
        history_view([_started(), event, event], show_input=True, show_output=False)
