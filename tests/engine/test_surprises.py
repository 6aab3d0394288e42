"""Each thing that the real engine does and nobody expects: that the engine does it too, and says so, once."""

from __future__ import annotations

from contextlib import suppress

import pytest
from azure.durable_functions import DurableOrchestrationContext as Context
from azure.durable_functions import EntityId, RetryOptions

from durable_engine.model.events import OrchestrationInstance, ParentInstance, TaskScheduled
from engine.episode_runs import checkpoint_of
from engine.one_instance import OneInstance, Steps
from engine.recordings import instances
from engine.sdk_warnings import SDK_WARNINGS

pytestmark = SDK_WARNINGS

ONCE_MORE = RetryOptions(300, 2)


def test_recordings_surprise_only_where_they_are_known_to() -> None:
    found = {
        (instance.scenario, place, notice.code)
        for instance in instances()
        for place in range(len(instance.episodes))
        for notice in checkpoint_of(instance, place).notices
    }

    assert found == {
        ("drift", 2, "id_drift"),
        ("events_early", 3, "doubled_event"),
        ("unknown_activity", 0, "unknown_activity"),
    }


def test_unknown_activity_leaves_the_orchestration_running_and_is_noticed_once() -> None:
    def calls_nobody(context: Context) -> Steps:
        yield context.call_activity("nobody")

    one = OneInstance(calls_nobody)

    one.start()
    one.receive(one.raised("anything"))

    assert one.ending() == (None, None)
    assert one.sent(TaskScheduled) == []
    assert one.notices() == ["unknown_activity"]
    (notice,) = one.checkpoints[0].notices
    assert "'nobody' doesn't exist" in notice.text
    assert "known activity functions: 'a', 'b', 'c'" in notice.text
    assert "terminate this instance" in notice.text


def test_unknown_sub_orchestration_leaves_the_orchestration_running_and_is_noticed() -> None:
    def starts_nobody(context: Context) -> Steps:
        yield context.call_sub_orchestrator("nobody")

    one = OneInstance(starts_nobody)

    one.start()

    assert one.decided() == []
    assert one.ending() == ("Running", None)
    assert one.notices() == ["unknown_orchestrator"]


@pytest.mark.parametrize("instance_id", ["one", "ONE", "grandparent", "@counter@key"])
def test_sub_orchestration_is_refused_an_id_that_is_taken_or_an_entitys(instance_id: str) -> None:
    def starts_itself(context: Context) -> Steps:
        yield context.call_sub_orchestrator("child", None, instance_id)

    parent = ParentInstance(
        name="p", instance=OrchestrationInstance(instance_id="grandparent", execution_id="p" * 32), task_schedule_id=0
    )
    one = OneInstance(starts_itself, parent=parent)

    one.start()

    assert one.decided() == []
    assert one.ending() == ("Running", None)
    assert one.notices() == ["refused_sub_orchestration"]


def test_call_of_an_unknown_entity_leaves_the_orchestration_running_and_is_noticed() -> None:
    def calls_nobody(context: Context) -> Steps:
        yield context.call_entity(EntityId("nobody", "key"), "get")

    one = OneInstance(calls_nobody)

    one.start()

    assert one.decided() == []
    assert one.ending() == ("Running", None)
    assert one.notices() == ["unknown_entity"]


def test_signal_to_an_unknown_entity_fails_the_orchestration() -> None:
    def signals_nobody(context: Context) -> Steps:
        context.signal_entity(EntityId("nobody", "key"), "add", 1)
        yield context.call_activity("a")

    one = OneInstance(signals_nobody)

    one.start()

    status, output = one.ending()
    assert status == "Failed"
    assert output is not None
    assert output.startswith("Orchestrator function 'signals_nobody' failed: The function 'nobody' doesn't exist")
    assert one.decided() == []


def waits_twice(context: Context) -> Steps:
    yield context.call_activity("a")
    first = yield context.wait_for_external_event("go")
    second = yield context.wait_for_external_event("go")
    return [first, second]


def test_two_early_events_of_one_name_become_the_second_one_twice_and_that_is_noticed() -> None:
    one = OneInstance(waits_twice)

    one.start()
    one.receive(one.raised("go", 1), one.raised("go", 2))
    one.receive(one.completed(0))

    assert one.ending() == ("Completed", "[2,2]")
    assert one.notices() == ["doubled_event"]
    (notice,) = one.last.notices
    assert notice.text.startswith("2 events named 'go' came before the orchestration waited")


def test_one_early_event_is_given_to_the_second_wait_too_and_that_is_noticed() -> None:
    one = OneInstance(waits_twice)

    one.start()
    one.receive(one.raised("go", 1))
    one.receive(one.completed(0))

    assert one.ending() == (None, None), "the host still waits for a second event"
    assert one.notices() == ["doubled_event"]
    one.receive(one.raised("go", 2))
    assert one.ending() == ("Completed", "[1,1]")
    assert one.notices() == ["doubled_event"]


def test_events_that_are_waited_for_in_time_are_no_surprise() -> None:
    one = OneInstance(waits_twice)

    one.start()
    one.receive(one.completed(0))
    one.receive(one.raised("go", 1), one.raised("go", 2))

    assert one.ending() == ("Completed", "[1,2]")
    assert one.notices() == []


def test_one_early_event_and_one_in_time_are_no_surprise() -> None:
    def waits_then_works(context: Context) -> Steps:
        yield context.call_activity("a")
        first = yield context.wait_for_external_event("go")
        return first

    one = OneInstance(waits_then_works)

    one.start()
    one.receive(one.raised("go", 1), one.raised("other", 2))
    one.receive(one.completed(0))

    assert one.ending() == ("Completed", "1")
    assert one.notices() == []


def fails_beside_a_retry(context: Context) -> Steps:
    with suppress(Exception):
        yield context.task_all([context.call_activity("a"), context.call_activity_with_retry("b", ONCE_MORE)])
    return (yield context.call_activity("c"))


def test_work_after_a_failed_task_all_with_a_retry_inside_completes_with_null_and_that_is_noticed() -> None:
    one = OneInstance(fails_beside_a_retry)

    one.start()
    one.receive(one.failed(0), one.failed(1))
    one.receive(one.fired(2))
    one.receive(one.completed(3, "second attempt"))
    one.receive(one.completed(4, "cleaned up"))

    assert [message.event.name for message in one.sent(TaskScheduled)] == ["a", "b", "b", "c"]  # type: ignore[attr-defined]  # all are TaskScheduled
    assert one.ending() == ("Completed", None)
    assert one.notices() == ["id_drift"]
    assert "'c'" in one.checkpoints[2].notices[0].text


def test_work_after_a_failed_task_all_without_a_retry_is_no_surprise() -> None:
    def fails_beside_a_slow_one(context: Context) -> Steps:
        with suppress(Exception):
            yield context.task_all([context.call_activity("a"), context.call_activity("b")])
        return (yield context.call_activity("c"))

    one = OneInstance(fails_beside_a_slow_one)

    one.start()
    one.receive(one.failed(0))
    one.receive(one.completed(1, "late"))
    one.receive(one.completed(2, "cleaned up"))

    assert one.ending() == ("Completed", '"cleaned up"')
    assert one.notices() == []
