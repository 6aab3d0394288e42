"""Shrinking: from a schedule that fails to the simplest one that fails in the same way.

Fewer deviations from the normal order first, then a shorter sequence, then smaller numbers.
Invariant: what is returned was run, and fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

__all__ = ["fewest", "shrunk"]

Numbers = tuple[int, ...]
Found = TypeVar("Found")


def shrunk(numbers: Sequence[int], fails: Callable[[Numbers], Numbers | None], *, tries: int = 2_000) -> Numbers:
    """The simplest failing choice sequence that is found within so many tries.

    ``fails`` runs a sequence and returns the one that was really taken if it fails, else None.
    """
    best = tuple(numbers)
    seen = {best}
    left = tries
    is_smaller = True
    while is_smaller and left > 0:
        is_smaller = False
        for candidate in _simpler(best):
            if candidate in seen or left <= 0:
                continue
            seen.add(candidate)
            left -= 1
            taken = fails(candidate)
            if taken is not None and _size(taken) < _size(best):
                best, is_smaller = taken, True
                break
    return best


def fewest(count: int, fails: Callable[[tuple[int, ...]], Found | None]) -> Found | None:
    """What the fewest of so many places give that still fails, taken away one after the other; None if all do not."""
    kept = tuple(range(count))
    found = fails(kept)
    if found is None:
        return None
    for place in range(count):
        without = tuple(one for one in kept if one != place)
        result = fails(without)
        if result is not None:
            kept, found = without, result
    return found


def _size(numbers: Numbers) -> tuple[int, int, Numbers]:
    return sum(1 for number in numbers if number), len(numbers), numbers


def _simpler(numbers: Numbers) -> Iterator[Numbers]:
    """Simpler sequences, the boldest first."""
    places = [place for place, number in enumerate(numbers) if number]
    chunk = len(places)
    while chunk:
        for start in range(0, len(places), chunk):
            yield _with(numbers, dict.fromkeys(places[start : start + chunk], 0))
        chunk //= 2
    for place in places:
        yield numbers[:place] + numbers[place + 1 :]
    for place in places:
        for smaller in range(1, numbers[place]):
            yield _with(numbers, {place: smaller})
    for place in places:  # a deviation may be as good elsewhere: what is latest is nearest to the normal order
        yield (*numbers[:place], 0, *numbers[place:])


def _with(numbers: Numbers, changes: dict[int, int]) -> Numbers:
    changed = list(numbers)
    for place, number in changes.items():
        changed[place] = number
    while changed and changed[-1] == 0:
        changed.pop()
    return tuple(changed)
