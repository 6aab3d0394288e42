"""Exploration: every order in which the outcome can differ, each run once, within a budget of runs.

A depth-first search (``depth_first``); where its share of the budget is not enough, schedules with few deviations from
the normal order and drawn ones (``guided``), and then the search again, as far as the budget goes.
Invariant: every orchestration that is begun counts, by whichever of these, all schedules together.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import combinations
from typing import Final

from durable_harness.exploring.depth_first import DepthFirst
from durable_harness.exploring.exploration import Exploration, Schedule
from durable_harness.exploring.guided import Guide
from durable_harness.exploring.schedule import Ending, Scenario
from durable_harness.hub.task_hub import TaskHub
from durable_harness.running.choices import Choice, Choices
from durable_harness.running.raised_events import waited_for
from durable_harness.running.run_result import snapshot
from durable_harness.running.stepper import Chooser, EarlyArrivals, GivenOrder, Story
from durable_harness.worker.covered_code import CoveredCode
from durable_harness.worker.user_code import Watch

__all__ = ["Explorer", "TokenOf"]

TokenOf = Callable[[Sequence[int]], str]
"""Makes the token of a choice sequence."""

_SEARCH: Final = 1 / 4
"""The share of the budget after which an unfinished search waits for the other ways."""
_FEW: Final = 1 / 16
_DRAWN: Final = 3 / 8


class Explorer:
    """Explores one scenario."""

    def __init__(
        self, scenario: Scenario, token_of: TokenOf, *, budget: int, prunes: bool = True, seed: int = 0
    ) -> None:
        self._scenario, self._token_of, self._budget, self._seed = scenario, token_of, budget, seed
        self._search = DepthFirst(scenario, self._run, prunes=prunes)
        self._found: dict[Ending, Schedule] = {}
        self._waited: frozenset[str] = frozenset()
        self._ended = self._replays = 0
        self._should_stop: Callable[[Schedule], bool] = lambda schedule: False
        self._has_stopped = False

    def explore(self, should_stop: Callable[[Schedule], bool] = lambda schedule: False) -> Exploration:
        """Run every order, within the budget; ``should_stop`` ends it early."""
        self._should_stop = should_stop
        if not self._found:
            self.run_given(())
        self._has_stopped = any(map(should_stop, self._found.values()))
        self._search_until(self._budget * _SEARCH if self._search.prunes else self._budget)
        if self._search.left:
            self._few_deviations(self._replays + self._budget * _FEW)
            self._drawn(self._replays + self._budget * _DRAWN)
            self._search_until(self._budget)
        return self.result()

    def run_given(self, numbers: Sequence[int]) -> Schedule:
        """Run the schedule of a choice sequence."""
        return self._run_told(GivenOrder(Choices(numbers)))

    def run_early(self, arrivals: Sequence[Hashable]) -> Schedule:
        """Run the normal order, except that these arrivals come first, one after the other."""
        return self._run_told(EarlyArrivals(Choices(), list(arrivals)))

    def result(self) -> Exploration:
        """What has been found so far."""
        search = self._search
        across = (
            ["order_across_instances=True lets the test see their order and time"] if self._scenario.sees_across else []
        )
        return Exploration(
            name=self._scenario.orchestrator.name,
            schedules=tuple(self._found.values()),
            ended=self._ended,
            replays=self._replays,
            states=search.states,
            is_exhausted=search.left == 0,
            left=search.left,
            multiplies=max(search.multiplies, key=lambda one: search.multiplies[one], default=""),
            dependent=(*across, *sorted(f"they share {one}" for one in search.learned.shared)),
            waited=self._waited,
        )

    def _search_until(self, limit: float) -> None:
        while self._search.left and self._may_go_on(limit):
            schedule = self._search.next()
            if schedule is not None:
                self._note(schedule)

    def _few_deviations(self, limit: float) -> None:
        """Schedules with one and with two deviations from the normal order."""
        normal = next(iter(self._found.values()))
        for numbers in _deviating(normal.made):
            if not self._may_go_on(limit):
                return
            self.run_given(numbers)

    def _drawn(self, limit: float) -> None:
        guide = Guide(self._seed)
        while self._may_go_on(limit):
            order, watch = guide.next(), CoveredCode(self._scenario.watch)
            ending = self._run(order, watch=watch)
            made = tuple(order.choices.made)
            guide.learn(made, watch.ways)
            self._note(Schedule(order.choices.numbers, made, ending))

    def _may_go_on(self, limit: float) -> bool:
        return not self._has_stopped and self._replays < min(limit, self._budget)

    def _run_told(self, order: GivenOrder) -> Schedule:
        story = Story()
        ending = self._run(order, story)
        made, told = tuple(order.choices.made), (tuple(story.lines), tuple(story.arrived), story.effects)
        return self._note(Schedule(order.choices.numbers, made, ending, *told, run=story.run))

    def _run(self, order: Chooser, story: Story | None = None, watch: Watch | None = None) -> Ending:
        self._replays += 1
        hubs: list[TaskHub] = []
        try:
            return self._scenario.run(order, story, learn=hubs.append, watch=watch)
        except Exception as error:  # of the harness, or of the test's own look at a run
            self._tell_where(error, order.choices.numbers, hubs)
            raise
        finally:
            for hub in hubs:
                self._search.learn(hub)
                self._waited |= waited_for(hub)

    def _tell_where(self, error: Exception, numbers: Sequence[int], hubs: Sequence[TaskHub]) -> None:
        """Let an error say in which schedule it came, and hold the run, for the report of the test."""
        if any(numbers):
            error.add_note(
                f"Run exactly this schedule again with\n  pytest ... --durable-replay={self._token_of(numbers)}"
            )
        else:
            error.add_note("This is the normal order of events.")
        begun = [one for hub in hubs for one in hub.instances.values() if one.history and not one.is_entity]
        if begun and getattr(error, "run", None) is None:
            error.run = snapshot(hubs[0], begun[0])  # type: ignore[attr-defined]  # whatever the error is

    def _note(self, schedule: Schedule) -> Schedule:
        self._ended += 1
        if schedule.ending not in self._found:
            self._found[schedule.ending] = schedule
            self._has_stopped = self._has_stopped or self._should_stop(schedule)
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
