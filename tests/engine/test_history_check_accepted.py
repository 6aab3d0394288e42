"""Changes that the host accepts are found and said by the check of recorded histories."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from dataclasses import replace

import pytest
from azure.durable_functions import DurableOrchestrationContext as Context

from durable_engine.checking.check import (
    DifferenceKind,
    Severity,
    check_history,
    replay_history,
)
from durable_engine.model.errors import NonDeterminismError
from durable_engine.model.events import TaskScheduled
from engine.changed_code import Steps, check, only, run_of_version_1, version_1
from engine.sdk_warnings import SDK_WARNINGS
from engine.simulated_runs import app_of, simulate

pytestmark = SDK_WARNINGS


def test_a_new_step_at_the_end_is_a_difference_that_the_host_accepts() -> None:
    def version_2(context: Context) -> Steps:
        yield context.task_all(
            [context.call_activity("work", url) for url in context.get_input()] + [context.call_activity("check", 1)]
        )

    history = run_of_version_1(until=0)
    report = check(version_2, history)

    assert only(report) == (DifferenceKind.ADDED, Severity.DIFFERS, 2)
    assert report.is_accepted
    assert replay_history(app_of(version_2), history, strict=False) == report
    with pytest.raises(NonDeterminismError):
        replay_history(app_of(version_2), history)


def test_another_input_is_found_where_the_history_holds_inputs() -> None:
    def version_2(context: Context) -> Steps:
        yield context.task_all([context.call_activity("work", url.upper()) for url in context.get_input()])

    history = tuple(
        replace(event, input=f'["\\"{"ab"[event.event_id]}\\""]') if isinstance(event, TaskScheduled) else event
        for event in run_of_version_1(until=0)
    )
    report = check(version_2, history)

    assert [difference.kind for difference in report.differences] == [DifferenceKind.INPUT, DifferenceKind.INPUT]
    assert check(version_1, history).is_same
    assert "-   0 activity 'work' with \"a\"" in report.diff()
    assert "+   0 activity 'work' with \"A\"" in report.diff()


def test_a_due_time_from_another_delay_is_found() -> None:
    def version_2(context: Context) -> Steps:
        yield context.task_all([context.call_activity("work", url) for url in context.get_input()])
        yield context.create_timer(context.current_utc_datetime + dt.timedelta(minutes=6))

    report = check(version_2, run_of_version_1(until=1))

    assert only(report) == (DifferenceKind.DUE_TIME, Severity.DIFFERS, 2)
    assert "keeps its recorded due time" in report.advice


def test_a_due_time_from_the_wall_clock_is_found_and_explained() -> None:
    moments = itertools.count()

    def wall_clock(context: Context) -> Steps:
        yield context.create_timer(dt.datetime(2026, 3, 1, 10, tzinfo=dt.UTC) + dt.timedelta(seconds=next(moments)))

    report = check(wall_clock, simulate(wall_clock, until=0).history)

    assert {difference.kind for difference in report.differences} == {DifferenceKind.DUE_TIME, DifferenceKind.UNSTABLE}
    assert "Two replays of the same history" in report.advice


def test_a_child_under_another_id_is_found() -> None:
    numbers = itertools.count(1)

    def random_child(context: Context) -> Steps:
        yield context.call_sub_orchestrator("child", None, str(uuid.UUID(int=next(numbers))))

    report = check(random_child, simulate(random_child, until=0).history)

    assert DifferenceKind.INSTANCE_ID in {difference.kind for difference in report.differences}
    assert report.is_accepted


def test_a_step_taken_at_another_moment_is_found_only_by_the_thorough_check() -> None:
    def in_turn(context: Context) -> Steps:
        yield context.call_activity("work", 1)
        yield context.call_activity("check", 2)

    def at_once(context: Context) -> Steps:
        yield context.task_all([context.call_activity("work", 1), context.call_activity("check", 2)])

    history = simulate(in_turn, until=0.1).history

    assert only(check(at_once, history)) == (DifferenceKind.EPISODE, Severity.DIFFERS, 1)
    assert check_history(app_of(at_once), history, every_episode=False).is_same


def test_code_that_acts_upon_is_replaying_is_found() -> None:
    def shy(context: Context) -> Steps:
        yield context.call_activity("work", 1)
        if not context.is_replaying:
            yield context.call_activity("check", 2)
        yield context.call_activity("send_email", 3)

    report = check(shy, simulate(shy, until=0.1).history)

    assert not report.is_accepted
    assert report.differences[0].event_id == 1


def test_another_end_and_another_result_are_found_and_accepted() -> None:
    def greets(context: Context) -> Steps:
        yield context.call_activity("work", 1)
        return "hello"

    def greets_better(context: Context) -> Steps:
        yield context.call_activity("work", 1)
        return "good morning"

    def goes_on(context: Context) -> Steps:
        yield context.call_activity("work", 1)
        yield context.wait_for_external_event("answer")

    history = simulate(greets).history

    assert only(check(greets_better, history)) == (DifferenceKind.RESULT, Severity.DIFFERS, None)
    assert only(check(goes_on, history)) == (DifferenceKind.ENDING, Severity.DIFFERS, None)
