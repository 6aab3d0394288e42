"""What an exploration found: schedules, outcomes, how far it came, and what that proves.

The result type of everything that explores.
Invariant: ``is_exhausted`` means that no order of these events has another outcome than those that are listed.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

from durable_harness.exploring.schedule import Ending
from durable_harness.running.choices import Choice
from durable_harness.running.run_result import Run

__all__ = ["Exploration", "Schedule"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """One schedule that was run to its end."""

    numbers: tuple[int, ...]
    made: tuple[Choice, ...]
    ending: Ending

    story: tuple[str, ...] = field(default=(), compare=False)
    """What happened, in words, where it was asked for."""
    arrived: tuple[Hashable, ...] = field(default=(), compare=False)
    """What arrived, in its order, where it was asked for."""
    effects: tuple[str, ...] = field(default=(), compare=False)
    """The calls that were made, a line for each, where it was asked for."""
    run: Run | None = field(default=None, compare=False, repr=False)
    """The whole run with its history and timeline, where it was asked for."""

    @property
    def deviations(self) -> int:
        """How often something else happened than normally would."""
        return sum(1 for choice in self.made if choice.taken)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exploration:
    """What an exploration found, and how much of all there is it has seen."""

    name: str
    schedules: tuple[Schedule, ...]
    """The first schedule for each outcome, the normal one first."""
    ended: int
    """How many schedules were run to their end."""
    replays: int
    """How many times the orchestration was begun, those given up at a known state among them."""
    states: int
    is_exhausted: bool
    left: int = 0
    """How many branches were seen and not gone into, where the budget did not reach; behind each may be more."""
    multiplies: str = ""
    """Which choice has the most branches."""
    dependent: tuple[str, ...] = ()
    """Why orders of independent instances were explored too, where they were."""
    waited: frozenset[str] = frozenset()
    """The external events that were waited for in any schedule."""

    @property
    def outcomes(self) -> tuple[Ending, ...]:
        """Every outcome that was found."""
        return tuple(schedule.ending for schedule in self.schedules)

    @property
    def proof(self) -> str:
        """What this proves, in one sentence."""
        what = "every order" if self.is_exhausted else f"{self.ended} of more orders than the budget allows"
        outcomes = f"{len(self.schedules)} outcome{'s' if len(self.schedules) != 1 else ''}"
        runs = f"({self.replays} runs, {self.states} states, {self.ended} ended)"
        return f"{self.name}: {outcomes} over {what} {runs}{f'; {self._why}' if self._why else ''}"

    @property
    def shortfall(self) -> str:
        """How far an exploration came that was not exhausted, and what to do about it."""
        most = f" Most branches come from {self.multiplies}." if self.multiplies else ""
        why = f" {self._why[0].upper()}{self._why[1:]}." if self._why else ""
        outcomes = f"{len(self.schedules)} outcome{'s' if len(self.schedules) != 1 else ''}"
        return (
            f"Nothing is proved about {self.name!r}: {self.replays} runs of the budget are used up, {self.ended} "
            f"schedules came to their end with {outcomes}, and {self.left} branches at least were not gone into."
            f"{most}{why} "
            "Give the choice less to choose from (fewer items, answers with after=, fewer faults), or more runs "
            "(budget=, --durable-budget), or say sampling_is_enough=True if what was run is enough for you."
        )

    @property
    def _why(self) -> str:
        """Why instances were not taken for independent, empty where they were."""
        reasons = ", and ".join(self.dependent)
        return f"orders of independent instances were run too, since {reasons}" if reasons else ""
