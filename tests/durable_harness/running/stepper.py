"""Driving a task hub: what happens next, until an orchestration has ended.

Takes arrivals one by one in the order that a chooser chooses, and runs episodes; time jumps when nothing is left.
Invariant: a chooser that always says 0 makes the same history as no chooser at all.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from durable_engine import TICKS_PER_SECOND
from durable_harness.core.errors import NotPossibleError
from durable_harness.hub.arrivals import Arrival
from durable_harness.hub.instance import HubInstance
from durable_harness.hub.task_hub import TaskHub
from durable_harness.running.choices import Choices
from durable_harness.running.faults import Fault, FaultPlan
from durable_harness.running.pending import stuck_error
from durable_harness.running.run_result import Run
from durable_harness.running.telling import describe_arrival, instance_text
from durable_harness.running.unanswered import unanswered_error

__all__ = ["Chooser", "Driver", "GivenOrder"]


TICK: Final = TICKS_PER_SECOND // 1_000_000
"""The time that passes where something could have joined an episode of code that reads the time, and did not.

All such time stays below a millisecond, so that whole milliseconds are the time that timers and answers have taken.
"""
_MILLISECOND: Final = TICKS_PER_SECOND // 1_000


class Chooser(Protocol):
    """Says what happens next; every answer is a number, and 0 is what normally happens."""

    choices: Choices
    """What it has said so far."""

    def arrival(self, hub: TaskHub, enabled: Sequence[Arrival]) -> int:
        """Which of these arrives next."""

    def episode_now(self, hub: TaskHub, instance: HubInstance, others: Sequence[Arrival]) -> int:
        """Whether the instance runs an episode (1) before anything else can join it (0)."""

    def fault(self, hub: TaskHub, faults: Sequence[Fault]) -> int:
        """Which of these faults strikes here; the first is none."""


class GivenOrder:
    """A chooser that follows a choice sequence."""

    def __init__(self, choices: Choices) -> None:
        self.choices = choices

    def arrival(self, hub: TaskHub, enabled: Sequence[Arrival]) -> int:
        """Take what the sequence says."""
        return self.choices.choose(len(enabled), lambda taken: describe_arrival(hub, enabled[taken]))

    def episode_now(self, hub: TaskHub, instance: HubInstance, others: Sequence[Arrival]) -> int:
        """Take what the sequence says."""
        return self.choices.choose(2, lambda taken: "episode" if taken else "wait for more")

    def fault(self, hub: TaskHub, faults: Sequence[Fault]) -> int:
        """Take what the sequence says."""
        return self.choices.choose(len(faults), lambda taken: faults[taken].text)


class EarlyArrivals(GivenOrder):
    """A chooser that lets some arrivals come first, and everything else happen normally."""

    def __init__(self, choices: Choices, early: list[Hashable]) -> None:
        super().__init__(choices)
        self._early = early

    def arrival(self, hub: TaskHub, enabled: Sequence[Arrival]) -> int:
        """Take the next early one, if it can come."""
        taken = next((place for place, one in enumerate(enabled) if self._early and one.key == self._early[0]), 0)
        if self._early and enabled[taken].key == self._early[0]:
            self._early.pop(0)
        self.choices.record(len(enabled), taken, describe_arrival(hub, enabled[taken]))
        return taken


@dataclass(slots=True)
class Story:
    """What happened in one schedule, in words, and what arrived."""

    lines: list[str] = field(default_factory=list)
    arrived: list[Hashable] = field(default_factory=list)
    run: Run | None = None
    """The run as it stood at the end."""
    effects: tuple[str, ...] = ()
    """The calls that were made, a line for each."""


class Driver:
    """Lets things happen in one task hub."""

    def __init__(
        self,
        hub: TaskHub,
        chooser: Chooser | None = None,
        faults: FaultPlan | None = None,
        story: Story | None = None,
    ) -> None:
        self.hub = hub
        self._story = story
        self._chooser = chooser
        self._faults = faults

    def run_until_ended(self, instance: HubInstance) -> None:
        """Let everything happen that can, until the instance has ended."""
        self.run_until(lambda: instance.is_completed, instance)

    def run_until(self, is_reached: Callable[[], bool], instance: HubInstance) -> None:
        """Let things happen until this is so; an orchestration to which nothing more can happen is an error."""
        while not is_reached():
            self._refuse_unanswered()
            if not self.step():
                raise stuck_error(self.hub, instance)

    def run_to_rest(self) -> None:
        """Let everything happen that is on its way, events from outside aside: what entities were told, above all."""
        while self._chooser is not None and self._step_by(self._chooser, only_inside=True):
            self._refuse_unanswered()

    def step(self) -> bool:
        """Let the next thing happen; False if nothing can."""
        return self._step_normally() if self._chooser is None else self._step_by(self._chooser)

    def _step_normally(self) -> bool:
        """Everything that may arrive now arrives, first come first served; then one episode of each that got some."""
        hub, arrivals = self.hub, self.hub.arrivals
        ready = arrivals.take_ready(hub.clock.now)
        for arrival in ready:
            hub.deliver(arrival)
        if hub.run_waiting_episodes() or ready:
            return True
        for arrival in arrivals.raised[:1] or arrivals.earliest[:1]:
            hub.deliver(arrival)
            return True
        return False

    def _step_by(self, chooser: Chooser, *, only_inside: bool = False) -> bool:
        hub, arrivals = self.hub, self.hub.arrivals
        hub.drop_dead(also_timed=only_inside)
        ready = arrivals.ready(hub.clock.now)
        if hub.waiting and not ready:
            for instance in hub.waiting:
                self._episode(instance, chooser)
            return True
        later = [arrival for arrival in arrivals.earliest if arrival not in ready]
        enabled = [*ready, *([] if only_inside else arrivals.raised), *later]
        if not enabled:
            return False
        arrival = enabled[chooser.arrival(hub, enabled) if len(enabled) > 1 else 0]
        self._deliver(arrival, chooser)
        receiver = hub.instances.get(arrival.target.instance_id)
        others = arrivals.ready(hub.clock.now)
        if receiver is not None and receiver.inbox and others and chooser.episode_now(hub, receiver, others):
            self._episode(receiver, chooser)
            if receiver.replayer.reads_time and hub.clock.now % _MILLISECOND + TICK < _MILLISECOND:
                hub.clock.jump_to(hub.clock.now + TICK)  # what comes after came later
        return True

    def _deliver(self, arrival: Arrival, chooser: Chooser) -> None:
        if self._story is not None:
            self._story.lines.append(describe_arrival(self.hub, arrival))
            self._story.arrived.append(arrival.key)
        if self._faults is not None:
            self._faults.before_delivery(
                self.hub, arrival, lambda faults: self._choose_fault(faults, chooser, in_place_of=1)
            )
        self.hub.deliver(arrival)

    def _episode(self, instance: HubInstance, chooser: Chooser) -> None:
        if self._story is not None:
            self._tell(f"episode of {instance_text(self.hub, instance.instance_id)}")
        if self._faults is None:
            self.hub.run_episode(instance)
        else:
            self._faults.run_episode(
                self.hub, instance, lambda faults: self._choose_fault(faults, chooser, in_place_of=0), self._tell
            )

    def _choose_fault(self, faults: Sequence[Fault], chooser: Chooser, *, in_place_of: int) -> int:
        """Choose, and tell a fault in place of so many lines before, which say what would have happened without it."""
        taken = chooser.fault(self.hub, faults)
        if taken and self._story is not None:
            del self._story.lines[len(self._story.lines) - in_place_of :]
            self._tell(f"FAULT: {faults[taken].text}")
        return taken

    def _tell(self, line: str) -> None:
        if self._story is not None:
            self._story.lines.append(line)

    def _refuse_unanswered(self) -> None:
        unanswered = self.hub.arrivals.unanswered
        if not unanswered:
            return
        calls = [one.call for one in unanswered if one.call is not None]
        if not calls:
            raise NotPossibleError("Something without a cause waits for an answer.")
        raise unanswered_error(calls, self.hub.answers)
