"""Faults: what goes wrong, one at a time, and what an orchestration has to stand."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import pytest
from azure.durable_functions import DurableOrchestrationContext as Context

from durable_harness import Harness, UnrepeatableAnswerError, World, in_turn, raised
from durable_harness.core.errors import OrderDependentError

Code = Generator[Any, Any, Any]
HarnessFor = Callable[..., Harness]


def two_calls(context: Context) -> Code:
    return (yield context.task_all([context.call_activity("work", number) for number in range(2)]))


def counts_events(context: Context) -> Code:
    yield context.wait_for_external_event("tick")
    timer = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
    event = context.wait_for_external_event("tick")
    winner = yield context.task_any([event, timer])
    if winner is event:
        timer.cancel()
    return 2 if winner is event else 1


def one_timer(context: Context) -> Code:
    due_at = context.current_utc_datetime + timedelta(seconds=10)
    yield context.create_timer(due_at)
    return context.current_utc_datetime >= due_at


def adds_to_entity(context: Context) -> Code:
    entity = df.EntityId("counter", "k")
    yield context.call_entity(entity, "add", 1)
    return (yield context.call_entity(entity, "get"))


def counts_down(context: Context) -> Code:
    number = context.get_input()
    yield context.call_activity("work", number)
    if number:
        context.continue_as_new(number - 1)
    return number


def parent(context: Context) -> Code:
    return (yield context.call_sub_orchestrator("two_calls", None, "child"))


@pytest.mark.parametrize("orchestrator", [two_calls, counts_down, parent, one_timer], ids=lambda one: one.__name__)
def test_no_single_fault_changes_the_outcome_of_a_plain_orchestration(
    harness_for: HarnessFor, orchestrator: Callable[[Context], Code]
) -> None:
    harness = harness_for([orchestrator, two_calls] if orchestrator is not two_calls else two_calls)
    if orchestrator is not one_timer:
        harness.answer("work", lambda number: number)

    found = harness.explore(orchestrator, 2, faults=1)

    assert found.is_exhausted
    assert {outcome.runtime_status for outcome in found.outcomes} == {"Completed"}
    assert len(found.outcomes) == (2 if orchestrator is one_timer else 1)


def test_two_faults_are_explored_too(harness_for: HarnessFor) -> None:
    harness = harness_for(two_calls)
    harness.answer("work", lambda number: number)

    one, two = (harness.explore(two_calls, faults=faults) for faults in (1, 2))

    assert two.is_exhausted
    assert two.replays > one.replays
    assert two.outcomes == one.outcomes


def test_an_event_that_comes_twice_is_counted_twice(harness_for: HarnessFor) -> None:
    found = harness_for(counts_events).explore(counts_events, events=[raised("tick")], faults=1)

    assert {outcome.output for outcome in found.outcomes} == {"1", "2"}


def test_a_timer_may_fire_almost_a_second_early(harness_for: HarnessFor) -> None:
    found = harness_for(one_timer).explore(one_timer, faults=1)

    assert {outcome.output for outcome in found.outcomes} == {"true", "false"}
    early = next(one for one in found.schedules if one.ending.output == "false")
    with pytest.raises(OrderDependentError, match=r"FAULT: timer of .* fires almost a second early"):
        harness_for(one_timer).assert_order_independent(one_timer, faults=1)
    assert early.deviations == 1


def test_an_activity_may_run_twice_and_its_second_result_counts(harness_for: HarnessFor) -> None:
    def world(world: World) -> None:
        results = iter(range(1000))  # not idempotent
        world.answer("work", lambda _: next(results))

    found = harness_for(two_calls).explore(two_calls, faults=1, world=world)

    assert found.is_exhausted
    assert {outcome.output for outcome in found.outcomes} == {"[0, 1]", "[2, 1]", "[0, 2]"}


def test_an_answer_that_remembers_earlier_calls_is_refused_with_faults_too(harness_for: HarnessFor) -> None:
    results = iter(range(1000))
    harness = harness_for(two_calls)
    harness.answer("work", lambda _: next(results))

    with pytest.raises(UnrepeatableAnswerError, match=r"its answer remembers earlier calls.*world="):
        harness.assert_order_independent(two_calls, faults=1)


def test_answers_in_turn_give_a_repeated_run_the_same_answer(harness_for: HarnessFor) -> None:
    harness = harness_for(two_calls)
    harness.answer("work", in_turn("first", "second"))

    found = harness.explore(two_calls, faults=1)

    assert [outcome.output for outcome in found.outcomes] == ['["first", "second"]']


def test_an_entity_takes_a_repeated_request_once(harness_for: HarnessFor) -> None:
    app = df.DFApp()
    app.orchestration_trigger(context_name="context")(adds_to_entity)

    def counter(context: df.DurableEntityContext) -> None:
        value = context.get_state(lambda: 0)
        if context.operation_name == "add":
            context.set_state(value + context.get_input())
        context.set_result(context.get_state(lambda: 0))

    app.entity_trigger(context_name="context")(counter)

    found = harness_for(app).explore("adds_to_entity", faults=1)

    assert found.is_exhausted
    assert [outcome.output for outcome in found.outcomes] == ["1"]


def test_a_failing_schedule_says_which_fault_struck(harness_for: HarnessFor) -> None:
    harness = harness_for(counts_events)

    with pytest.raises(OrderDependentError) as caught:
        harness.assert_order_independent(counts_events, events=[raised("tick", after=60)], faults=1)

    assert "\n* FAULT: " in str(caught.value) or " | FAULT: " in str(caught.value)


def votes_twice(context: Context) -> Code:
    first = context.get_input()
    vote = yield context.wait_for_external_event("vote")
    if first is None:
        context.continue_as_new(vote)
        return None
    return [first, vote]


def test_what_comes_again_after_a_crash_is_told_where_it_comes(harness_for: HarnessFor) -> None:
    harness = harness_for(votes_twice)
    votes = [raised("vote", voter, after=second, by="http") for second, voter in enumerate(["anna", "bert"], start=1)]

    with pytest.raises(OrderDependentError) as caught:
        harness.assert_order_independent(votes_twice, events=votes, faults=1)

    rows = [line.partition(" | ")[2] for line in str(caught.value).splitlines() if line.startswith("* ")]
    assert rows[0].startswith("FAULT: the host dies after it has stored")
    assert rows[1] == "event 'vote' ('anna') to votes_twice-1 again after the crash"
