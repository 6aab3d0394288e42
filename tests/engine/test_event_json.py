"""Every kind of event survives its JSON, and what others add to it is passed over."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable_engine.model.event_json import event_from_json, event_to_json, members_of
from durable_engine.model.events import (
    EVENT_CLASSES,
    ORCHESTRATION_STATUS,
    HistoryEvent,
    OrchestrationInstance,
    ParentInstance,
)
from durable_engine.model.ticks import NEVER, ticks_from_text

instants = st.integers(NEVER, ticks_from_text("9999-12-31T23:59:59.9999999Z"))
executions = st.builds(OrchestrationInstance, instance_id=st.text(), execution_id=st.none() | st.text())
objects = st.dictionaries(st.text(), st.text() | st.none())
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "Ticks": instants,
    "int": st.integers(-(2**31), 2**31 - 1),
    "bool": st.booleans(),
    "str": st.text(),
    "JsonObject": objects,
    "OrchestrationInstance": executions,
    "ParentInstance": st.builds(
        ParentInstance,
        name=st.text(),
        instance=executions,
        task_schedule_id=st.integers(),
        version=st.none() | st.text(),
    ),
}


@st.composite
def events(draw: st.DrawFn) -> HistoryEvent:
    """Any event of any kind."""
    cls = draw(st.sampled_from(list(EVENT_CLASSES.values())))
    values: dict[str, Any] = {}
    for field in fields(cls):
        kind, _, or_none = str(field.type).partition(" | ")
        strategy = st.sampled_from(ORCHESTRATION_STATUS) if field.name == "orchestration_status" else VALUES[kind]
        values[field.name] = draw(st.none() | strategy if or_none else strategy)
    return cls(**values)


@given(events())
def test_event_survives_its_json(event: HistoryEvent) -> None:
    assert event_from_json(event_to_json(event)) == event


@given(events())
def test_event_with_type_names_and_unknown_members_is_the_same_event(event: HistoryEvent) -> None:
    data = {"$type": "DurableTask.Core.History.AnyEvent", **event_to_json(event), "AddedLater": 1}

    assert event_from_json(data) == event


@given(events())
def test_event_closes_with_the_three_members_that_all_have(event: HistoryEvent) -> None:
    data = event_to_json(event)

    assert list(data)[-3:] == ["EventId", "IsPlayed", "Timestamp"]
    assert list(data)[:-3] == [member.wire for member in members_of(type(event))]
    assert data["EventType"] == event.event_type


def test_event_of_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"type 99 is unknown; known are \[0, 1, 3"):
        event_from_json({"EventType": 99, "EventId": -1, "IsPlayed": False, "Timestamp": "2026-01-01T00:00:00Z"})


def test_kinds_are_named_as_table_rows_have_them() -> None:
    assert {number: cls.__name__ for number, cls in EVENT_CLASSES.items() if number in (0, 4, 8, 12, 17)} == {
        0: "ExecutionStarted",
        4: "TaskScheduled",
        8: "SubOrchestrationInstanceCompleted",
        12: "OrchestratorStarted",
        17: "GenericEvent",
    }
