"""The rules of the Azure Storage backend: what an instance takes now, what later, and what never."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from durable_engine import (
    TICKS_PER_SECOND,
    EventRaised,
    EventSent,
    ExecutionCompleted,
    ExecutionStarted,
    HistoryEvent,
    OrchestrationInstance,
    OrchestratorCompleted,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
    TimerCreated,
    TimerFired,
    ticks_from_text,
)
from durable_host.dispatch.message_rules import (
    Asked,
    Verdict,
    is_ended,
    is_entity,
    judge_start,
    judge_timing,
    names_entity,
)
from durable_host.task_hub import InstanceRow

NOON = ticks_from_text("2026-01-01T12:00:00Z")
SECOND = TICKS_PER_SECOND
START = ExecutionStarted(
    timestamp=NOON,
    instance=OrchestrationInstance(instance_id="i", execution_id="Mine"),
    name="orch",
    generation=1,
)
ROW = InstanceRow(
    instance_id="i",
    execution_id="Mine",
    name="orch",
    version=None,
    input=None,
    output=None,
    custom_status=None,
    runtime_status="Pending",
    created_at=NOON,
    last_updated_at=NOON,
    completed_at=None,
    generation=1,
    scheduled_start_at=None,
    tags=None,
    parent_instance_id=None,
    etag="etag",
)
OTHER = replace(ROW, execution_id="theirs")


@pytest.mark.parametrize(
    ("row", "count", "verdict"),
    [
        (ROW, 1, Verdict.TAKE),
        (replace(ROW, execution_id="MINE"), 1, Verdict.TAKE),
        (replace(ROW, execution_id=None), 1, Verdict.TAKE),
        (replace(ROW, runtime_status="Running"), 3, Verdict.TAKE),
        (replace(ROW, runtime_status="Terminated"), 1, Verdict.DROP),
        (replace(ROW, runtime_status="Completed"), 2, Verdict.DROP),
        (None, 1, Verdict.TRY_LATER),
        (None, 9, Verdict.TRY_LATER),
        (None, 10, Verdict.DROP),
        (OTHER, 1, Verdict.TRY_LATER),
        (replace(OTHER, created_at=NOON - 1), 1, Verdict.DROP),
        (replace(OTHER, created_at=NOON - 1, runtime_status="Running"), 1, Verdict.TRY_LATER),
        (replace(OTHER, runtime_status="Running"), 2, Verdict.DROP),
        (replace(OTHER, runtime_status="Running", created_at=NOON + 9 * SECOND), 2, Verdict.TRY_LATER),
        (replace(OTHER, created_at=NOON - 1, generation=0), 2, Verdict.TRY_LATER),
        (replace(OTHER, generation=0), 10, Verdict.DROP),
    ],
)
def test_a_start_runs_only_if_the_row_is_its_own(row: InstanceRow | None, count: int, verdict: Verdict) -> None:
    assert judge_start(START, row, dequeue_count=count, taken_at=NOON + SECOND) is verdict


def scheduled() -> tuple[HistoryEvent, ...]:
    request = json.dumps({"op": "get", "id": "5f0e7f0f-0000-0000-0000-000000000001"})
    return (
        TaskScheduled(timestamp=NOON, event_id=0, name="a"),
        SubOrchestrationInstanceCreated(timestamp=NOON, event_id=1, name="c", instance_id="c1"),
        TimerCreated(timestamp=NOON, event_id=2, fire_at=NOON),
        EventSent(timestamp=NOON, event_id=3, instance_id="@e@k", name="op", input=request),
    )


def answers(first: int) -> list[HistoryEvent]:
    return [
        TaskCompleted(timestamp=NOON, task_scheduled_id=first, result="1"),
        TaskFailed(timestamp=NOON, task_scheduled_id=first, reason="r", details="d"),
        SubOrchestrationInstanceCompleted(timestamp=NOON, task_scheduled_id=first, result="1"),
        SubOrchestrationInstanceFailed(timestamp=NOON, task_scheduled_id=first, reason="r", details="d"),
        TimerFired(timestamp=NOON, timer_id=first, fire_at=NOON),
    ]


@pytest.mark.parametrize("event", answers(0) + answers(1) + answers(2), ids=lambda event: event.kind)
def test_a_result_that_was_asked_for_is_taken(event: HistoryEvent) -> None:
    assert judge_timing(event, Asked.in_history(scheduled()), sender="i", dequeue_count=1) is Verdict.TAKE


@pytest.mark.parametrize("event", answers(3) + answers(99), ids=lambda event: event.kind)
def test_a_result_that_was_not_asked_for_yet_waits_for_the_history_however_often_it_came(event: HistoryEvent) -> None:
    assert judge_timing(event, Asked.in_history(scheduled()), sender="i", dequeue_count=99) is Verdict.TRY_LATER


@pytest.mark.parametrize("event", answers(0), ids=lambda event: event.kind)
def test_a_result_for_an_instance_without_history_is_taken_after_five_deliveries(event: HistoryEvent) -> None:
    nothing = Asked.in_history(())

    assert judge_timing(event, nothing, sender="i", dequeue_count=5) is Verdict.TRY_LATER
    assert judge_timing(event, nothing, sender="i", dequeue_count=6) is Verdict.TAKE


def test_an_entitys_answer_waits_for_the_request_and_an_event_of_any_name_does_not() -> None:
    asked = Asked.in_history(scheduled())
    awaited = EventRaised(timestamp=NOON, name="5f0e7f0f-0000-0000-0000-000000000001", input="{}")
    other = replace(awaited, name="5f0e7f0f-0000-0000-0000-000000000002")

    assert judge_timing(awaited, asked, sender="@e@k", dequeue_count=1) is Verdict.TAKE
    assert judge_timing(other, asked, sender="@e@k", dequeue_count=1) is Verdict.TRY_LATER
    assert judge_timing(other, asked, sender="", dequeue_count=1) is Verdict.TAKE


def test_requests_that_cannot_be_read_are_passed_over() -> None:
    history = [EventSent(timestamp=NOON, event_id=0, instance_id="@e@k", name="op", input=text) for text in ("{", "[]")]

    assert Asked.in_history(history).requests == {""}


def test_an_execution_has_ended_when_its_last_decision_says_so() -> None:
    end = ExecutionCompleted(timestamp=NOON, event_id=1, orchestration_status="Completed")
    after = OrchestratorCompleted(timestamp=NOON)

    assert is_ended([*scheduled(), end])
    assert is_ended([*scheduled(), end, after])
    assert not is_ended([*scheduled(), after])
    assert not is_ended([])


@pytest.mark.parametrize(
    ("instance_id", "is_name"), [("@e@k", True), ("@e@", True), ("@@k", False), ("@bad", False), ("e@k", False)]
)
def test_an_entitys_id_is_told_by_its_form(instance_id: str, is_name: bool) -> None:
    assert names_entity(instance_id) is is_name


def test_an_orchestration_may_have_the_id_of_an_entity() -> None:
    synthetic = replace(START, name="@e@k")

    assert is_entity("@e@k", [], [EventRaised(timestamp=NOON, name="op")])
    assert is_entity("@e@k", [OrchestratorCompleted(timestamp=NOON), synthetic], [])
    assert not is_entity("@e@k", [], [START])
    assert not is_entity("i", [], [START])
