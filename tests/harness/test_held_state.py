"""Orders that leave the same behind are one: what user code still holds decides, and brute force is the judge."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest
from azure.durable_functions import DurableOrchestrationContext as Context

from durable_harness import Exploration, Harness

Code = Generator[Any, Any, Any]
HarnessFor = Callable[..., Harness]


def calls(context: Context, count: int = 4) -> list[Any]:
    return [context.call_activity("work", number) for number in range(count)]


def forgets(context: Context) -> Code:
    left = calls(context, context.get_input() or 4)
    while left:
        winner = yield context.task_any(left)
        left.remove(winner)
    return "done"


def adds_up(context: Context) -> Code:
    left, total = calls(context), 0
    for _ in range(4):
        winner = yield context.task_any(left)
        left.remove(winner)
        total += winner.result
    return total


def remembers_in_a_closure(context: Context) -> Code:
    left, last = calls(context), None

    def note(result: Any) -> None:
        nonlocal last
        last = result if result % 2 else last

    while left:
        winner = yield context.task_any(left)
        left.remove(winner)
        note(winner.result)
    return last


class Tally:
    def __init__(self) -> None:
        self.first: Any = None


def remembers_in_an_object(context: Context) -> Code:
    left, tally = calls(context), Tally()
    while left:
        winner = yield context.task_any(left)
        left.remove(winner)
        if tally.first is None:
            tally.first = winner.result
    return tally.first


def remembers_on_the_stack(context: Context) -> Code:
    """What was taken before is in no variable: it lies on the stack, below what is waited for."""
    left = calls(context)
    first = [(yield from _next(context, left)), (yield from _next(context, left)), (yield from _next(context, left))]
    yield context.task_all(left)
    return first


def _next(context: Context, left: list[Any]) -> Code:
    winner = yield context.task_any(left)
    left.remove(winner)
    return winner.result


def stands_somewhere_in_a_loop(context: Context) -> Code:
    """Every step back skips a round: only the iterator of the loop knows how many there were."""
    left, last, skips = calls(context, 5), -1, False
    for _ in [None] * 5:
        if skips:
            skips = False
            continue
        winner = yield context.task_any(left)
        left.remove(winner)
        skips, last = winner.result < last, winner.result
    return len(left)


def shares_a_list(context: Context) -> Code:
    """Two names for one list in some orders, for two equal ones in others."""
    left: list[Any] = calls(context)
    own: list[Any] = []
    other = own
    while left:
        winner = yield context.task_any(left)
        left.remove(winner)
        if winner.result == 0 and not own:
            other = []
        winner = None
    own.append(1)
    return len(other)


def calls_again(context: Context) -> Code:
    left, order = calls(context, 3), []
    while left:
        winner = yield context.task_any(left)
        left.remove(winner)
        again = yield context.call_activity("work", winner.result + 10)
        order.append(again)
    return sorted(order)


def catches(context: Context) -> Code:
    left = [context.call_activity("fail_at_one", number) for number in range(3)]
    failed = 0
    while left:
        try:
            winner = yield context.task_any(left)
            left.remove(winner)
            failed += isinstance(winner.result, Exception)
        finally:
            winner = None
    return failed


CODES = [
    forgets,
    adds_up,
    remembers_in_a_closure,
    remembers_in_an_object,
    remembers_on_the_stack,
    stands_somewhere_in_a_loop,
    shares_a_list,
    calls_again,
    catches,
]


def explored(harness_for: HarnessFor, code: Callable[[Context], Code], *, prune: bool) -> Exploration:
    def fail_at_one(number: int) -> int:
        if number == 1:
            raise ValueError("sold out")
        return number

    harness = harness_for(code)
    harness.answer("work", lambda number: number)
    harness.answer("fail_at_one", fail_at_one)
    return harness.explore(code, prune=prune)


@pytest.mark.filterwarnings("ignore::durable_harness.UnusedWarning", "ignore::durable_harness.SdkDefectWarning")
@pytest.mark.parametrize("code", CODES, ids=lambda one: one.__name__)
def test_whatever_code_holds_the_outcomes_are_those_of_brute_force(
    harness_for: HarnessFor, code: Callable[[Context], Code]
) -> None:
    brute = explored(harness_for, code, prune=False)
    pruned = explored(harness_for, code, prune=True)

    assert brute.is_exhausted
    assert pruned.is_exhausted
    assert set(pruned.outcomes) == set(brute.outcomes)


def test_a_loop_that_forgets_the_order_is_in_fewer_states_than_there_are_orders(harness_for: HarnessFor) -> None:
    harness = harness_for(forgets)
    harness.answer("work", lambda number: number)

    proof = harness.assert_order_independent(forgets, 6)

    assert proof.is_exhausted
    assert proof.replays <= 301  # there are 720 orders, and 6 * 2 ** 5 states: what is left, and who came last
