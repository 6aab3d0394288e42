"""Exploration: every order in which the outcome can differ, each run once, and what that proves.

A depth-first search over choice sequences, pruned by remembered states and by ample sets; beyond its budget, a search
by few deviations from the normal order, and then a drawn one (``sampling``).
Invariant: ``is_exhausted`` means that no order of these events has another outcome than those that are listed.

Rejected: copying a run at a branch. A generator cannot be copied; a branch is run again from the start, live.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from durable_harness.core.errors import HarnessError
from durable_harness.exploring.partial_order import ample_arrival, is_silent_inbox
from durable_harness.exploring.schedule import Ending, Scenario
from durable_harness.exploring.state_key import state_of
from durable_harness.hub.arrivals import Arrival
from durable_harness.hub.instance import HubInstance
from durable_harness.hub.task_hub import TaskHub
from durable_harness.running.choices import Choice, Choices
from durable_harness.running.faults import Fault
from durable_harness.running.stepper import EarlyArrivals, GivenOrder, Story

__all__ = ["Exploration", "Explorer", "Schedule"]


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

    @property
    def outcomes(self) -> tuple[Ending, ...]:
        """Every outcome that was found."""
        return tuple(schedule.ending for schedule in self.schedules)

    @property
    def proof(self) -> str:
        """What this proves, in one sentence."""
        what = "every order" if self.is_exhausted else f"{self.ended} of more orders than the budget allows"
        outcomes = f"{len(self.schedules)} outcome{'s' if len(self.schedules) != 1 else ''}"
        return f"{self.name}: {outcomes} over {what} ({self.replays} runs, {self.states} states, {self.ended} ended)"


class _KnownState(BaseException):
    """The schedule has come to a state whose future is known; not an ``Exception``, so that nothing swallows it."""


@dataclass(slots=True)
class _DepthFirst:
    """A chooser that follows a prefix, then takes the first option everywhere, and notes the others."""

    prefix: tuple[int, ...]
    visited: dict[Hashable, int]
    batching: bool
    prunes: bool
    choices: Choices = field(default_factory=Choices)
    branches: list[tuple[int, ...]] = field(default_factory=list)
    hub: TaskHub | None = None

    @property
    def saw_boundaries(self) -> bool:
        """Whether user code can have seen where an episode ended."""
        return self.hub is not None and any(one.replayer.shows_boundaries for one in self.hub.instances.values())

    def arrival(self, hub: TaskHub, enabled: Sequence[Arrival]) -> int:
        """Take the next of the prefix; then an ample arrival alone, or the first of all."""
        self.hub = hub
        if (given := self._given()) is not None:
            return self._take(len(enabled), given)
        ample = ample_arrival(hub, enabled) if self.prunes else None
        options = list(range(len(enabled))) if ample is None else [ample]
        return self._branch(hub, len(enabled), options, "arrival")

    def episode_now(self, hub: TaskHub, instance: HubInstance, others: Sequence[Arrival]) -> int:
        """An episode for each arrival that resumes anybody; where user code can see the difference, both ways."""
        if (given := self._given()) is not None:
            return self._take(2, given)
        if not self.batching:
            # A fault can strike in any episode: where one may, each arrival has its own.
            return self._take(2, 0 if not hub.may_fail and is_silent_inbox(instance) else 1)
        return self._branch(hub, 2, [1, 0], f"episode {instance.instance_id}")

    def fault(self, hub: TaskHub, faults: Sequence[Fault]) -> int:
        """Each fault in its turn."""
        if (given := self._given()) is not None:
            return self._take(len(faults), given)
        return self._branch(hub, len(faults), range(len(faults)), faults[-1].text)

    def _given(self) -> int | None:
        place = len(self.choices.made)
        return self.prefix[place] if place < len(self.prefix) else None

    def _branch(self, hub: TaskHub, count: int, options: Sequence[int], about: str) -> int:
        if self.prunes:
            state = about, state_of(hub)
            # What was gone into with as many faults left, or more, has had every future that this has.
            if self.visited.get(state, -1) >= hub.faults_left:
                raise _KnownState
            self.visited[state] = hub.faults_left
        before = tuple(choice.taken for choice in self.choices.made)
        self.branches += [(*before, option) for option in options[1:]]
        return self._take(count, options[0])

    def _take(self, count: int, taken: int) -> int:
        taken = min(taken, count - 1)
        self.choices.record(count, taken, "")
        return taken


class Explorer:
    """Explores one scenario."""

    def __init__(self, scenario: Scenario, *, budget: int, prunes: bool = True) -> None:
        self._scenario, self._budget, self._prunes = scenario, budget, prunes
        self._found: dict[Ending, Schedule] = {}
        self._ended = self._replays = self._states = 0

    def explore(self, should_stop: Callable[[Schedule], bool] = lambda _: False) -> Exploration:
        """Run every order, within the budget; ``should_stop`` ends it early."""
        if not self._found:
            self.run_given(())
        is_exhausted = self._depth_first(should_stop, batching=False)
        if not is_exhausted and not self._stopped(should_stop):
            self._few_deviations(should_stop)
        return self.result(is_exhausted=is_exhausted)

    def run_given(self, numbers: Sequence[int]) -> Schedule:
        """Run the schedule of a choice sequence."""
        return self._run_told(GivenOrder(Choices(numbers)))

    def run_early(self, arrivals: Sequence[Hashable]) -> Schedule:
        """Run the normal order, except that these arrivals come first, one after the other."""
        return self._run_told(EarlyArrivals(Choices(), list(arrivals)))

    def _run_told(self, order: GivenOrder) -> Schedule:
        story = Story()
        self._replays += 1
        try:
            ending = self._scenario.run(order, story)
        except HarnessError as error:
            error.add_note(f"In the schedule {list(order.choices.numbers)}")
            raise
        made = tuple(order.choices.made)
        return self._note(Schedule(order.choices.numbers, made, ending, tuple(story.lines), tuple(story.arrived)))

    def result(self, *, is_exhausted: bool) -> Exploration:
        """What has been found so far."""
        return Exploration(
            name=self._scenario.orchestrator.name,
            schedules=tuple(self._found.values()),
            ended=self._ended,
            replays=self._replays,
            states=self._states,
            is_exhausted=is_exhausted,
        )

    def _depth_first(self, should_stop: Callable[[Schedule], bool], *, batching: bool) -> bool:
        visited: dict[Hashable, int] = {}
        stack: list[tuple[int, ...]] = [()]
        while stack:
            if self._replays >= self._budget:
                return False
            order = _DepthFirst(stack.pop(), visited, batching, self._prunes)
            self._replays += 1
            try:
                schedule = self._run(order)
            except _KnownState:
                schedule = None
            self._states = max(self._states, len(visited))
            if order.saw_boundaries and not batching:
                return self._depth_first(should_stop, batching=True)
            stack += order.branches
            if schedule is not None and should_stop(self._note(schedule)):
                return False
        return True

    def _run(self, order: _DepthFirst) -> Schedule:
        try:
            ending = self._scenario.run(order)
        except HarnessError as error:
            error.add_note(f"In the schedule {list(order.choices.numbers)}")
            raise
        return Schedule(order.choices.numbers, tuple(order.choices.made), ending)

    def _few_deviations(self, should_stop: Callable[[Schedule], bool]) -> None:
        """Schedules with one and with two deviations from the normal order, as far as as much budget again goes."""
        normal = next(iter(self._found.values()))
        limit = self._replays + self._budget
        for numbers in _deviating(normal.made):
            if self._replays >= limit or should_stop(self.run_given(numbers)):
                return

    def _stopped(self, should_stop: Callable[[Schedule], bool]) -> bool:
        return any(should_stop(schedule) for schedule in self._found.values())

    def _note(self, schedule: Schedule) -> Schedule:
        self._ended += 1
        self._found.setdefault(schedule.ending, schedule)
        return schedule


def _deviating(made: Sequence[Choice]) -> Iterator[tuple[int, ...]]:
    single = [(place, option) for place, choice in enumerate(made) for option in range(1, choice.options)]
    for count in (1, 2):
        for deviations in combinations(single, count):
            if len({place for place, _ in deviations}) == count:
                numbers = [0] * (max(place for place, _ in deviations) + 1)
                for place, option in deviations:
                    numbers[place] = option
                yield tuple(numbers)
