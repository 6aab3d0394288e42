"""What a test has prepared and nobody has asked for: answers, entries of an in_turn, events."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from azure.durable_functions import DurableOrchestrationContext as Context

from durable_harness import (
    Exploration,
    UnusedWarning,
    World,
    http_response,
    in_turn,
    raised,
)
from harness.small_orchestrators import Code, HarnessFor, one_call, two_calls, waits


def waits_if_one_comes_first(context: Context) -> Code:
    calls = [context.call_activity("work", number) for number in (1, 2)]
    first = yield context.task_any(calls)
    if first.result == 2:
        yield context.wait_for_external_event("late")
    yield context.task_all(calls)


@pytest.mark.filterwarnings("ignore::durable_harness.UnusedWarning")
def test_an_answer_that_was_never_asked_for_is_named(harness_for: HarnessFor) -> None:
    harness = harness_for(one_call)
    harness.answer("work", in_turn(1, 2, 3))
    harness.answer("wrok", 1)
    harness.answer_http("GET", "https://example.org/*", http_response())

    harness.run(one_call)

    assert harness.unused() == [
        "The answer for 'work' is an in_turn of 3, of which 1 were asked for.",
        "The answer for 'wrok' was never asked for.",
        "The answer_http for 'GET https://example.org/*' was never asked for.",
    ]


def test_an_answer_that_only_some_schedules_ask_for_counts_as_used(harness_for: HarnessFor) -> None:
    harness = harness_for(two_calls)
    harness.answer("work", in_turn(1, 2))

    harness.explore(two_calls)

    assert harness.unused() == []


def test_an_event_that_nobody_waits_for_is_named(harness_for: HarnessFor) -> None:
    harness = harness_for(waits)

    with pytest.warns(UnusedWarning, match="waited for the event 'aproved'. Did you mean 'approved'"):
        harness.run(waits, events=[raised("aproved", after=1), raised("approved", after=2)])


@pytest.mark.parametrize(
    "ask",
    [
        lambda harness, **how: harness.explore(waits, **how),
        lambda harness, **how: harness.assert_order_independent(waits, **how),
        lambda harness, **how: harness.assert_always(waits, lambda run: True, **how),
    ],
)
def test_an_event_that_no_schedule_waits_for_is_named_at_the_line_of_the_test(
    harness_for: HarnessFor, ask: Callable[..., Exploration]
) -> None:
    harness = harness_for(waits)

    with pytest.warns(UnusedWarning, match="waited for the event 'aproved'. Did you mean 'approved'") as caught:
        ask(harness, events=[raised("aproved"), raised("approved")])

    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.filterwarnings("error::durable_harness.UnusedWarning")
def test_an_event_that_some_schedule_waits_for_is_heard(harness_for: HarnessFor) -> None:
    harness = harness_for(waits_if_one_comes_first)
    harness.answer("work", lambda number: number)

    found = harness.explore(waits_if_one_comes_first, events=[raised("late")])

    assert found.waited == {"late"}


@pytest.mark.filterwarnings("ignore::durable_harness.UnusedWarning")
def test_an_answer_of_a_world_that_no_schedule_asked_for_is_named(harness_for: HarnessFor) -> None:
    def world(world: World) -> None:
        world.answer("work", in_turn(1, 2, 3))
        world.answer("wrok", 1)

    harness = harness_for(two_calls)

    harness.explore(two_calls, world=world)

    assert harness.unused() == [
        "The answer for 'work' is an in_turn of 3, of which 2 were asked for.",
        "The answer for 'wrok' was never asked for.",
    ]
