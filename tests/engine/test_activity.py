"""Activities as the host sees them: their input, their result, and the two texts of a failure, as recorded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from durable_engine.model.events import TaskCompleted, TaskFailed, TaskScheduled
from durable_engine.model.failures import UserException, http_activity_failure
from durable_engine.wire.activity import ActivityOutcome, activity_input, completion_of
from engine.recorded_storage import scenarios_with_storage, sent_messages
from engine.recordings import instances
from engine.tokens import differences

Json = dict[str, Any]

ACTIVITY = "Activity function '"


def recorded_failures() -> list[Json]:
    """Every failed activity in the last payload of each instance."""
    found = [
        event
        for instance in instances()
        for event in instance.invocations[-1].recorded_payload["history"]
        if event["EventType"] == TaskFailed.event_type
    ]
    unique = {json.dumps(event, sort_keys=True): event for event in found}
    return list(unique.values())


def of_functions() -> list[Json]:
    return [event for event in recorded_failures() if event["Reason"].startswith(ACTIVITY)]


@pytest.mark.parametrize("recorded", of_functions(), ids=lambda event: event["Reason"][len(ACTIVITY) :][:30])
def test_failure_has_the_recorded_reason_and_details(recorded: Json) -> None:
    inner = json.loads(recorded["Details"])["InnerException"]
    type_name, _, message = inner["RemoteMessage"].partition(": ")
    raised = UserException(type_name=type_name, message=message, stack=inner["RemoteStackTrace"])
    name = recorded["Reason"][len(ACTIVITY) :].partition("'")[0]
    scheduled = TaskScheduled(timestamp=0, event_id=recorded["TaskScheduledId"], name=name)

    ours = completion_of(scheduled, ActivityOutcome(raised=raised), now=1)

    assert isinstance(ours, TaskFailed)
    assert (ours.task_scheduled_id, ours.reason) == (recorded["TaskScheduledId"], recorded["Reason"])
    assert "\n" not in str(ours.details)
    assert not differences(without_frames(recorded["Details"]), without_frames(str(ours.details)))


def test_unreachable_server_has_the_recorded_reason_and_details() -> None:
    (recorded,) = (event for event in recorded_failures() if not event["Reason"].startswith(ACTIVITY))

    reason, details = http_activity_failure("Connection refused (127.0.0.1:9)", native_error=111)

    assert reason == recorded["Reason"]
    assert not differences(without_frames(recorded["Details"]), without_frames(details))


def without_frames(details: str) -> Json:
    """Details without the .NET frames, which are not imitated."""

    def cut(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: "<frames>" if is_frames(name, item) else cut(item) for name, item in value.items()}
        return value

    def is_frames(name: str, item: object) -> bool:
        return name in ("StackTrace", "StackTraceString") and isinstance(item, str)

    cut_details: Json = cut(json.loads(details))
    return cut_details


def test_recorded_failures_are_of_several_kinds() -> None:
    assert len(of_functions()) >= 8


def test_exception_is_reported_with_the_frames_of_user_code() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError as error:
        raised = UserException.of(error)

    assert raised.text == "ValueError: two\nlines"
    assert raised.stack.startswith('  File "')
    assert raised.stack.endswith("\n")
    assert raised.rpc_text == f"Result: Failure\nException: ValueError: two\nlines\nStack: {raised.stack}"


@pytest.mark.parametrize(
    ("encoded", "stored"),
    [
        ("null", None),
        (None, None),
        ('{"type": "float", "value": 1e+300}', '{"type":"float","value":1E+300}'),
        ('"\\u00e9\\ud83d\\ude00 \\"quoted\\""', '"é😀 \\"quoted\\""'),
        ("[1, 2.0]", "[1,2.0]"),
    ],
)
def test_result_is_stored_compactly_and_none_not_at_all(encoded: str | None, stored: str | None) -> None:
    scheduled = TaskScheduled(timestamp=0, event_id=4, name="a")

    ours = completion_of(scheduled, ActivityOutcome(result=encoded), now=1)

    assert ours == TaskCompleted(timestamp=1, task_scheduled_id=4, result=stored)


@pytest.mark.parametrize(
    ("stored", "given"),
    [
        ('["\\"Tokyo\\""]', '"Tokyo"'),
        ('["null"]', "null"),
        ('["{\\"a\\": 1}"]', '{"a": 1}'),
        ('[{"uri":"x"}]', '{"uri":"x"}'),
        ('{"a":1}', '{"a":1}'),
        ("[1,2]", "[1,2]"),
        ('"bare"', "bare"),
        (None, None),
    ],
)
def test_input_is_the_one_element_of_the_stored_array(stored: str | None, given: str | None) -> None:
    assert activity_input(TaskScheduled(timestamp=0, event_id=0, name="a", input=stored)) == given


def test_recorded_inputs_are_what_the_orchestrators_gave() -> None:
    inputs = {
        activity_input(TaskScheduled(timestamp=0, event_id=0, name="a", input=message.event["Input"]))
        for name in scenarios_with_storage()
        for message in sent_messages(name, "<id0>")
        if message.kind == "TaskScheduledEvent" and message.event is not None
    }

    assert {'"Tokyo"', '{"city": "Tokyo", "n": 1}', "null", "0", '"boom"'} <= inputs
