"""How far a proof goes: what counts, what happens when the budget is used up, and what is found all the same."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from azure.durable_functions import DurableOrchestrationContext as Context

from durable_harness import Harness
from durable_harness.core.errors import BadTokenError, NotProvedError, OrderDependentError
from durable_harness.exploring.kept_schedules import kept_schedules
from durable_harness.exploring.token import ScheduleToken

Code = Generator[Any, Any, Any]
HarnessFor = Callable[..., Harness]


def takes_one_by_one(context: Context) -> Code:
    left = [context.call_activity("work", number) for number in range(12)]
    while left:
        winner = yield context.task_any(left)
        left.remove(winner)
    return "done"


def opens_after_three(context: Context) -> Code:
    left = [context.call_activity("work", number) for number in range(8)]
    right = 0
    for step in range(8):
        winner = yield context.task_any(left)
        left.remove(winner)
        if step == right and winner.result == (5, 3, 6, None)[right]:
            right += 1
    return "open" if right == 3 else "shut"


def looks_at_two_in_the_end(context: Context) -> Code:
    left = [context.call_activity("work", number) for number in range(8)]
    order = []
    while left:
        winner = yield context.task_any(left)
        left.remove(winner)
        order.append(winner.result)
    return "open" if order[2] == 0 and order[5] == 2 else "shut"


def ready(harness_for: HarnessFor, code: Callable[[Context], Code]) -> Harness:
    harness = harness_for(code)
    harness.answer("work", lambda number: number)
    return harness


def test_an_assertion_that_ran_out_of_budget_fails_and_says_how_far_it_came(harness_for: HarnessFor) -> None:
    harness = ready(harness_for, takes_one_by_one)

    with pytest.raises(NotProvedError) as caught:
        harness.assert_order_independent(takes_one_by_one, budget=40)

    text = str(caught.value)
    assert text.startswith("Nothing is proved about 'takes_one_by_one': 40 runs of the budget are used up")
    assert "Most branches come from what reaches 'takes_one_by_one-1' next (the result of work)" in text
    assert "sampling_is_enough=True" in text


def test_an_assertion_for_which_sampling_is_enough_passes_and_says_what_it_is(harness_for: HarnessFor) -> None:
    harness = ready(harness_for, takes_one_by_one)

    proof = harness.assert_order_independent(takes_one_by_one, budget=40, sampling_is_enough=True)
    always = harness.assert_always(takes_one_by_one, lambda run: True, budget=40, sampling_is_enough=True)

    assert not proof.is_exhausted
    assert not always.is_exhausted
    assert "of more orders than the budget allows" in proof.proof


@pytest.mark.parametrize("budget", [1, 2, 17, 100])
def test_the_budget_counts_every_orchestration_that_is_begun(harness_for: HarnessFor, budget: int) -> None:
    begun = []

    def counted(context: Context) -> Code:
        begun.append(context.instance_id)
        return takes_one_by_one(context)

    harness = ready(harness_for, counted)

    found = harness.explore("counted", budget=budget)

    assert found.replays == budget
    assert not found.is_exhausted


def test_an_ending_behind_three_given_choices_is_found_with_few_of_all_orders(harness_for: HarnessFor) -> None:
    harness = ready(harness_for, opens_after_three)

    with pytest.raises(OrderDependentError, match="but so: Completed: open"):
        harness.assert_order_independent(opens_after_three, budget=700)


def test_of_several_conditions_in_one_line_each_that_comes_true_guides_what_is_drawn(harness_for: HarnessFor) -> None:
    harness = ready(harness_for, looks_at_two_in_the_end)

    with pytest.raises(OrderDependentError, match="but so: Completed: open"):
        harness.assert_order_independent(looks_at_two_in_the_end, budget=500)


def test_a_file_of_schedules_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadTokenError, match=r"durable_schedules names .*kept\.txt, which cannot be read"):
        kept_schedules(tmp_path / "kept.txt")


def test_a_file_of_schedules_gives_its_tokens_and_the_line_of_what_is_none(tmp_path: Path) -> None:
    file, token = tmp_path / "kept.txt", ScheduleToken("o", (0, 1), "0f")
    file.write_text(f"# found in May\n{token.text}  # the refund came first\n\n", encoding="utf-8")
    kept = kept_schedules(file)
    file.write_text(f"{token.text}\nDH1-\n", encoding="utf-8")

    assert kept == (token,)
    with pytest.raises(BadTokenError, match=r"kept\.txt, line 2: "):
        kept_schedules(file)
