"""Drawn schedules, guided by what user code has shown: where there are too many to run them all.

Some schedules go to a place in user code that few have come to, and on from there by chance; a place is where a
generator stands and the plain values in its frames, so that a counter or a flag that only some orders set leads on to
the orders behind it. Others change one choice of a schedule that took a way through the code that few have taken.
Invariant: the same seed draws the same schedules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random  # noqa: TID251  # seeded, and the draws are no part of any run
from typing import Final

from durable_harness.hub.arrivals import Arrival
from durable_harness.hub.instance import HubInstance
from durable_harness.hub.task_hub import TaskHub
from durable_harness.running.choices import Choice, Choices
from durable_harness.running.faults import Fault
from durable_harness.running.telling import describe_arrival

__all__ = ["Drawn", "Guide"]

_MOST_PLACES: Final = 20_000


class Guide:
    """Draws one schedule after the other, and remembers the places and ways that each has come to."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._prefixes: dict[Hashable, tuple[int, ...]] = {}
        """For each place, the shortest choice sequence that has led to it."""
        self._visits: Counter[Hashable] = Counter()
        self._examples: dict[Hashable, Sequence[Choice]] = {}
        """For each way through the code, the last schedule that has taken it."""
        self._takers: Counter[Hashable] = Counter()
        self._drawn = 0

    def next(self) -> Drawn:
        """The next schedule, to be run."""
        self._drawn += 1
        # One in four is drawn from its beginning.
        turn = self._drawn % 4
        prefix = self._to_rare_place() if turn == 1 else self._near_rare_way() if turn > 1 else ()
        return Drawn(self._random, prefix, self._come_to)

    def learn(self, made: Sequence[Choice], ways: Iterable[Hashable]) -> None:
        """Remember the ways through the code that a schedule has taken."""
        for way in ways:
            self._takers[way] += 1
            self._examples[way] = made  # the latest: what else is in it changes from one to the next

    def _to_rare_place(self) -> tuple[int, ...]:
        if not self._visits:
            return ()
        place = min(self._visits, key=lambda one: (self._visits[one], -len(self._prefixes[one])))
        self._visits[place] += 1
        return self._prefixes[place]

    def _near_rare_way(self) -> tuple[int, ...]:
        if not self._takers:
            return ()
        way = min(self._takers, key=lambda one: self._takers[one])
        self._takers[way] += 1
        made = self._examples[way]
        numbers = [choice.taken for choice in made]
        places = [place for place, choice in enumerate(made) if choice.options > 1]
        if places:
            place = self._random.choice(places)
            numbers[place] = self._random.randrange(made[place].options)
        return tuple(numbers)

    def _come_to(self, place: Hashable, prefix: tuple[int, ...]) -> None:
        known = self._prefixes.get(place)
        if known is None and len(self._prefixes) >= _MOST_PLACES:
            return
        if known is None or len(prefix) < len(known):
            self._prefixes[place] = prefix
        self._visits[place] += 1


@dataclass(slots=True)
class Drawn:
    """A chooser that follows a choice sequence and then draws every number."""

    random: Random
    prefix: tuple[int, ...]
    come_to: Callable[[Hashable, tuple[int, ...]], None]
    choices: Choices = field(default_factory=Choices)

    def arrival(self, hub: TaskHub, enabled: Sequence[Arrival]) -> int:
        """Draw one."""
        if len(self.choices.made) >= len(self.prefix):
            self.come_to(_place_of(hub), tuple(choice.taken for choice in self.choices.made))
        return self._take(len(enabled), lambda taken: describe_arrival(hub, enabled[taken]))

    def episode_now(self, hub: TaskHub, instance: HubInstance, others: Sequence[Arrival]) -> int:
        """Draw one."""
        return self._take(2, lambda taken: "episode" if taken else "wait for more")

    def fault(self, hub: TaskHub, faults: Sequence[Fault]) -> int:
        """Draw one; mostly, nothing goes wrong."""
        return self._take(len(faults), lambda taken: faults[taken].text, mostly_first=True)

    def _take(self, options: int, text: Callable[[int], str], *, mostly_first: bool = False) -> int:
        place = len(self.choices.made)
        if place < len(self.prefix):
            taken = min(self.prefix[place], options - 1)
        elif mostly_first and self.random.random() < 0.8:
            taken = 0
        else:
            taken = self.random.randrange(options)
        self.choices.record(options, taken, text(taken))
        return taken


def _place_of(hub: TaskHub) -> Hashable:
    """Where the user code of every orchestration stands, and how many faults are left."""
    workers = [(one.instance_id, one.replayer.worker) for one in hub.instances.values() if not one.is_completed]
    return hub.faults_left, tuple((name, worker.code.place) for name, worker in workers if worker is not None)
