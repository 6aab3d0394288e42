"""What pruning saves where several instances are at work, what makes it careful, and brute force as its judge."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import azure.durable_functions as df
import pytest
from azure.durable_functions import DurableOrchestrationContext as Context
from hypothesis import HealthCheck, given, settings

from durable_harness import Harness
from harness.cross_checks import FACTOR
from harness.generated_apps import Steps, answer_app, app_of, apps, effects_seen

# A drawn app may leave the activity's answer unused, and meet what the harness warns of.
pytestmark = pytest.mark.filterwarnings(
    "ignore::durable_harness.UnusedWarning", "ignore::durable_harness.SdkDefectWarning"
)
Code = Generator[Any, Any, Any]
HarnessFor = Callable[..., Harness]


def child(context: Context) -> Code:
    return (yield context.task_all([context.call_activity("work", number) for number in range(context.get_input())]))


def parent(context: Context) -> Code:
    count = context.get_input()
    return (yield context.task_all([context.call_sub_orchestrator("child", 4, f"child-{n}") for n in range(count)]))


def small_parent(context: Context) -> Code:
    return (yield context.task_all([context.call_sub_orchestrator("child", 3, f"child-{n}") for n in range(2)]))


def all_of(context: Context) -> Code:
    return (yield context.task_all([context.call_activity("work", number) for number in range(context.get_input())]))


def cleans_up(context: Context) -> Code:
    tasks = [context.call_activity("work", number) for number in range(5)]
    try:
        yield context.task_all(tasks)
    except Exception:
        return (yield context.call_activity("clean", None))


def counts_what_had_ended(context: Context) -> Code:
    tasks = [context.call_activity("work", number) for number in range(5)]
    try:
        yield context.task_all(tasks)
    except Exception:
        return sum(task.is_completed for task in tasks)


def yields_one_again(context: Context) -> Code:
    tasks = [context.call_activity("work", number) for number in range(3)]
    try:
        yield context.task_all(tasks)
    except Exception:
        first = yield context.task_any([tasks[0], context.call_activity("clean", None)])
        return first is tasks[0]


def signals_twice(context: Context) -> Code:
    for number in range(2):
        yield context.call_activity("work", number)
        context.signal_entity(df.EntityId("counter", "k"), "add", 1)
    return "done"


def two_signal(context: Context) -> Code:
    yield context.task_all([context.call_sub_orchestrator("signals_twice", None, f"s-{n}") for n in range(2)])
    return "done"


def counter(context: df.DurableEntityContext) -> None:
    context.set_state(context.get_state(lambda: 0) + context.get_input())


def work(number: int) -> int:
    return number


def fails_at_one(number: int) -> int:
    if number == 1:
        raise ValueError("sold out")
    return number


def test_sub_orchestrations_that_do_not_meet_are_run_one_after_the_other(harness_for: HarnessFor) -> None:
    harness = harness_for([parent, child])
    harness.answer("work", lambda number: number)

    found = harness.explore(parent, 10)

    assert found.is_exhausted
    assert found.replays == 2


def test_a_failure_among_many_is_one_order_where_nobody_looks_back(harness_for: HarnessFor) -> None:
    harness = harness_for(all_of)
    harness.answer("work", fails_at_one)

    found = harness.explore(all_of, 64)

    assert found.is_exhausted
    assert found.replays == 2
    assert [outcome.runtime_status for outcome in found.outcomes] == ["Failed"]


def test_a_failure_that_is_caught_is_one_order_too(harness_for: HarnessFor) -> None:
    harness = harness_for(cleans_up)
    harness.answer("work", fails_at_one)
    harness.answer("clean", "cleaned")

    found = harness.explore(cleans_up)

    assert found.is_exhausted
    assert found.replays == 2


def test_code_that_looks_back_at_a_failed_task_all_is_explored_in_full(harness_for: HarnessFor) -> None:
    harness = harness_for(counts_what_had_ended)
    harness.answer("work", fails_at_one)

    found = harness.explore(counts_what_had_ended)

    assert found.is_exhausted
    assert {outcome.output for outcome in found.outcomes} == {"1", "2", "3", "4", "5"}


def test_code_that_waits_for_such_a_task_again_is_explored_in_full(harness_for: HarnessFor) -> None:
    outcomes = []
    for prune in (False, True):
        harness = harness_for(yields_one_again, strict=False)
        harness.answer("work", fails_at_one)
        harness.answer("clean", None)
        outcomes.append(set(harness.explore(yields_one_again, prune=prune).outcomes))

    assert outcomes[0] == outcomes[1]


def test_signals_of_two_orchestrations_to_one_entity_take_few_runs(harness_for: HarnessFor) -> None:
    app = df.DFApp()
    for orchestrator in (signals_twice, two_signal):
        app.orchestration_trigger(context_name="context")(orchestrator)
    app.entity_trigger(context_name="context")(counter)
    app.activity_trigger(input_name="number")(work)
    harness = harness_for(app)
    harness.use_app_activities()

    found = harness.explore("two_signal")

    assert found.is_exhausted
    assert found.replays <= 100
    assert [outcome.entities for outcome in found.outcomes] == [(("@counter@k", "4"),)]


def test_single_faults_of_sub_orchestrations_are_proved(harness_for: HarnessFor) -> None:
    """The bench measures it with four activities in each, which takes some seconds."""
    harness = harness_for([small_parent, child])
    harness.answer("work", lambda number: number)

    proof = harness.assert_order_independent(small_parent, faults=1)

    assert proof.is_exhausted
    assert proof.replays <= 500


def assert_agrees_with_brute_force(harness_for: HarnessFor, app: list[Steps], *, faults: int, budget: int) -> None:
    """Hold pruned exploration against brute force, where that comes to an end within its budget."""
    harness = harness_for(app_of(app), strict=False)
    answer_app(harness)
    brute = harness.explore("root", prune=False, budget=budget, faults=faults, see=effects_seen)
    if not brute.is_exhausted:
        return
    # A search that a quarter of its budget is not enough for is interrupted by drawn schedules.
    pruned = harness.explore("root", budget=8 * budget, faults=faults, see=effects_seen)
    assert pruned.is_exhausted
    assert set(pruned.outcomes) == set(brute.outcomes)


@settings(max_examples=30 * FACTOR, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(app=apps(most=8))
def test_effects_of_several_instances_are_those_of_brute_force(harness_for: HarnessFor, app: list[Steps]) -> None:
    assert_agrees_with_brute_force(harness_for, app, faults=0, budget=150 * FACTOR)


@settings(max_examples=6 * FACTOR, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(app=apps(most=4))
def test_effects_under_single_faults_are_those_of_brute_force(harness_for: HarnessFor, app: list[Steps]) -> None:
    assert_agrees_with_brute_force(harness_for, app, faults=1, budget=100 * FACTOR)


def test_a_list_that_an_entity_changes_shows_what_came_in_one_batch(harness_for: HarnessFor) -> None:
    """A lost outcome of an earlier way to prune: operations of one sender that overtake each other are one batch."""
    asks = [("ask", "b", 1), ("ask", "b", 1), ("ask", "b", 1)]

    assert_agrees_with_brute_force(harness_for, [[("all", asks)], [], []], faults=0, budget=1_000)


def test_a_reply_before_a_timer_in_one_episode_is_not_taken_for_one_after_it(harness_for: HarnessFor) -> None:
    """A lost outcome of an earlier state key, which did not tell the order within an inbox."""
    race = [("ask", "a", 1), ("act", "ok"), ("timer", 1)]

    assert_agrees_with_brute_force(harness_for, [[("any", race), ("clock",)], [], []], faults=0, budget=1_000)


def test_a_success_after_a_timer_is_later_than_the_timer_was_due(harness_for: HarnessFor) -> None:
    steps = [("all", [("act", "ok"), ("timer", 1)]), ("clock",)]

    assert_agrees_with_brute_force(harness_for, [steps, [], []], faults=0, budget=1_000)


def test_the_time_that_an_episode_of_a_child_takes_is_seen_by_its_parent(harness_for: HarnessFor) -> None:
    """A lost outcome of an earlier way to prune: only the parent sees that the episodes of its child take time."""
    root: Steps = [("timer", 2), ("one by one", [("ask", "a", 2), ("timer", 2), ("sub", 0)]), ("clock",)]
    outcomes = []
    for prune in (False, True):
        harness = harness_for(app_of([root, [("timer", 1)], []]), strict=False)
        answer_app(harness)
        outcomes.append(set(harness.explore("root", prune=prune).outcomes))

    assert outcomes[0] == outcomes[1]


def test_a_child_that_a_crash_has_started_twice_may_have_got_anywhere_before(harness_for: HarnessFor) -> None:
    app: list[Steps] = [[("sub", 0)], [("all", [("act", "ok"), ("act", "ok")])], []]

    assert_agrees_with_brute_force(harness_for, app, faults=1, budget=2_000)
