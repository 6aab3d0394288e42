"""Does the order matter? Two simplest schedules side by side if it does, a proof if it does not.

Searches for a schedule with another outcome than the normal one, shrinks it, and words the difference.
Invariant: what is reported was run twice with the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest

from durable_harness.core.errors import NotProvedError, OrderDependentError
from durable_harness.exploring.exploration import Exploration, Schedule
from durable_harness.exploring.explorer import Explorer, TokenOf
from durable_harness.exploring.schedule import Ending, Scenario, UnrepeatableAnswerError
from durable_harness.exploring.shrinking import fewest, shrunk

__all__ = ["check_order"]


def check_order(
    scenario: Scenario,
    token_of: TokenOf,
    *,
    budget: int,
    seed_number: int,
    given: Sequence[Sequence[int]] = (),
    only_given: bool = False,
    complaint: Callable[[Ending], str | None] | None = None,
    sampling_is_enough: bool = False,
) -> Exploration:
    """Explore until an outcome is found that should not be, and raise it; else return what was proved.

    Args:
        scenario: What is the same in every schedule.
        token_of: Makes the token of a choice sequence.
        budget: How often the orchestration may be begun, shrinking aside.
        seed_number: The seed of drawn schedules.
        given: Schedules to be run first: those of a token, and those that failed once.
        only_given: Run nothing but these.
        complaint: What is wrong with an ending, None for nothing. Without it, any other than the normal one is wrong.
        sampling_is_enough: Whether it may pass though the budget did not reach for every order.

    Raises:
        OrderDependentError: An outcome that should not be, with its schedule and token.
        NotProvedError: The budget is used up.
    """
    explorer = Explorer(scenario, token_of, budget=budget, seed=seed_number)
    normal = explorer.run_given(())

    def is_wrong(ending: Ending) -> bool:
        return ending != normal.ending if complaint is None else complaint(ending) is not None

    def is_other(schedule: Schedule) -> bool:
        return is_wrong(schedule.ending)

    if complaint is not None and is_other(normal):
        token = token_of(normal.numbers)
        raise OrderDependentError(
            f"What should always hold does not even hold in the normal order: {complaint(normal.ending)}\n\n"
            f"{_listed(normal.story)}\n\nnormally: {normal.ending.text}\n\nRun exactly it again {_with(token)}",
            tokens=[token],
            run=normal.run,
        )
    for numbers in given:
        schedule = explorer.run_given(numbers)
        if is_other(schedule):
            raise _dependent(scenario, normal, schedule, token_of, complaint)
    if only_given:
        return explorer.result()
    exploration = explorer.explore(is_other)
    other = next((schedule for schedule in exploration.schedules if is_other(schedule)), None)
    if other is not None:
        raise _dependent(scenario, normal, _simplest(explorer, is_wrong, other), token_of, complaint)
    if not exploration.is_exhausted and not sampling_is_enough:
        raise NotProvedError(exploration.shortfall)
    return exploration


def _simplest(explorer: Explorer, is_wrong: Callable[[Ending], bool], other: Schedule) -> Schedule:
    def fails(numbers: tuple[int, ...]) -> tuple[int, ...] | None:
        schedule = explorer.run_given(numbers)
        return schedule.numbers if is_wrong(schedule.ending) else None

    best = explorer.run_given(shrunk(other.numbers, fails))
    if best.deviations > 1:
        # The same arrivals in fewer moves: let only some of them come early, in the order in which they came.
        def fails_early(early: tuple[int, ...]) -> Schedule | None:
            schedule = explorer.run_early([best.arrived[place] for place in early])
            return schedule if is_wrong(schedule.ending) else None

        early = fewest(len(best.arrived), fails_early)
        if early is not None and early.deviations < best.deviations:
            best = explorer.run_given(shrunk(early.numbers, fails))
    return best


def _dependent(
    scenario: Scenario,
    normal: Schedule,
    other: Schedule,
    token_of: TokenOf,
    complaint: Callable[[Ending], str | None] | None,
) -> OrderDependentError:
    token = token_of(other.numbers)
    if not other.deviations:
        raise UnrepeatableAnswerError(
            f"The normal order of {scenario.orchestrator.name!r} ended in two ways when it was run twice:\n"
            f"  first: {normal.ending.text}\n   then: {other.ending.text}\n"
            "An answer keeps something from one run to the next. Let it depend on its input alone."
        )
    deviations = other.deviations
    why = complaint(other.ending) if complaint is not None else None
    what = "does not always hold" if why else "depends on the order of events"
    return OrderDependentError(
        f"{'What should hold' if why else 'The outcome'} of {scenario.orchestrator.name!r} {what}"
        f"{f': {why}' if why else '.'}\n\n"
        f"{_side_by_side(normal.story, other.story)}\n\n"
        f"{_endings(normal, other)}\n\n"
        f"The second schedule deviates {deviations} time{'s' if deviations != 1 else ''}. Run exactly it again "
        f"{_with(token)}",
        tokens=[token_of(normal.numbers), token],
        run=other.run,
    )


def _with(token: str) -> str:
    return f"with\n  pytest ... --durable-replay={token}"


def _endings(normal: Schedule, other: Schedule) -> str:
    """Both endings, with all that they differ in, so that two equal lines never stand alone."""
    left, right = normal.ending.differences(other.ending)
    calls = [line for line in normal.effects if line not in other.effects]
    other_calls = [line for line in other.effects if line not in normal.effects]
    lines = [f"normally: {normal.ending.text}", *(f"          {line}" for line in [*left, *calls])]
    return "\n".join(
        [*lines, f"  but so: {other.ending.text}", *(f"          {line}" for line in [*right, *other_calls])]
    )


def _listed(story: Sequence[str]) -> str:
    return "\n".join(f"  {line}" for line in story)


def _side_by_side(normal: Sequence[str], other: Sequence[str]) -> str:
    """Two stories, cut to where they part: two lines before, and nothing of an end that is the same."""
    shortest = min(len(normal), len(other))
    same = next((place for place in range(shortest) if normal[place] != other[place]), shortest)
    tail = 0
    while tail < shortest - same and normal[-1 - tail] == other[-1 - tail]:
        tail += 1
    skipped = max(same - 2, 0)
    left, right = normal[skipped : len(normal) - tail], other[skipped : len(other) - tail]
    width = max([len(line) for line in left] + [20])
    rows = [f"{' ' if one == two else '*'} {one:<{width}} | {two}".rstrip() for one, two in _aligned(left, right)]
    head = [f"  {'the normal order':<{width}} | another", f"  {'-' * width}-+-{'-' * 28}"]
    if skipped:
        head.append(f"  ({skipped} steps that are the same)")
    foot = [f"  (and {tail} that are the same)"] if tail else []
    return "\n".join([*head, *rows, *foot])


def _aligned(left: Sequence[str], right: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Both side by side; where a fault has struck, what is the same in both stands beside itself."""
    if not any(line.startswith("FAULT") for line in right):  # the same things in another order
        yield from zip_longest(left, right, fillvalue="")
        return
    for _, start, end, other_start, other_end in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        yield from zip_longest(left[start:end], right[other_start:other_end], fillvalue="")
