"""One batch of operations on an entity: state, replies, delayed signals, locks, failures, and what is stored of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from durable_engine.entities.messages import delayed_operation, split_entity_id
from durable_engine.model.errors import AnswerError, HistoryError
from durable_engine.model.events import EventRaised, ExecutionStarted, HistoryEvent, OrchestratorStarted
from durable_engine.model.ticks import TICKS_PER_SECOND, ticks_to_full_text, ticks_to_text
from engine.one_entity import ENTITY_ID, FIRST, Caller, OneEntity
from engine.sdk_warnings import SDK_WARNINGS

pytestmark = SDK_WARNINGS

SECOND = TICKS_PER_SECOND
DAY = 86_400 * SECOND


def test_batch_is_one_call_of_the_code_and_each_caller_gets_its_answer() -> None:
    entity, caller = OneEntity(), Caller()

    entity.receive(
        caller.request("add", 5, is_signal=True),
        caller.request("add", 3),
        caller.request("get"),
        entity.signal("add", '"2"'),
    )

    assert len(entity.given) == 1
    assert [each["name"] for each in entity.given[0]["batch"]] == ["add", "add", "get", "add"]
    assert entity.stored["state"] == "10"
    assert [reply["result"] for reply in entity.replies] == ["null", "8"]
    requests = [each["id"] for each in entity.given[0]["batch"] if not each["isSignal"]]
    assert [message.event.name for message in entity.checkpoints[0].messages] == requests  # type: ignore[attr-defined]  # all are EventRaised
    assert {message.target.execution_id for message in entity.checkpoints[0].messages} == {"c" * 32}


def test_every_batch_begins_a_new_execution_of_three_events() -> None:
    entity = OneEntity()

    first = entity.receive(entity.signal("add", '"1"'))
    second = entity.receive(entity.signal("add", '"1"'), at=FIRST + SECOND)

    assert [event.kind for event in second.events] == [
        "OrchestratorStarted",
        "ExecutionStarted",
        "OrchestratorCompleted",
    ]
    assert [event.is_played for event in second.events] == [False, True, True]
    assert {event.timestamp for event in second.events} == {FIRST + SECOND}
    assert (first.instance.execution_id, second.instance.execution_id) == (f"{1:032x}", f"{2:032x}")
    assert (first.episode, second.episode) == (1, 2)
    assert first.sender is not None
    assert (first.sender.execution_id, second.sender) == (None, first.instance)
    assert second.update.started == second.events[1]


def test_failing_operation_answers_an_error_and_keeps_the_state() -> None:
    entity, caller = OneEntity(), Caller()
    entity.receive(caller.request("add", 5))

    checkpoint = entity.receive(caller.request("fail"))

    assert entity.replies[-1]["exceptionType"] == "Error"
    assert entity.replies[-1]["result"] == '"on purpose"'
    assert entity.stored["state"] == "5"
    assert checkpoint.notices == ()


def test_failing_operation_keeps_what_it_changed_and_that_is_noticed() -> None:
    entity, caller = OneEntity(), Caller()

    checkpoint = entity.receive(caller.request("change and fail"))

    assert entity.stored["state"] == '"changed"'
    assert entity.stored["exists"] is True
    (notice,) = checkpoint.notices
    assert notice.code == "entity_kept_change"
    assert notice.text.startswith("Operation 'change and fail' of entity '@counter@key' failed, and its change")


def test_failing_operation_among_others_is_noticed_with_less_certainty() -> None:
    entity, caller = OneEntity(), Caller()

    checkpoint = entity.receive(caller.request("add", 1), caller.request("fail"))

    (notice,) = checkpoint.notices
    assert "in a batch that changed the state" in notice.text


def test_first_operation_that_fails_leaves_an_entity_that_does_not_exist() -> None:
    entity = OneEntity()

    checkpoint = entity.receive(entity.signal("add", "5"))

    assert entity.stored == {"state": "null", "sorter": {}}
    assert checkpoint.update.custom_status == "{}"
    assert checkpoint.notices == ()


def test_deleted_entity_comes_back_with_the_text_null_for_a_state() -> None:
    entity = OneEntity()
    entity.receive(entity.signal("add", '"1"'))

    deleted = entity.receive(entity.signal("delete"))
    entity.receive(entity.signal("get"))

    assert deleted.update.custom_status == "{}"
    assert deleted.update.runtime_status == "Running"
    assert (entity.given[2]["exists"], entity.given[2]["state"]) == (False, "null")


def test_signal_that_arrives_before_it_is_due_is_sent_again_to_be_delivered_then() -> None:
    entity = OneEntity()
    due_at = FIRST + 60 * SECOND

    checkpoint = entity.receive(delayed(entity, due_at))

    assert entity.given == []
    (message,) = checkpoint.messages
    assert isinstance(message.event, EventRaised)
    assert message.deliver_at == due_at
    assert message.event.name == f"op@{ticks_to_full_text(due_at)}"
    assert (message.target.instance_id, message.target.execution_id) == (ENTITY_ID, None)
    entity.receive(message.event, at=due_at - SECOND // 20)
    assert [each["name"] for each in entity.given[0]["batch"]] == ["add"]


def test_signal_that_is_due_in_weeks_waits_six_days_at_a_time() -> None:
    entity = OneEntity()
    due_at = FIRST + 20 * DAY

    (first,) = entity.receive(delayed(entity, due_at)).messages
    assert first.deliver_at == FIRST + 6 * DAY
    (second,) = entity.receive(first.event, at=first.deliver_at).messages

    assert second.deliver_at == FIRST + 12 * DAY
    assert isinstance(second.event, EventRaised)
    assert json.loads(second.event.input or "")["due"] == ticks_to_text(due_at)


def test_delayed_signal_of_an_orchestration_is_handled_when_due_whatever_it_sent_before() -> None:
    entity, caller = OneEntity(), Caller()
    caller.request("add", 1)
    late = caller.request("add", 2, is_signal=True)
    content = {**json.loads(late.input or ""), "due": ticks_to_text(FIRST)}

    entity.receive(replace(late, name=delayed_operation(FIRST), input=json.dumps(content)))

    assert entity.stored["state"] == "2"


def delayed(entity: OneEntity, due_at: int) -> EventRaised:
    signal = entity.signal("add", '"1"')
    content = {**json.loads(signal.input or ""), "due": ticks_to_text(due_at)}
    return replace(signal, name=delayed_operation(due_at), input=json.dumps(content))


def test_entity_that_the_app_does_not_have_fails_every_operation_and_keeps_its_state() -> None:
    entity, caller = OneEntity(), Caller()
    entity.receive(caller.request("add", 5))
    entity.code = None

    checkpoint = entity.receive(caller.request("get"))

    assert entity.stored["state"] == "5"
    assert entity.replies[-1]["exceptionType"] == "Error"
    assert "The function 'counter' doesn't exist" in entity.replies[-1]["result"]
    assert [notice.code for notice in checkpoint.notices] == ["unknown_entity"]


def test_code_that_fails_outside_of_its_operations_is_an_error_and_nothing_is_kept() -> None:
    def broken(payload: str) -> str:
        raise OSError("no disk")

    entity = OneEntity(broken)

    with pytest.raises(AnswerError, match=r"'@counter@key' failed outside of its operations, with OSError: no disk"):
        entity.receive(entity.signal("add", '"1"'))


def test_answer_without_one_result_for_each_operation_is_refused() -> None:
    entity = OneEntity(lambda _: json.dumps({"entityExists": True, "entityState": "1", "results": [], "signals": []}))

    with pytest.raises(AnswerError, match=r"answered 1 operations with \[\]"):
        entity.receive(entity.signal("add", '"1"'))


def test_history_without_its_start_is_refused() -> None:
    entity = OneEntity()
    entity.history = (OrchestratorStarted(timestamp=FIRST),)

    with pytest.raises(HistoryError, match="has no ExecutionStarted"):
        entity.receive(entity.signal("add", '"1"'))


NO_REQUESTS = {
    "not JSON": "x",
    "empty": "",
    "no object": "5",
    "null": "null",
    "a list": "[]",
    "deep": "[" * 99_999,
    "without an id": '{"op":"add"}',
    "an id that is no text": '{"op":"add","id":5}',
    "an id that is half a letter": '{"op":"add","id":"\\ud800"}',
    "an operation that is no text": '{"op":5,"id":"1"}',
    "an input that is no text": '{"op":"add","id":"1","input":5}',
    "a caller that is no text": '{"op":"add","id":"1","parent":[]}',
    "a caller that is half a letter": '{"op":"add","id":"1","parent":"\\ud800"}',
    "an execution that is no text": '{"op":"add","id":"1","parent":"p","parentExecution":5}',
    "a time that is none": '{"op":"add","id":"1","parent":"p","Timestamp":"x"}',
    "a predecessor that is none": '{"op":"add","id":"1","parent":"p","Predecessor":5}',
    "a due time that is none": '{"op":"add","id":"1","due":"x"}',
    "a lock set that is none": '{"id":"1","parent":"p","lockset":5}',
    "a lock set of no entities": '{"id":"1","parent":"p","lockset":[{"name":"a","key":"b"},{"name":"a"}]}',
    "a place that is none": '{"id":"1","parent":"p","lockset":[{"name":"a","key":"b"}],"pos":"x"}',
}


@pytest.mark.parametrize("text", NO_REQUESTS.values(), ids=NO_REQUESTS)
@pytest.mark.parametrize("name", ["op", "release"])
def test_event_that_is_no_request_is_passed_over_with_a_notice_and_the_others_are_not(name: str, text: str) -> None:
    entity = OneEntity()

    checkpoint = entity.receive(EventRaised(timestamp=FIRST, name=name, input=text), entity.signal("add", '"1"'))

    assert entity.stored["state"] == "1"
    if name == "op":
        assert [notice.code for notice in checkpoint.notices] == ["no_request"]


def lock_request(caller: str, *entities: str, position: int = 0) -> EventRaised:
    content = {
        "op": None,
        "id": "0" * 32,
        "parent": caller,
        "parentExecution": "c" * 32,
        "Timestamp": ticks_to_text(FIRST),
        "Predecessor": "0001-01-01T00:00:00",
        "lockset": [{"name": "counter", "key": key} for key in entities],
        "pos": position,
    }
    return EventRaised(timestamp=FIRST, name="op", input=json.dumps(content))


def test_locked_entity_serves_its_holder_and_lets_the_others_wait_until_it_is_released() -> None:
    entity, holder, other = OneEntity(), Caller("holder"), Caller("other")

    locked = entity.receive(lock_request("holder", "key", position=1))
    waiting = entity.receive(other.request("add", 1))
    entity.receive(holder.request("add", 5))
    entity.receive(EventRaised(timestamp=FIRST, name="release", input=json.dumps({"parent": "holder", "id": "0" * 32})))

    assert [json.loads(message.event.input or "")["result"] for message in locked.messages] == [  # type: ignore[attr-defined]  # all are EventRaised
        "Lock Acquisition Completed"
    ]
    assert locked.update.custom_status == '{"lockedBy":"holder"}'
    assert waiting.update.custom_status == '{"queueSize":1,"lockedBy":"holder"}'
    assert [[each["input"] for each in payload["batch"]] for payload in entity.given] == [['"5"'], ['"1"']]
    assert entity.stored["state"] == "6"
    assert "lockedBy" not in entity.stored
    assert "queue" not in entity.stored


def test_lock_request_for_several_entities_goes_on_to_the_next() -> None:
    entity = OneEntity()

    (message,) = entity.receive(lock_request("holder", "key", "other key")).messages

    assert message.target.instance_id == "@counter@other key"
    assert isinstance(message.event, EventRaised)
    assert json.loads(message.event.input or "")["pos"] == 1


def test_suspended_entity_goes_on_after_continue_or_after_ten_seconds() -> None:
    def suspended(entity: OneEntity) -> tuple[HistoryEvent, ...]:
        entity.receive(entity.signal("add", '"1"'))
        first, started, last = entity.history
        assert isinstance(started, ExecutionStarted)
        return first, replace(started, input=json.dumps({**entity.stored, "suspended": True})), last

    entity = OneEntity()
    entity.history = suspended(entity)

    entity.receive(entity.signal("add", '"1"'))
    assert (entity.state.is_suspended, len(entity.state.queue), entity.stored["state"]) == (True, 1, "1")
    entity.receive(EventRaised(timestamp=FIRST, name="continue"))
    assert entity.stored["state"] == "2"

    late = OneEntity()
    late.history = suspended(late)
    late.receive(late.signal("add", '"1"'), at=FIRST + 11 * SECOND)
    assert late.stored["state"] == "2"


@pytest.mark.parametrize(
    ("instance_id", "parts"),
    [("@counter@key", ("counter", "key")), ("@counter@a@b", ("counter", "a@b")), ("@counter@", ("counter", ""))],
)
def test_name_ends_at_the_second_at_sign(instance_id: str, parts: tuple[str, str]) -> None:
    assert split_entity_id(instance_id) == parts


@pytest.mark.parametrize("instance_id", ["counter@key", "@counter", ""])
def test_id_of_another_shape_is_no_entitys(instance_id: str) -> None:
    with pytest.raises(ValueError, match="is not an entity's instance id"):
        split_entity_id(instance_id)
