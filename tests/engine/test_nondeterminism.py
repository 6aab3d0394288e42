"""The host's check of replay against history: its texts for every kind of decision, and what it does afterwards."""

from __future__ import annotations

import pytest
from azure.durable_functions import DurableOrchestrationContext as Context
from azure.durable_functions import EntityId

from durable_engine.model.errors import NonDeterminismError
from durable_engine.model.events import (
    EventSent,
    OrchestrationInstance,
    ParentInstance,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TaskScheduled,
    TimerCreated,
)
from durable_engine.orchestration.nondeterminism import Scheduled, check_scheduled
from engine.one_instance import OneInstance, Steps

QUESTION = "Was a change made to the orchestrator code after this instance had already started running?"
ACTIVITY = TaskScheduled(timestamp=0, event_id=3, name="fetch")
TIMER = TimerCreated(timestamp=0, event_id=3, fire_at=0)
CHILD = SubOrchestrationInstanceCreated(timestamp=0, event_id=3, name="child", instance_id="c1")
SENT = EventSent(timestamp=0, event_id=3, instance_id="@counter@k", name="op")


@pytest.mark.parametrize(
    ("recorded", "text"),
    [
        (ACTIVITY, "an activity task with sequence ID 3 and name 'fetch' (version ''), but the current replay "),
        (TIMER, "a timer task with sequence number 3 but the current replay "),
        (
            CHILD,
            "a sub-orchestration task with sequence ID 3 and name 'child' (version '', instance ID 'c1'), but the "
            "current replay ",
        ),
        (
            SENT,
            "a send event task with sequence ID 3, type 'EventSent' name 'op', instance ID '@counter@k', but the "
            "current replay ",
        ),
    ],
    ids=["activity", "timer", "sub-orchestration", "send"],
)
def test_decision_that_replay_does_not_make_is_named(recorded: Scheduled, text: str) -> None:
    with pytest.raises(NonDeterminismError) as caught:
        check_scheduled(recorded, None)

    assert str(caught.value) == (
        f"Non-Deterministic workflow detected: A previous execution of this orchestration scheduled {text}"
        f"execution hasn't (yet?) scheduled this task. {QUESTION}"
    )
    assert caught.value.event_id == 3
    assert caught.value.replayed is None


@pytest.mark.parametrize(
    ("recorded", "replayed", "scheduled", "action"),
    [
        (ACTIVITY, TIMER, "an activity task with sequence number 3 named 'fetch',", "CreateTimerOrchestratorAction"),
        (TIMER, ACTIVITY, "a timer task with sequence number 3 named", "ScheduleTaskOrchestratorAction"),
        (CHILD, SENT, "a sub-orchestration task with sequence number 3 named 'child',", "SendEventOrchestratorAction"),
        (SENT, CHILD, "a send event task with sequence number 3 named 'op',", "CreateSubOrchestrationAction"),
    ],
    ids=["activity", "timer", "sub-orchestration", "send"],
)
def test_decision_of_another_kind_is_named(
    recorded: Scheduled, replayed: Scheduled, scheduled: str, action: str
) -> None:
    with pytest.raises(NonDeterminismError) as caught:
        check_scheduled(recorded, replayed)

    assert str(caught.value) == (
        f"Non-Deterministic workflow detected: A previous execution of this orchestration scheduled {scheduled} but "
        f"the current orchestration replay instead produced a {action} action with this sequence number. {QUESTION}"
    )


@pytest.mark.parametrize(
    ("recorded", "replayed", "noun", "names"),
    [
        (ACTIVITY, TaskScheduled(timestamp=0, event_id=3, name="other"), "an activity task", ("fetch", "other")),
        (
            CHILD,
            SubOrchestrationInstanceCreated(timestamp=0, event_id=3, name="other", instance_id="c1"),
            "a sub-orchestration task",
            ("child", "other"),
        ),
    ],
    ids=["activity", "sub-orchestration"],
)
def test_decision_under_another_name_is_named_with_two_spaces_before_the_question(
    recorded: Scheduled, replayed: Scheduled, noun: str, names: tuple[str, str]
) -> None:
    with pytest.raises(NonDeterminismError) as caught:
        check_scheduled(recorded, replayed)

    assert str(caught.value) == (
        f"Non-Deterministic workflow detected: A previous execution of this orchestration scheduled {noun} with "
        f"sequence number 3 named '{names[0]}', but the current orchestration replay instead scheduled {noun} named "
        f"'{names[1]}' with this sequence number.  {QUESTION}"
    )


@pytest.mark.parametrize(
    ("recorded", "replayed"),
    [
        (ACTIVITY, TaskScheduled(timestamp=9, event_id=3, name="FETCH", input="[1]")),
        (TIMER, TimerCreated(timestamp=9, event_id=3, fire_at=9)),
        (CHILD, SubOrchestrationInstanceCreated(timestamp=9, event_id=3, name="Child", instance_id="c2")),
        (SENT, EventSent(timestamp=9, event_id=3, instance_id="@other@k", name="op")),
    ],
    ids=["activity", "timer", "sub-orchestration", "send"],
)
def test_inputs_due_times_ids_and_case_are_not_compared(recorded: Scheduled, replayed: Scheduled) -> None:
    check_scheduled(recorded, replayed)


def before(context: Context) -> Steps:
    yield context.call_activity("a")
    yield context.call_entity(EntityId("counter", "k"), "get")


def after(context: Context) -> Steps:
    yield context.call_activity("b")


def test_changed_code_fails_the_instance_and_still_runs_what_it_decided() -> None:
    one = OneInstance(before)
    one.start()
    one.function = after

    one.receive(one.completed(0))

    status, output = one.ending()
    assert status == "Failed"
    assert output is not None
    assert output.startswith("Non-Deterministic workflow detected: ")
    assert one.kinds[-5:] == [
        "OrchestratorStarted",
        "TaskCompleted",
        "TaskScheduled",
        "ExecutionCompleted",
        "OrchestratorCompleted",
    ]
    assert [event.event_id for event in one.history if isinstance(event, TaskScheduled)] == [0, 0]
    assert [message.event.name for message in one.sent(TaskScheduled)] == ["a", "b"]  # type: ignore[attr-defined]  # all are TaskScheduled
    (completed,) = (event for event in one.history if event.kind == "TaskCompleted")
    assert not completed.is_played, "it was never handled"


def test_parent_of_a_changed_child_learns_what_differed() -> None:
    parent = ParentInstance(
        name="p", instance=OrchestrationInstance(instance_id="p1", execution_id="p" * 32), task_schedule_id=7
    )
    one = OneInstance(before, parent=parent)
    one.start()
    one.function = after

    one.receive(one.completed(0))

    (report,) = one.sent(SubOrchestrationInstanceFailed)
    assert isinstance(report.event, SubOrchestrationInstanceFailed)
    assert report.target == parent.instance
    assert report.event.task_scheduled_id == 7
    assert report.event.reason == one.ending()[1]
    assert str(report.event.details).startswith(
        "Unhandled exception while executing orchestration: "
        f"DurableTask.Core.Exceptions.NonDeterministicOrchestrationException: {report.event.reason}\n"
    )
