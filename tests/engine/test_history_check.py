"""The check of recorded histories: what the real engine recorded passes, and every kind of change is found.

Histories come from the recordings (``fixtures/histories``) and from simulated runs of earlier versions of some code.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

import azure.durable_functions as df
import pytest
from azure.durable_functions import DurableOrchestrationContext as Context

from durable_engine.checking.check import (
    DifferenceKind,
    HistoryMismatchError,
    Severity,
    check_history,
    replay_history,
)
from durable_engine.model.events import ExecutionStarted, HistoryEvent, TaskScheduled, TimerCreated
from durable_engine.orchestration.episode import App
from engine.changed_code import Steps, check, only, run_of_version_1, version_1
from engine.history_fixtures import committed, recorded_history, written
from engine.recorded_app import recorded_app
from engine.recordings import instances
from engine.sdk_warnings import SDK_WARNINGS
from engine.simulated_runs import app_of, simulate

pytestmark = SDK_WARNINGS


_DRIFTING = sorted(one.scenario for one in instances() if one.scenario.startswith("nondeterminism_"))
# Without those whose values are in blobs, whose requests were never made, and whose result is times and ids.
_RERUN = sorted(
    {
        one.scenario
        for one in instances()
        if one.instance_id == "<id0>"
        and one.row
        and len(one.rows) > 1
        and not one.scenario.startswith(("nondeterminism_", "large_", "http_call", "ids_and_time"))
    }
)


@pytest.fixture
def app() -> App:
    """The app that was recorded, with its counts of calls set back."""
    recorded = recorded_app()
    recorded.module._STATE.clear()
    return App(functions=recorded.functions, orchestrator=lambda name: recorded.handles[name])


@pytest.mark.parametrize("scenario", _RERUN)
def test_a_history_of_the_real_engine_passes_on_the_code_that_was_recorded(scenario: str, app: App) -> None:
    history = recorded_history(scenario)

    recorded_app().module._STATE.clear()
    thorough = check_history(app, history)
    recorded_app().module._STATE.clear()
    once = check_history(app, history, every_episode=False)

    assert str(thorough) == str(once) == str(replace(thorough, differences=()))
    assert thorough.is_same


@pytest.mark.parametrize("name", sorted(name for name in committed() if not name.startswith("nondeterminism_")))
def test_a_committed_history_passes_in_the_form_in_which_users_have_it(name: str, app: App) -> None:
    report = replay_history(app, committed()[name])

    assert report.is_same


def test_the_committed_histories_are_those_of_the_recordings() -> None:
    assert committed() == written()


@pytest.mark.parametrize("scenario", [name for name in _DRIFTING if name != "nondeterminism_input"])
def test_code_that_the_real_host_refused_is_refused_with_the_text_that_the_host_gave(scenario: str, app: App) -> None:
    rows = committed()[f"{scenario}.rows.json"]
    recorded_app().module._STATE[f"{scenario.replace('_', '-')}-1"] = 1  # from the second call on its code is another

    with pytest.raises(HistoryMismatchError) as caught:
        replay_history(app, rows, strict=False)

    difference = caught.value.report.differences[0]
    refusal = next(one.rows[-2]["Result"][1] for one in instances() if one.scenario == scenario)
    assert difference.severity is Severity.BREAKS
    assert difference.host_text == refusal
    assert caught.value.event_id == 0


def test_code_that_answers_anew_each_time_is_found_where_the_host_accepts_it(app: App) -> None:
    report = check_history(app, recorded_history("nondeterminism_input"), every_episode=False)

    assert report.is_accepted
    assert [difference.kind for difference in report.differences] == [DifferenceKind.UNSTABLE]
    assert "context.current_utc_datetime" in report.advice


def test_the_same_code_passes_at_every_point_of_its_run() -> None:
    for seconds in (0, 1, 300, 301, 900, 1000):
        history = run_of_version_1(until=seconds)

        assert check(version_1, history).is_same, f"after {seconds} s"
        assert check_history(app_of(version_1), history, every_episode=False).is_same, f"after {seconds} s"


def test_a_renamed_activity_breaks_the_instance_with_both_names_in_the_diff() -> None:
    def version_2(context: Context) -> Steps:
        titles = yield context.task_all([context.call_activity("work", url) for url in context.get_input()])
        yield context.create_timer(context.current_utc_datetime + dt.timedelta(minutes=5))
        yield context.call_activity("charge_card", titles)

    report = check(version_2, run_of_version_1())

    assert only(report) == (DifferenceKind.NAME, Severity.BREAKS, 3)
    assert "-   3 activity 'send_email'\n+   3 activity 'charge_card'" in report.diff()
    assert "named 'send_email', but the current orchestration replay instead scheduled" in str(report)


def test_a_new_step_in_front_breaks_the_instance_and_the_advice_says_where_to_add_steps() -> None:
    def version_2(context: Context) -> Steps:
        yield context.call_activity("check", None)
        yield from version_1(context)

    report = check(version_2, run_of_version_1())

    assert only(report) == (DifferenceKind.NAME, Severity.BREAKS, 0)
    assert "add steps after the last one" in report.advice


def test_a_timer_in_place_of_an_activity_breaks_the_instance() -> None:
    def version_2(context: Context) -> Steps:
        yield context.task_all([context.call_activity("work", url) for url in context.get_input()])
        yield context.call_activity("send_email", None)

    report = check(version_2, run_of_version_1(until=301))

    assert only(report) == (DifferenceKind.STEP, Severity.BREAKS, 2)


def test_a_step_taken_out_breaks_the_instance() -> None:
    def version_2(context: Context) -> Steps:
        urls = context.get_input()
        return (yield context.task_all([context.call_activity("work", url) for url in urls[:1]]))

    report = check(version_2, run_of_version_1(until=0))

    assert only(report) == (DifferenceKind.MISSING, Severity.BREAKS, 1)
    assert "hasn't (yet?) scheduled this task" in str(report.differences[0].host_text)


def test_code_that_raises_before_a_recorded_step_is_said_to_raise() -> None:
    def version_2(context: Context) -> Steps:
        titles = yield context.task_all([context.call_activity("work", url) for url in context.get_input()])
        raise ValueError(f"not a mapping: {titles[0]['title']}")

    report = check(version_2, run_of_version_1())

    assert only(report) == (DifferenceKind.RAISED, Severity.BREAKS, 2)
    assert "string indices must be integers" in str(report.differences[0].replayed)
    assert "Accept both shapes" in report.advice


def test_an_activity_that_is_no_longer_registered_is_named() -> None:
    report = check(version_1, run_of_version_1(), activities=("work",))

    assert only(report) == (DifferenceKind.FUNCTION, Severity.BREAKS, 3)
    assert "activity 'send_email'" in str(report.differences[0])


def test_an_orchestrator_that_is_no_longer_registered_is_named() -> None:
    app = app_of(version_1)
    history = run_of_version_1()
    renamed = tuple(
        replace(event, name="old_name") if isinstance(event, ExecutionStarted) else event for event in history
    )

    report = check_history(app, renamed)

    assert only(report) == (DifferenceKind.ORCHESTRATOR, Severity.BREAKS, None)
    assert "'old_name' doesn't exist" in str(report)


def test_another_operation_of_an_entity_is_found(app: App) -> None:
    def other_operation(context: Context) -> Steps:
        entity = df.EntityId("counter", context.instance_id)
        context.signal_entity(entity, "add", 5)
        yield context.call_entity(entity, "subtract", 3)

    handle = app_of(other_operation).orchestrator("")
    report = check_history(
        App(functions=app.functions, orchestrator=lambda _: handle),
        recorded_history("entity_calls"),
        every_episode=True,
    )

    assert report.differences[0].severity is Severity.BREAKS  # it does not go on as recorded
    assert DifferenceKind.OPERATION in {difference.kind for difference in report.differences}


def test_a_refused_history_is_checked_up_to_the_refusal() -> None:
    def first(context: Context) -> Steps:
        yield context.call_activity("work", 1)
        yield context.call_activity("check", 1)

    def second(context: Context) -> Steps:
        yield context.call_activity("send_email", 1)

    handles = iter([app_of(first), app_of(second)])
    app = app_of(first)
    changing = App(functions=app.functions, orchestrator=lambda name: next(handles).orchestrator(name))
    history = simulate(changing).history

    assert [event.event_id for event in history if isinstance(event, TaskScheduled)] == [0, 0]
    assert check(first, history).is_same
    assert only(check(second, history)) == (DifferenceKind.NAME, Severity.BREAKS, 0)


def test_a_long_history_is_checked_in_one_run_of_the_code() -> None:
    runs: list[int] = []

    def many(context: Context) -> Steps:
        runs.append(1)
        for number in range(40):
            yield context.call_activity("work", number)

    history = simulate(many).history
    runs.clear()
    check_history(app_of(many), history, every_episode=False)

    assert len(runs) == 2  # the second one asks whether the answer is the same again


def test_an_open_episode_is_not_blamed_for_what_it_has_not_decided_yet() -> None:
    *whole, last = _prefixes(run_of_version_1())

    assert all(check(version_1, prefix).is_same for prefix in whole)
    assert check(version_1, last).is_same


def _prefixes(history: tuple[HistoryEvent, ...]) -> Iterator[tuple[HistoryEvent, ...]]:
    """What the worker was given in each episode."""
    for end in range(2, len(history) + 1):
        decides = history[end - 1].kind in ("TaskScheduled", "OrchestratorCompleted", "TimerCreated")
        if not decides and (end == len(history) or history[end].kind not in ("TaskCompleted", "EventRaised")):
            yield history[:end]


def test_differences_of_many_kinds_are_listed_with_the_refusal_first() -> None:
    def version_2(context: Context) -> Steps:
        titles = yield context.task_all([context.call_activity("work", url) for url in context.get_input()])
        yield context.create_timer(context.current_utc_datetime + dt.timedelta(minutes=6))
        yield context.call_activity("charge_card", titles)

    report = check(version_2, run_of_version_1())

    assert [one.kind for one in report.differences] == [DifferenceKind.NAME, DifferenceKind.DUE_TIME]
    assert [type(event) for event in run_of_version_1() if event.event_id == 2] == [TimerCreated]
    text = str(report)
    assert text.startswith("Instance 'sim-1' of 'simulated': today's code breaks it.")
    assert text.index("breaks, name") < text.index("differs, due time") < text.index("Usual cause")
