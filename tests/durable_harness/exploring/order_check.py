"""Does the order matter? Two simplest schedules side by side if it does, a proof if it does not.

Searches for a schedule with another outcome than the normal one, shrinks it, and words the difference.
Invariant: what is reported was run twice with the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest

from durable_harness.core.errors import OrderDependentError
from durable_harness.exploring.explorer import Exploration, Explorer, Schedule
from durable_harness.exploring.sampling import sample
from durable_harness.exploring.schedule import Ending, Scenario, UnrepeatableAnswerError
from durable_harness.exploring.shrinking import fewest, shrunk

__all__ = ["check_order"]

TokenOf = Callable[[Sequence[int]], str]


def check_order(
    scenario: Scenario,
    token_of: TokenOf,
    *,
    budget: int,
    examples: int,
    seed_number: int,
    given: Sequence[Sequence[int]] = (),
    only_given: bool = False,
    holds: Callable[[Ending], bool] | None = None,
) -> Exploration:
    """Explore until an outcome is found that should not be, and raise it; else return what was proved.

    Without ``holds``, that is any other outcome than the normal one.

    ``given`` are schedules to be run first: those of a token, and those that failed once.
    """
    explorer = Explorer(scenario, budget=budget)
    normal = explorer.run_given(())

    def is_wrong(ending: Ending) -> bool:
        return ending != normal.ending if holds is None else not holds(ending)

    def is_other(schedule: Schedule) -> bool:
        return is_wrong(schedule.ending)

    if is_other(normal):
        raise OrderDependentError(
            f"What should always hold does not even hold in the normal order.\n\nnormally: {normal.ending.text}",
            tokens=[token_of(normal.numbers)],
        )
    for numbers in given:
        schedule = explorer.run_given(numbers)
        if is_other(schedule):
            raise _dependent(scenario, normal, schedule, token_of)
    if only_given:
        return explorer.result(is_exhausted=False)
    exploration = explorer.explore(is_other)
    other = next((schedule for schedule in exploration.schedules if is_other(schedule)), None)
    if other is None and not exploration.is_exhausted and examples:
        drawn_numbers = sample(lambda drawn: is_wrong(scenario.run(drawn)), examples=examples, seed_number=seed_number)
        other = explorer.run_given(drawn_numbers) if drawn_numbers is not None else None
    if other is None:
        return explorer.result(is_exhausted=exploration.is_exhausted)
    raise _dependent(scenario, normal, _simplest(explorer, is_wrong, other), token_of)


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


def _dependent(scenario: Scenario, normal: Schedule, other: Schedule, token_of: TokenOf) -> OrderDependentError:
    token = token_of(other.numbers)
    if not other.deviations:
        raise UnrepeatableAnswerError(
            f"The normal order of {scenario.orchestrator.name!r} ended in two ways when it was run twice:\n"
            f"  first: {normal.ending.text}\n   then: {other.ending.text}\n"
            "An answer keeps something from one run to the next. Let it depend on its input alone."
        )
    deviations = other.deviations
    return OrderDependentError(
        f"The outcome of {scenario.orchestrator.name!r} depends on the order of events.\n\n"
        f"{_side_by_side(normal.story, other.story)}\n\n"
        f"normally: {normal.ending.text}\n"
        f"  but so: {other.ending.text}\n\n"
        f"The second schedule deviates {deviations} time{'s' if deviations != 1 else ''}. Run exactly it again "
        f"with\n  pytest ... --durable-replay={token}",
        tokens=[token_of(normal.numbers), token],
    )


def _side_by_side(normal: Sequence[str], other: Sequence[str]) -> str:
    same = 0
    while same < min(len(normal), len(other)) - 1 and normal[same] == other[same]:
        same += 1
    skipped = max(same - 2, 0)
    left, right = normal[skipped:], other[skipped:]
    width = max([len(line) for line in left] + [20])
    rows = [
        f"{' ' if one == two else '*'} {one:<{width}} | {two}" for one, two in zip_longest(left, right, fillvalue="")
    ]
    head = [f"  {'the normal order':<{width}} | another", f"  {'-' * width}-+-{'-' * 28}"]
    if skipped:
        head.append(f"  ({skipped} steps that are the same)")
    return "\n".join(head + rows)
