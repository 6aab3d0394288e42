"""Ids and due times of retries and timers, waits for events, HTTP calls: what the recordings show only once."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from azure.durable_functions import DurableOrchestrationContext as Context
from azure.durable_functions import RetryOptions

from durable_engine.model.events import (
    ExecutionStarted,
    OrchestratorStarted,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TaskScheduled,
    TimerCreated,
    TimerFired,
)
from durable_engine.model.ticks import TICKS_PER_SECOND
from engine.one_instance import FIRST_EPISODE, OneInstance, Steps
from engine.sdk_warnings import SDK_WARNINGS

pytestmark = SDK_WARNINGS

THRICE = RetryOptions(2000, 3)


def test_each_attempt_and_each_retry_timer_takes_the_next_id_and_the_last_failure_sets_a_timer_too() -> None:
    def retries(context: Context) -> Steps:
        return (yield context.call_activity_with_retry("a", THRICE, "x"))

    one = OneInstance(retries)

    one.start()
    for attempt in (0, 2, 4):
        one.receive(one.failed(attempt, f"attempt {attempt}"))
        one.receive(one.fired(attempt + 1))

    assert [event.event_id for event in one.history if isinstance(event, TaskScheduled)] == [0, 2, 4]
    timers = [event for event in one.history if isinstance(event, TimerCreated)]
    episodes = [event for event in one.history if isinstance(event, OrchestratorStarted)]
    began = [max(one.timestamp for one in episodes if one.timestamp < timer.timestamp) for timer in timers]
    waits = [timer.fire_at - at for timer, at in zip(timers, began, strict=True)]
    assert [timer.event_id for timer in timers] == [1, 3, 5]
    assert waits == [2 * TICKS_PER_SECOND, 2 * TICKS_PER_SECOND, 0]
    assert one.ending() == ("Failed", "Orchestrator function 'retries' failed: attempt 4 \n {}")


def test_two_retried_activities_take_ids_in_the_order_in_which_they_fail() -> None:
    def retries_two(context: Context) -> Steps:
        return (
            yield context.task_all(
                [context.call_activity_with_retry("a", THRICE), context.call_activity_with_retry("b", THRICE)]
            )
        )

    one = OneInstance(retries_two)

    one.start()
    one.receive(one.failed(1), one.failed(0))
    one.receive(one.fired(3))
    one.receive(one.fired(2))
    one.receive(one.completed(5, "b"), one.completed(4, "a"))

    scheduled = [(event.event_id, event.name) for event in one.history if isinstance(event, TaskScheduled)]
    assert scheduled == [(0, "a"), (1, "b"), (4, "a"), (5, "b")]
    assert one.ending() == ("Completed", '["a","b"]')


@pytest.mark.parametrize("given_id", [None, "mine"])
def test_retried_sub_orchestration_gets_a_new_id_for_each_attempt_unless_it_was_given_one(given_id: str | None) -> None:
    def retries_a_child(context: Context) -> Steps:
        return (yield context.call_sub_orchestrator_with_retry("child", THRICE, None, given_id))

    one = OneInstance(retries_a_child)

    one.start()
    one.receive(SubOrchestrationInstanceFailed(timestamp=one.now, task_scheduled_id=0, reason="no", details=""))
    one.receive(one.fired(1))
    one.receive(SubOrchestrationInstanceCompleted(timestamp=one.now, task_scheduled_id=2, result='"yes"'))

    children = [event for event in one.history if isinstance(event, SubOrchestrationInstanceCreated)]
    execution = "e" * 32
    assert [child.event_id for child in children] == [0, 2]
    assert [child.instance_id for child in children] == (
        [given_id] * 2 if given_id else [f"{execution}:0", f"{execution}:2"]
    )
    starts = one.sent(ExecutionStarted)
    assert len({start.target.execution_id for start in starts}) == 2, "each start is an execution of its own"
    assert one.ending() == ("Completed", '"yes"')


def test_latest_waiter_of_a_name_gets_the_next_event() -> None:
    def waits_for_two(context: Context) -> Steps:
        waits = [context.wait_for_external_event("go"), context.wait_for_external_event("go")]
        first = yield context.task_any(waits)
        return waits.index(first)

    one = OneInstance(waits_for_two)

    one.start()
    one.receive(one.raised("go", 1))

    assert one.ending() == ("Completed", "1")


def test_event_goes_to_the_latest_wait_and_not_to_one_that_was_given_up() -> None:
    def gives_up_once(context: Context) -> Steps:
        timer = context.create_timer(context.current_utc_datetime + timedelta(seconds=1))
        yield context.task_any([timer, context.wait_for_external_event("go")])
        value = yield context.wait_for_external_event("go")
        return (yield context.call_activity("a", value))

    one = OneInstance(gives_up_once)

    one.start()
    one.receive(one.fired(0))
    one.receive(one.raised("go", 1))

    assert [message.event.kind for message in one.decided()] == ["TaskScheduled"]
    one.receive(one.completed(1, "done"))
    assert one.ending() == ("Completed", '"done"')


def test_event_of_another_case_is_taken_by_the_host_and_not_by_the_sdk() -> None:
    def waits(context: Context) -> Steps:
        value = yield context.wait_for_external_event("go")
        done = yield context.call_activity("a", value)
        return done

    one = OneInstance(waits)

    one.start()
    one.receive(one.raised("GO", 1))
    assert one.decided() == []
    one.receive(one.raised("go", 2))

    assert [message.event.event_id for message in one.decided()] == [0]
    one.receive(one.completed(0, "done"))
    assert one.ending() == ("Completed", '"done"')


def test_http_call_is_an_activity_with_the_request_as_its_input() -> None:
    def calls(context: Context) -> Steps:
        return (yield context.call_http("POST", "http://example.test/x", {"q": 1}, {"h": "v"}))

    one = OneInstance(calls)

    one.start()
    one.receive(one.completed(0, {"statusCode": 200}))

    (message,) = one.sent(TaskScheduled)
    assert isinstance(message.event, TaskScheduled)
    assert message.event.name == "BuiltIn::HttpActivity"
    assert json.loads(message.event.input or "") == [
        {
            "$type": "Microsoft.Azure.WebJobs.Extensions.DurableTask.DurableHttpRequest, "
            "Microsoft.Azure.WebJobs.Extensions.DurableTask",
            "method": "POST",
            "uri": "http://example.test/x",
            "content": '{"q": 1}',
            "headers": {"h": "v"},
        }
    ]
    assert one.ending() == ("Completed", '{"statusCode":200}')


def test_timer_of_ten_days_is_set_in_legs_of_three() -> None:
    def sleeps(context: Context) -> Steps:
        yield context.create_timer(context.current_utc_datetime + timedelta(days=10))
        return "awake"

    one = OneInstance(sleeps)
    day = 86_400 * TICKS_PER_SECOND
    one.start()
    due = FIRST_EPISODE - FIRST_EPISODE % 10 + 10 * day  # the SDK keeps microseconds

    legs = []
    while not one.last.update.is_completed:
        (message,) = one.decided()
        assert isinstance(message.event, TimerFired)
        legs.append(message.event.fire_at)
        one.receive_at(message.event.fire_at, message.event)

    assert len(legs) == 3
    assert legs[-1] == due
    assert [round((leg - FIRST_EPISODE) / day) for leg in legs] == [3, 6, 10]
    assert one.ending() == ("Completed", '"awake"')


def test_cancelled_timer_is_set_and_does_not_keep_the_instance_open() -> None:
    def cancels(context: Context) -> Steps:
        timer = context.create_timer(context.current_utc_datetime + timedelta(minutes=5))
        event = context.wait_for_external_event("go")
        yield context.task_any([timer, event])
        timer.cancel()
        return "in time"

    one = OneInstance(cancels)

    one.start()
    one.receive(one.raised("go"))

    assert one.ending() == ("Completed", '"in time"')
    assert len(one.sent(TimerFired)) == 1


def test_timer_left_open_keeps_the_instance_running_until_it_fires() -> None:
    def forgets(context: Context) -> Steps:
        timer = context.create_timer(context.current_utc_datetime + timedelta(minutes=5))
        event = context.wait_for_external_event("go")
        yield context.task_any([timer, event])
        return "in time"

    one = OneInstance(forgets)

    one.start()
    one.receive(one.raised("go"))
    assert not one.last.update.is_completed
    one.receive(one.fired(0))

    assert one.ending() == ("Completed", '"in time"')


def test_second_report_of_a_task_changes_nothing() -> None:
    def works(context: Context) -> Steps:
        first = yield context.call_activity("a")
        second = yield context.call_activity("b")
        return [first, second]

    one = OneInstance(works)

    one.start()
    one.receive(one.completed(0, 1))
    one.receive(one.completed(0, 1))
    assert one.decided() == []
    one.receive(one.completed(1, 2))

    assert one.ending() == ("Completed", "[1,2]")
