"""An entity handles what one sender sent in the order in which it was sent, once, however it arrives."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from durable_engine.entities.scheduler import SchedulerState
from durable_engine.model.ticks import TICKS_PER_SECOND
from engine.one_entity import FIRST, Caller, OneEntity
from engine.sdk_warnings import SDK_WARNINGS

pytestmark = SDK_WARNINGS

SECOND = TICKS_PER_SECOND
MINUTE = 60 * SECOND


def handled(entity: OneEntity) -> list[int]:
    """The inputs of all operations in the order in which the code got them."""
    return [json.loads(json.loads(each["input"])) for payload in entity.given for each in payload["batch"]]


@given(st.data())
def test_messages_in_any_order_and_number_are_handled_in_order_and_once(data: st.DataObject) -> None:
    entity, caller = OneEntity(), Caller()
    gaps = data.draw(st.lists(st.integers(0, 20 * SECOND), min_size=1, max_size=6))
    times = [FIRST + sum(gaps[: n + 1]) for n in range(len(gaps))]
    sent = [caller.request("log", number, is_signal=True, at=at) for number, at in enumerate(times)]
    repeated = data.draw(st.lists(st.sampled_from(range(len(sent))), max_size=4))
    order = data.draw(st.permutations([*range(len(sent)), *repeated]))
    cut = data.draw(st.integers(0, len(order)))

    for batch in (order[:cut], order[cut:]):
        entity.receive(*(sent[number] for number in batch), at=times[-1])

    assert handled(entity) == list(range(len(sent)))
    assert entity.state.sorter.received["caller"].buffered in (None, {})


@given(st.data())
def test_stored_state_reads_back_as_itself(data: st.DataObject) -> None:
    entity, callers = OneEntity(), [Caller("one"), Caller("two")]
    sent = [
        callers[data.draw(st.integers(0, 1))].request("log", number, at=FIRST + number * SECOND) for number in range(5)
    ]

    entity.receive(*data.draw(st.permutations(sent))[: data.draw(st.integers(1, 5))])

    text = json.dumps(entity.stored, separators=(",", ":"), ensure_ascii=False)
    assert SchedulerState.parse(text).text == text


def test_message_waits_for_the_one_before_it() -> None:
    entity, caller = OneEntity(), Caller()
    first, second = (caller.request("log", number) for number in range(2))

    entity.receive(second)
    assert handled(entity) == []
    received = entity.stored["sorter"]["ReceivedFromInstance"]["caller"]
    assert received["Last"] == "0001-01-01T00:00:00"
    (key,) = received["Buffered"]
    assert (key, received["Buffered"][key]["Timestamp"]) == ("2026-01-01T00:00:00.1234568",) * 2
    entity.receive(first)

    assert handled(entity) == [0, 1]


def test_requests_of_an_episode_that_was_run_again_at_a_later_time_do_not_wait_for_ever() -> None:
    """Of its first try one request came, without the one before it; all of its second try are handled."""
    entity, first_try, second_try = OneEntity(), Caller(), Caller()
    _, left_over = (first_try.request("log", number) for number in range(2))
    again = [second_try.request("log", number, at=FIRST + SECOND) for number in (10, 11, 12)]

    entity.receive(left_over, *again, at=FIRST + SECOND)

    assert handled(entity) == [10, 1, 11, 12]


def test_message_whose_predecessor_is_older_than_the_window_does_not_wait() -> None:
    entity, caller = OneEntity(), Caller()
    caller.request("log", 0)
    lost_predecessor = caller.request("log", 1, at=FIRST + 31 * MINUTE)

    entity.receive(lost_predecessor)

    assert handled(entity) == [1]


def test_message_that_waits_is_let_go_once_the_window_has_passed() -> None:
    entity, caller, other = OneEntity(), Caller(), Caller("other")
    caller.request("log", 0)

    entity.receive(caller.request("log", 1))
    assert handled(entity) == []
    entity.receive(other.request("log", 2, at=FIRST + 31 * MINUTE), at=FIRST + 31 * MINUTE)

    assert handled(entity) == [1, 2]
    assert "caller" not in entity.stored["sorter"]["ReceivedFromInstance"]


def test_new_execution_of_a_sender_starts_its_order_over() -> None:
    entity, before = OneEntity(), Caller()
    entity.receive(before.request("log", 0, at=FIRST + MINUTE))

    entity.receive(Caller(execution_id="d" * 32).request("log", 1))

    assert handled(entity) == [0, 1]
    assert entity.stored["sorter"]["ReceivedFromInstance"]["caller"]["ExecutionId"] == "d" * 32


def test_new_execution_of_a_sender_lets_go_of_what_waited_for_the_old_one() -> None:
    entity, before = OneEntity(), Caller()
    before.request("log", 0)
    entity.receive(before.request("log", 1))

    entity.receive(Caller(execution_id="d" * 32).request("log", 2))

    assert handled(entity) == [1, 2]
    assert entity.stored["sorter"]["ReceivedFromInstance"]["caller"]["Buffered"] == {}


def test_signals_of_clients_are_handled_as_they_come_and_leave_no_trace() -> None:
    entity = OneEntity()

    entity.receive(entity.signal("log", '"0"'), entity.signal("log", '"0"'))

    assert handled(entity) == [0, 0]
    assert entity.stored["sorter"] == {}
