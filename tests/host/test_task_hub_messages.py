"""Queue messages are read as the real host wrote them, and written as it would have written them."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable_engine import EventRaised, Message, OrchestrationInstance, TaskFailed, TaskScheduled, TimerFired
from durable_host.task_hub.base.errors import MessageFormatError
from durable_host.task_hub.queues.messages import CLIENT, MessageData, message_text, read_message, reference_text
from host.task_hub_recordings import recorded_messages, scenarios

TEXTS = [(scenario, text) for scenario in scenarios() for text in recorded_messages(scenario)]
KINDS = {
    "EventRaised",
    "ExecutionResumed",
    "ExecutionStarted",
    "ExecutionSuspended",
    "ExecutionTerminated",
    "GenericEvent",
    "SubOrchestrationInstanceCompleted",
    "TaskCompleted",
    "TaskFailed",
    "TaskScheduled",
    "TimerFired",
}


def a_message(**changes: Any) -> dict[str, Any]:
    text = next(text for _, text in TEXTS if "TaskCompletedEvent" in text)
    data: dict[str, Any] = json.loads(text)
    return {**data, **changes}


def test_the_recordings_hold_every_kind_of_message() -> None:
    messages = [read_message(text) for _, text in TEXTS]

    assert len(TEXTS) == 112
    assert {data.message.event.kind for data in messages if isinstance(data, MessageData)} == KINDS


@pytest.mark.parametrize("scenario", scenarios())
def test_every_recorded_message_is_written_as_it_was_byte_for_byte(scenario: str) -> None:
    for text in recorded_messages(scenario):
        data = read_message(text)
        if isinstance(data, MessageData):
            # Without what was read about its tags: that is derived from the event again.
            written = message_text(replace(data, execution_context=None))
        else:
            written = reference_text(data).replace("00000000-0000-0000-0000-000000000000", "<guid>")

        assert written == text


def test_a_message_of_an_older_host_is_base64() -> None:
    text = json.dumps(a_message())

    assert read_message(base64.b64encode(text.encode()).decode()) == read_message(text)


def test_members_that_are_unknown_or_missing_do_no_harm() -> None:
    data = a_message(Novelty={"$type": "Some.Thing", "x": 1})
    data["TaskMessage"]["Event"] |= {"$type": "DurableTask.Core.History.TaskCompletedEvent, DurableTask.Core", "New": 1}
    for name in ("EventType", "EventId", "IsPlayed"):
        del data["TaskMessage"]["Event"][name]
    for name in ("Episode", "Sender", "SerializableTraceContext"):
        del data[name]

    read = read_message(json.dumps(data))

    assert isinstance(read, MessageData)
    assert (read.message.event.kind, read.message.event.event_id) == ("TaskCompleted", -1)
    assert (read.episode, read.sender) == (None, OrchestrationInstance(instance_id="", execution_id=None))


def test_type_names_of_dictionaries_are_not_tags() -> None:
    text = message_text(
        MessageData(
            activity_id="a",
            message=Message(
                event=TaskScheduled(timestamp=0, name="act", tags={"colour": "red"}),
                target=OrchestrationInstance(instance_id="i", execution_id="e"),
            ),
            sequence_number=1,
            episode=1,
            sender=CLIENT,
        )
    )

    read = read_message(text)

    assert isinstance(read, MessageData)
    assert isinstance(read.message.event, TaskScheduled)
    assert read.message.event.tags == {"colour": "red"}
    assert json.loads(text)["TaskMessage"]["OrchestrationExecutionContext"]["OrchestrationTags"]["colour"] == "red"


@pytest.mark.parametrize(
    "text",
    ["hello", "", "aGVsbG8=", "[]", "{}", '{"TaskMessage":null}', '{"TaskMessage":{"Event":{"EventType":99}}}'],
)
def test_anything_else_is_refused_with_advice(text: str) -> None:
    with pytest.raises(MessageFormatError, match="another task hub"):
        read_message(text)


@given(
    name=st.text(alphabet=st.characters(exclude_categories=["Cs"])),
    text=st.text(alphabet=st.characters(exclude_categories=())),
    episode=st.none() | st.integers(-1, 10**6),
    ticks=st.integers(0, 10**17),
)
def test_whatever_text_an_event_has_it_survives_the_queue(
    name: str, text: str, episode: int | None, ticks: int
) -> None:
    instance = OrchestrationInstance(instance_id="i", execution_id=None)
    for event in (
        EventRaised(timestamp=ticks, name=name, input=text),
        TimerFired(timestamp=0, timer_id=1, fire_at=ticks),
        TaskFailed(timestamp=0, task_scheduled_id=1, reason=text, details=None, failure_details={"ErrorType": "E"}),
    ):
        data = MessageData(
            activity_id="a",
            message=Message(event=event, target=instance),
            sequence_number=7,
            episode=episode,
            sender=instance,
        )

        written = message_text(data)

        assert read_message(written) == data
        written.encode("utf-8")  # raises if the queue's XML could not hold it
        assert not any(ord(character) < 0x20 or character in "\ufffe\uffff" for character in written)
