"""The depth-first search over choice sequences, pruned by remembered states and by what commutes.

Rejected: copying a run at a branch. A generator cannot be copied; a branch is run again from the start, live.
Invariant: when nothing is left to go into, each schedule that was not run is equal to one that was, as long as what is
assumed (``assumptions``) has not been found wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from durable_harness.exploring.assumptions import Assumptions
from durable_harness.exploring.effects import effects_of
from durable_harness.exploring.exploration import Schedule
from durable_harness.exploring.independence import independent_arrivals
from durable_harness.exploring.partial_order import ample_arrival, is_silent_inbox
from durable_harness.exploring.schedule import Ending, Scenario
from durable_harness.exploring.state_key import state_of
from durable_harness.hub.arrivals import Arrival
from durable_harness.hub.instance import HubInstance
from durable_harness.hub.task_hub import TaskHub
from durable_harness.running.choices import Choices
from durable_harness.running.faults import Fault
from durable_harness.running.stepper import Chooser
from durable_harness.running.telling import describe_arrival

__all__ = ["DepthFirst"]


class _KnownStateError(BaseException):
    """The schedule has come to a state whose future is known; not an ``Exception``, so that nothing swallows it."""


class DepthFirst:
    """A search that can be interrupted and gone on with."""

    def __init__(self, scenario: Scenario, run: Callable[[Chooser], Ending], *, prunes: bool) -> None:
        self.prunes = prunes
        self.learned = Assumptions()
        self.multiplies: Counter[str] = Counter()
        """How many branches each choice has."""
        self.states = 0
        self._scenario, self._run = scenario, run
        self._begin()

    @property
    def left(self) -> int:
        """How many branches are known and not gone into."""
        return len(self._stack) or int(self._is_wrong)

    def learn(self, hub: TaskHub) -> None:
        """Learn from a schedule, whoever has run it; what was pruned on a wrong assumption is searched anew."""
        known = len(self.learned.sees_episodes)
        if self.learned.learn(hub) and (self.prunes or len(self.learned.sees_episodes) > known):
            self._is_wrong = True

    def next(self) -> Schedule | None:
        """Run the next schedule; None where it came to a known state."""
        if self._is_wrong:
            self._begin()
        visited, stack = self._visited, self._stack
        order = _Order(stack.pop(), visited, self.learned, self._scenario, self.prunes, self.multiplies)
        try:
            ending = self._run(order)
        except _KnownStateError:
            return None
        finally:
            self.states = max(self.states, len(visited))
            stack += order.branches
            if self._is_wrong:
                self._begin()
        return Schedule(order.choices.numbers, tuple(order.choices.made), ending)

    def _begin(self) -> None:
        self._visited: dict[Hashable, int] = {}
        self._stack: list[tuple[int, ...]] = [()]
        self._is_wrong = False
        self.multiplies.clear()


@dataclass(slots=True)
class _Order:
    """A chooser that follows a prefix, then takes the first option everywhere, and notes the others."""

    prefix: tuple[int, ...]
    visited: dict[Hashable, int]
    learned: Assumptions
    scenario: Scenario
    prunes: bool
    multiplies: Counter[str]
    choices: Choices = field(default_factory=Choices)
    branches: list[tuple[int, ...]] = field(default_factory=list)

    def arrival(self, hub: TaskHub, enabled: Sequence[Arrival]) -> int:
        """Take the next of the prefix; then what may be taken alone, or the first of those that have to be tried."""
        if (given := self._given()) is not None:
            return self._take(len(enabled), given)
        options = list(range(len(enabled)))
        if self.prunes:
            ample = ample_arrival(hub, enabled, self.learned)
            if ample is not None:
                options = [ample]
            elif not self.scenario.sees_across:
                options = independent_arrivals(hub, enabled, self.learned)
        return self._branch(hub, len(enabled), options, "arrival", lambda: _which(hub, enabled, options))

    def episode_now(self, hub: TaskHub, instance: HubInstance, others: Sequence[Arrival]) -> int:
        """An episode for each arrival that resumes anybody; where user code can see the difference, both ways."""
        if (given := self._given()) is not None:
            return self._take(2, given)
        if not self._sees_episodes(instance):
            # A fault can strike in any episode: where one may, each arrival has its own.
            return self._take(2, 0 if not hub.may_fail and is_silent_inbox(instance) else 1)
        about = f"episode {instance.instance_id}"
        return self._branch(hub, 2, [1, 0], about, lambda: f"where an episode of {instance.name!r} ends")

    def fault(self, hub: TaskHub, faults: Sequence[Fault]) -> int:
        """Each fault in its turn."""
        if (given := self._given()) is not None:
            return self._take(len(faults), given)
        about = faults[-1].text, faults[-1].of
        return self._branch(hub, len(faults), range(len(faults)), about, lambda: "which fault strikes where")

    def _sees_episodes(self, instance: HubInstance) -> bool:
        seen = self.learned.sees_episodes
        if not self.prunes or self.scenario.see is not None:
            return bool(seen)  # a test may see which custom statuses were stored
        # Whose episode takes time, because it reads the time, lets all that comes after come later for whoever sees it.
        return instance.name in seen or (bool(seen) and instance.replayer.reads_time)

    def _given(self) -> int | None:
        place = len(self.choices.made)
        return self.prefix[place] if place < len(self.prefix) else None

    def _branch(
        self, hub: TaskHub, count: int, options: Sequence[int], about: Hashable, name: Callable[[], str]
    ) -> int:
        if self.prunes:
            seen = effects_of(hub, across=self.scenario.sees_across) if self.scenario.see is not None else None
            state = about, state_of(hub), seen
            # What was gone into with as many faults left, or more, has had every future that this has.
            if self.visited.get(state, -1) >= hub.faults_left:
                raise _KnownStateError
            self.visited[state] = hub.faults_left
        before = tuple(choice.taken for choice in self.choices.made)
        self.branches += [(*before, option) for option in options[1:]]
        if len(options) > 1:
            self.multiplies[name()] += len(options) - 1
        return self._take(count, options[0])

    def _take(self, count: int, taken: int) -> int:
        taken = min(taken, count - 1)
        self.choices.record(count, taken, "")
        return taken


def _which(hub: TaskHub, enabled: Sequence[Arrival], options: Sequence[int]) -> str:
    """Names the choice between these arrivals, whichever schedule it is met in."""
    receivers = sorted({enabled[place].target.instance_id for place in options})
    what = sorted({describe_arrival(hub, enabled[place]).partition("(")[0] for place in options})
    told = ", ".join(what[:4]) + (", ..." if len(what) > 4 else "")
    return f"what reaches {' or '.join(map(repr, receivers[:4]))} next ({told})"
