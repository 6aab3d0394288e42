"""Exploration: every order in which the outcome can differ, what it proves, and what a failure shows."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import timedelta
from itertools import product
from typing import Any

import azure.durable_functions as df
import pytest
from azure.durable_functions import DurableOrchestrationContext as Context
from hypothesis import HealthCheck, given, settings

from durable_harness import Harness, in_turn, raised
from durable_harness.core.errors import OrderDependentError, UnansweredError
from durable_harness.exploring.schedule import UnrepeatableAnswerError
from harness.cross_checks import FACTOR
from harness.generated_orchestrators import answer_all, child, events_of, orchestrator_of, programs

Code = Generator[Any, Any, Any]
HarnessFor = Callable[..., Harness]

URLS = [f"https://learn.microsoft.com/{letter}" for letter in "abcd"]
TITLE = {"title": "T"}
ERROR = {"code": "timeout", "reason": "it took too long"}


def all_of_six(context: Context) -> Code:
    return (yield context.task_all([context.call_activity("work", number) for number in range(6)]))


def last_of(context: Context) -> Code:
    left = [context.call_activity("work", number) for number in range(context.get_input() or 1)]
    winner: Any = None
    while left:
        winner = yield context.task_any(left)
        left.remove(winner)
    return winner.result


def in_order_of_arrival(context: Context) -> Code:
    left = [context.call_activity("work", number) for number in range(3)]
    seen = []
    while left:
        winner = yield context.task_any(left)
        left.remove(winner)
        seen.append(winner.result)
    return seen


def two_entities_race(context: Context) -> Code:
    entity = df.EntityId("list", "k")
    yield context.task_all([context.call_entity(entity, "add", one) for one in "ab"])
    return (yield context.call_entity(entity, "get"))


def reads_the_clock_between(context: Context) -> Code:
    start = context.current_utc_datetime
    yield context.task_all([context.call_activity("work", 1), context.call_activity("work", 2)])
    return context.current_utc_datetime == start


def approval_or_timeout(context: Context) -> Code:
    timer = context.create_timer(context.current_utc_datetime + timedelta(days=1))
    event = context.wait_for_external_event("approved")
    winner = yield context.task_any([event, timer])
    if winner is event:
        timer.cancel()
    return "approved" if winner is event else "too late"


@pytest.mark.parametrize("records", list(product([TITLE, ERROR], repeat=4)))
def test_the_apps_outcome_never_depends_on_the_order_nor_on_any_single_fault(
    harness: Harness, records: tuple[dict[str, str], ...]
) -> None:
    harness.answer("fetch_title", lambda url: records[URLS.index(url)])

    proof = harness.assert_order_independent("fetch_orchestration", URLS, faults=1)

    assert proof.is_exhausted
    assert len(proof.outcomes) == 1
    parts = proof.outcomes[0].output.split("; ")
    assert [part == "T" for part in parts] == [record is TITLE for record in records]


def test_with_activities_that_raise_the_order_decides_which_error_is_reported(harness: Harness) -> None:
    def fail(url: str) -> None:
        raise ValueError(f"no title for {url}")

    harness.answer("fetch_title", fail)

    found = harness.explore("fetch_orchestration", URLS)

    assert found.is_exhausted
    assert sorted(next(url for url in URLS if url in outcome.output) for outcome in found.outcomes) == URLS
    with pytest.raises(OrderDependentError, match="no title for"):
        harness.assert_order_independent("fetch_orchestration", URLS)


def test_task_all_of_six_is_proven_with_few_runs(harness_for: HarnessFor) -> None:
    harness = harness_for(all_of_six)
    harness.answer("work", lambda number: number)

    proof = harness.assert_order_independent(all_of_six)

    assert proof.is_exhausted
    assert proof.replays <= 40
    assert proof.proof.startswith("all_of_six: 1 outcome over every order (")


def test_one_failure_among_six_is_proven_with_fewer_runs_than_there_are_orders(harness_for: HarnessFor) -> None:
    harness = harness_for(all_of_six)
    harness.answer("work", lambda number: 1 / number)

    found = harness.explore(all_of_six)

    assert found.is_exhausted
    assert [outcome.runtime_status for outcome in found.outcomes] == ["Failed"]
    assert found.replays <= 100


def test_a_planted_order_bug_shrinks_to_one_adjacent_swap(harness_for: HarnessFor) -> None:
    harness = harness_for(last_of)
    harness.answer("work", lambda number: number)

    with pytest.raises(OrderDependentError) as caught:
        harness.assert_order_independent(last_of, 16)

    text = str(caught.value)
    assert "normally: Completed: 15" in text
    assert "but so: Completed: 14" in text
    assert "deviates 1 time." in text
    swapped = [line.removeprefix("* ").split(" | ") for line in text.splitlines() if line.startswith("* ")]
    assert [[side.strip() for side in pair] for pair in swapped] == [
        ["the result of work(14) arrives", "the result of work(15) arrives"],
        ["the result of work(15) arrives", "the result of work(14) arrives"],
    ]


def test_drawn_schedules_find_what_is_beyond_the_budget(harness_for: HarnessFor) -> None:
    def third_before_first(context: Context) -> Code:
        order = yield from _arrivals(context, 9)
        # Needs three deviations: neither the search by few deviations nor a short depth-first search comes here.
        return order.index(8) < order.index(0) and order.index(7) < order.index(1) and order.index(6) < order.index(2)

    harness = harness_for(third_before_first)
    harness.answer("work", lambda number: number)

    with pytest.raises(OrderDependentError) as caught:
        harness.assert_order_independent("third_before_first", budget=300)

    assert "but so: Completed: true" in str(caught.value)
    assert "deviates 3 times." in str(caught.value)


def _arrivals(context: Context, count: int) -> Code:
    left = [context.call_activity("work", number) for number in range(count)]
    order = []
    while left:
        winner = yield context.task_any(left)
        left.remove(winner)
        order.append(winner.result)
    return order


def test_a_drain_loop_really_has_every_order(harness_for: HarnessFor) -> None:
    harness = harness_for(in_order_of_arrival)
    harness.answer("work", lambda number: number)

    found = harness.explore(in_order_of_arrival)

    assert found.is_exhausted
    assert len(found.outcomes) == 6


def test_what_should_always_hold_is_proven_or_shown_where_it_does_not(harness_for: HarnessFor) -> None:
    harness = harness_for(last_of)
    harness.answer("work", lambda number: number)

    proof = harness.assert_always(last_of, lambda run: run.output in (0, 1, 2), 3)
    with pytest.raises(OrderDependentError, match="but so: Completed: 0"):
        harness.assert_always(last_of, lambda run: run.output != 0, 3)
    with pytest.raises(OrderDependentError, match="does not even hold in the normal order"):
        harness.assert_always(last_of, lambda run: run.output == 0, 3)

    assert proof.is_exhausted
    assert len(proof.outcomes) == 3


def test_beyond_the_budget_an_exploration_says_that_it_proves_nothing(harness_for: HarnessFor) -> None:
    harness = harness_for(last_of)
    harness.answer("work", lambda number: number)

    found = harness.explore(last_of, 6, budget=20)

    assert not found.is_exhausted
    assert "of more orders than the budget allows" in found.proof


def test_an_event_may_come_at_any_time(harness_for: HarnessFor) -> None:
    found = harness_for(approval_or_timeout).explore(approval_or_timeout, events=[raised("approved")])

    assert found.is_exhausted
    assert {outcome.output for outcome in found.outcomes} == {"approved", "too late"}


def test_what_waits_for_an_event_that_never_comes_is_stuck(harness_for: HarnessFor) -> None:
    def waits(context: Context) -> Code:
        yield context.wait_for_external_event("go")

    found = harness_for(waits).explore("waits")

    assert [outcome.runtime_status for outcome in found.outcomes] == ["Stuck"]
    assert "the event 'go'" in found.outcomes[0].output


def test_boundaries_between_episodes_are_explored_only_where_user_code_can_see_them(harness_for: HarnessFor) -> None:
    blind, seeing = harness_for(all_of_six), harness_for(reads_the_clock_between)
    for harness in (blind, seeing):
        harness.answer("work", lambda number: number)

    assert len(blind.explore(all_of_six).outcomes) == 1
    assert {outcome.output for outcome in seeing.explore(reads_the_clock_between).outcomes} == {"true", "false"}


def test_an_answer_that_changes_from_schedule_to_schedule_is_refused(harness_for: HarnessFor) -> None:
    calls: list[int] = []

    def counts(number: int) -> int:
        calls.append(number)
        return len(calls)

    harness = harness_for(all_of_six)
    harness.answer("work", counts)

    with pytest.raises(UnrepeatableAnswerError, match=r"work\(0\) gave 1 in one schedule"):
        harness.explore(all_of_six)


def test_answers_in_turn_begin_anew_in_every_schedule(harness_for: HarnessFor) -> None:
    harness = harness_for(all_of_six)
    harness.answer("work", in_turn(*"abcdef"))

    assert harness.explore(all_of_six).outcomes[0].output == '["a", "b", "c", "d", "e", "f"]'


def test_exploring_what_nobody_answers_is_an_error(harness_for: HarnessFor) -> None:
    with pytest.raises(UnansweredError, match="work"):
        harness_for(all_of_six).explore(all_of_six)


def assert_agrees_with_brute_force(harness_for: HarnessFor, program: list[Any], *, faults: int, budget: int) -> None:
    """Hold pruned exploration against brute force, where that comes to an end within its budget."""
    harness = harness_for([orchestrator_of(program), child], strict=False)
    answer_all(harness, program)
    events = events_of(program)
    brute = harness.explore("generated", events=events, faults=faults, prune=False, budget=budget)
    if not brute.is_exhausted:
        return
    # A search that a quarter of its budget is not enough for is interrupted by drawn schedules.
    pruned = harness.explore("generated", events=events, faults=faults, budget=8 * budget)
    assert pruned.is_exhausted
    assert set(pruned.outcomes) == set(brute.outcomes)
    assert pruned.replays <= 2 * brute.replays + 1


@pytest.mark.filterwarnings("ignore::durable_harness.UnusedWarning", "ignore::durable_harness.SdkDefectWarning")
@settings(max_examples=15 * FACTOR, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(program=programs(most=4))
def test_pruned_exploration_finds_the_outcomes_of_brute_force(harness_for: HarnessFor, program: list[Any]) -> None:
    assert_agrees_with_brute_force(harness_for, program, faults=0, budget=200 * FACTOR)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore::durable_harness.UnusedWarning", "ignore::durable_harness.SdkDefectWarning")
@settings(max_examples=8 * FACTOR, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(program=programs(most=2))
def test_pruned_exploration_finds_the_outcomes_of_brute_force_under_every_single_fault(
    harness_for: HarnessFor, program: list[Any]
) -> None:
    assert_agrees_with_brute_force(harness_for, program, faults=1, budget=200 * FACTOR)


@pytest.mark.filterwarnings("ignore::durable_harness.UnusedWarning", "ignore::durable_harness.SdkDefectWarning")
@settings(max_examples=40 * FACTOR, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(program=programs(most=8))
def test_live_stepping_makes_the_history_that_replaying_each_episode_makes(
    harness_for: HarnessFor, program: list[Any]
) -> None:
    runs = []
    for faithful in (False, True):
        harness = harness_for([orchestrator_of(program), child], strict=False, faithful=faithful)
        answer_all(harness, program)
        instance = harness.start("generated")
        events = events_of(program)
        for _ in range(10):
            if instance.runtime_status != "Running":
                break
            if events:
                instance.raise_event(events.pop(0).name, 1)
            if instance.runtime_status != "Running":
                break
            for call in instance.pending.calls:
                instance.finish(call)
            instance.advance(1)
        runs.append(instance._instance.history)
    live, from_start = runs

    assert live == from_start
