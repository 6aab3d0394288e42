"""Suspend, resume, terminate and rewind: what waits, what goes on, and what is written."""

from __future__ import annotations

from azure.durable_functions import DurableOrchestrationContext as Context
from azure.durable_functions import RetryOptions

from durable_engine.histories.rewinding import rewind_history
from durable_engine.model.events import (
    ExecutionCompleted,
    GenericEvent,
    OrchestrationInstance,
    ParentInstance,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TimerCreated,
)
from durable_engine.model.ticks import TICKS_PER_SECOND
from engine.one_instance import FIRST_EPISODE, OneInstance, Steps
from engine.sdk_warnings import SDK_WARNINGS

pytestmark = SDK_WARNINGS

PARENT = ParentInstance(
    name="p", instance=OrchestrationInstance(instance_id="p1", execution_id="p" * 32), task_schedule_id=7
)


def two_steps(context: Context) -> Steps:
    context.set_custom_status("first")
    one = yield context.call_activity("a")
    context.set_custom_status("second")
    two = yield context.call_activity("b")
    return [one, two]


def test_suspended_instance_runs_its_code_but_decides_nothing_until_it_is_resumed() -> None:
    one = OneInstance(two_steps)
    one.start()

    one.receive(one.suspended("a pause"))
    assert one.ending() == ("Suspended", "a pause")
    one.receive(one.completed(0, 1))

    assert one.decided() == []
    assert one.last.update.custom_status == '"second"'
    assert one.ending() == (None, None)

    one.receive(one.resumed("on"))

    assert [message.event.event_id for message in one.decided()] == [1]
    assert one.ending() == ("Running", "on")
    one.receive(one.completed(1, 2))
    assert one.ending() == ("Completed", "[1,2]")


def test_what_came_while_suspended_is_handled_at_the_time_of_the_resumption() -> None:
    def retries(context: Context) -> Steps:
        return (yield context.call_activity_with_retry("a", RetryOptions(5000, 3)))

    one = OneInstance(retries)
    one.start()
    one.receive(one.suspended())
    one.receive(one.failed(0))

    one.receive(one.resumed())

    (timer,) = (event for event in one.history if isinstance(event, TimerCreated))
    resumed_at = FIRST_EPISODE + 3 * TICKS_PER_SECOND
    assert timer.fire_at == resumed_at + 5 * TICKS_PER_SECOND


def test_suspension_that_was_delivered_twice_ends_with_one_resumption() -> None:
    one = OneInstance(two_steps)
    one.start()
    one.receive(one.suspended("a pause"))
    one.receive(one.suspended("a pause"))
    one.receive(one.completed(0, 1))

    one.receive(one.resumed())

    assert [message.event.event_id for message in one.decided()] == [1]


def test_decision_of_the_episode_in_which_the_suspension_came_is_held_too() -> None:
    one = OneInstance(two_steps)

    one.start(one.suspended("early"))
    assert one.decided() == []
    one.receive(one.resumed())

    assert [message.event.event_id for message in one.decided()] == [0]


def test_terminated_instance_ends_with_the_reason_whatever_its_code_says() -> None:
    one = OneInstance(two_steps)
    one.start()

    one.receive(one.terminated("enough"))

    assert one.ending() == ("Terminated", "enough")
    assert one.last.update.is_completed
    assert one.kinds[-4:] == [
        "OrchestratorStarted",
        "ExecutionTerminated",
        "ExecutionCompleted",
        "OrchestratorCompleted",
    ]
    (completed,) = (event for event in one.history if isinstance(event, ExecutionCompleted))
    assert (completed.orchestration_status, completed.result, completed.event_id) == ("Terminated", "enough", 1)


def test_suspended_instance_can_be_terminated() -> None:
    one = OneInstance(two_steps)
    one.start()
    one.receive(one.suspended())

    one.receive(one.terminated())

    assert one.ending() == ("Terminated", None)


def test_terminated_child_reports_a_failure_to_its_parent() -> None:
    one = OneInstance(two_steps, parent=PARENT)
    one.start()

    one.receive(one.terminated("enough"))

    (report,) = one.decided()
    assert isinstance(report.event, SubOrchestrationInstanceFailed)
    assert report.target == PARENT.instance
    assert (report.event.task_scheduled_id, report.event.reason) == (7, "enough")


def test_terminated_parent_leaves_its_child_alone() -> None:
    def starts_a_child(context: Context) -> Steps:
        yield context.call_sub_orchestrator("child")

    one = OneInstance(starts_a_child)
    one.start()

    one.receive(one.terminated("enough"))

    assert len(one.sent(SubOrchestrationInstanceCreated)) == 0
    assert one.decided() == []


def test_rewound_instance_schedules_the_failed_activity_again_under_its_id() -> None:
    one = OneInstance(two_steps)
    one.start()
    one.receive(one.completed(0, 1))
    one.receive(one.failed(1))
    assert one.ending()[0] == "Failed"
    one.history = rewind_history(one.history).history

    one.receive(GenericEvent(timestamp=one.now, data="again"))

    assert [(message.event.event_id, message.event.kind) for message in one.decided()] == [(1, "TaskScheduled")]
    assert one.kinds[-4:] == ["OrchestratorStarted", "GenericEvent", "TaskScheduled", "OrchestratorCompleted"]
    one.receive(one.completed(1, 2))
    assert one.ending() == ("Completed", "[1,2]")
