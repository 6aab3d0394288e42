"""The choice sequence: every decision about what happens next, as one list of small numbers.

0 is always what would normally happen, so that no numbers at all are the plain run, and the fewer that are not 0, the
simpler the schedule. Hence an order can be given, drawn, explored, shrunk, printed and replayed.
Invariant: equal numbers, asked for in equal situations, lead to equal histories.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["Choice", "Choices"]


@dataclass(frozen=True, slots=True)
class Choice:
    """One decision: how many options there were, which was taken, and what it was about."""

    options: int
    taken: int
    about: str


class Choices:
    """A sequence that is given first, and continues with 0 for ever."""

    def __init__(self, given: Sequence[int] = ()) -> None:
        self.given = tuple(given)
        self.made: list[Choice] = []

    @property
    def is_used_up(self) -> bool:
        """Whether everything from here on happens as it normally would."""
        return len(self.made) >= len(self.given)

    def choose(self, options: int, about: Callable[[int], str]) -> int:
        """Take one of so many options; ``about`` says in words what a number means."""
        place = len(self.made)
        taken = self.given[place] if place < len(self.given) else 0
        taken = min(taken, options - 1)
        self.made.append(Choice(options, taken, about(taken)))
        return taken

    def record(self, options: int, taken: int, about: str) -> None:
        """Note a decision that somebody else has made."""
        self.made.append(Choice(options, taken, about))

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers that were taken, without the zeros at the end."""
        numbers = [choice.taken for choice in self.made]
        while numbers and numbers[-1] == 0:
            numbers.pop()
        return tuple(numbers)

    @property
    def deviations(self) -> int:
        """How often something else happened than normally would."""
        return sum(1 for choice in self.made if choice.taken)
