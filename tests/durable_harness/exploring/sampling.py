"""Sampling: Hypothesis draws the choice sequence, where there are too many schedules to run them all.

The last resort of ``order_check``: random schedules, shrunk by Hypothesis towards the normal order.
Invariant: the same seed draws the same schedules, and no example is stored anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from durable_harness.hub.arrivals import Arrival
from durable_harness.hub.instance import HubInstance
from durable_harness.hub.task_hub import TaskHub
from durable_harness.running.choices import Choices
from durable_harness.running.faults import Fault
from durable_harness.running.pending import describe_arrival

__all__ = ["Drawn", "sample"]


class _FailsError(Exception):
    """The drawn schedule fails."""


@dataclass(slots=True)
class Drawn:
    """A chooser whose every number is drawn."""

    draw: Callable[[int], int]
    choices: Choices = field(default_factory=Choices)

    def arrival(self, hub: TaskHub, enabled: Sequence[Arrival]) -> int:
        """Draw one."""
        return self._take(len(enabled), lambda taken: describe_arrival(enabled[taken]))

    def episode_now(self, hub: TaskHub, instance: HubInstance, others: Sequence[Arrival]) -> int:
        """Draw one."""
        return self._take(2, lambda taken: "episode" if taken else "wait for more")

    def fault(self, hub: TaskHub, faults: Sequence[Fault]) -> int:
        """Draw one."""
        return self._take(len(faults), lambda taken: faults[taken].text)

    def _take(self, options: int, text: Callable[[int], str]) -> int:
        taken = self.draw(options)
        self.choices.record(options, taken, text(taken))
        return taken


def sample(fails: Callable[[Drawn], bool], *, examples: int, seed_number: int) -> tuple[int, ...] | None:
    """The choice sequence of the simplest failing schedule that was found, None if none was."""
    found: list[tuple[int, ...]] = []

    @seed(seed_number)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
        report_multiple_bugs=False,
    )
    @given(st.data())
    def run(data: st.DataObject) -> None:
        drawn = Drawn(lambda options: data.draw(st.integers(0, options - 1)))
        if fails(drawn):
            found.append(drawn.choices.numbers)
            raise _FailsError

    try:
        run()
    except _FailsError:
        return found[-1]
    return None
