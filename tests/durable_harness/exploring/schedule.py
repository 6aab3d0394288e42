"""One schedule: an orchestration, run once from its start in an order that a chooser chooses.

What exploration, shrinking and replaying a token have in common: a fresh hub, the same scenario, one outcome.
Invariant: equal scenarios and equal choices give equal outcomes; if they do not, an answer is not repeatable, and the
run says which.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from durable_harness.app.answers import Answers
from durable_harness.app.functions import AppFunctions, OrchestratorFunction
from durable_harness.core.errors import HarnessError, StuckError
from durable_harness.core.virtual_clock import VirtualClock
from durable_harness.hub.inspector import Inspector
from durable_harness.hub.instance import HubInstance
from durable_harness.hub.task_hub import TaskHub
from durable_harness.running.faults import FaultPlan
from durable_harness.running.stepper import Chooser, Driver, Story
from durable_harness.worker.sdk_events import sdk_at_work
from durable_harness.worker.user_code import Watch

__all__ = ["PREFIXES", "Ending", "Scenario", "UnrepeatableAnswerError"]


PREFIXES: Final = 3
"""How many episodes before the last are replayed from the start, where a run is looked at closely."""


class UnrepeatableAnswerError(HarnessError):
    """An answer gave two results for the same call, so that orders cannot be compared."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How a schedule ended: the status, and the output as JSON text; ``Stuck`` where nothing could happen any more."""

    runtime_status: str
    output: str
    custom_status: str | None = None

    @property
    def text(self) -> str:
        """The ending in one line."""
        text = self.output if len(self.output) <= 300 else self.output[:297] + "..."
        return f"{self.runtime_status}: {text}"


@dataclass(slots=True)
class Scenario:
    """What is the same in every schedule."""

    app: AppFunctions
    orchestrator: OrchestratorFunction
    input_text: str | None
    answers: Answers
    announce: Callable[[TaskHub, HubInstance], None]
    seed: Callable[[TaskHub], None]
    """Gives a new hub what was there before: the entities' states."""
    start_at: VirtualClock
    watch: Watch
    inspector: Inspector
    faults: int = 0
    _given: dict[tuple[str, str, int], str] = field(default_factory=dict)

    def run(self, chooser: Chooser, story: Story | None = None) -> Ending:
        """Run one schedule to its end; ``story`` takes what happens, in words."""
        with sdk_at_work():
            return self._run(chooser, story)

    def _run(self, chooser: Chooser, story: Story | None) -> Ending:
        clock = VirtualClock(self.start_at.moment)
        hub = TaskHub(
            self.app,
            self.answers.afresh(),
            watch=self.watch,
            inspector=self.inspector,
            is_live=True,
            clock=clock,
        )
        hub.faults_left, hub.may_fail = self.faults, self.faults > 0
        self.seed(hub)
        instance = hub.start(self.orchestrator.name, self.input_text)
        self.announce(hub, instance)
        driver = Driver(hub, chooser, FaultPlan() if self.faults else None, story)
        try:
            driver.run_until_ended(instance)
        except StuckError as stuck:
            return Ending("Stuck", json.dumps(stuck.waits_for))
        finally:
            self._compare_answers(hub)
        for other in hub.instances.values():
            if other is instance or other.is_completed:
                self.inspector.at_end(other, prefixes=0 if story is None else PREFIXES)
        return Ending(instance.runtime_status, _text(instance.output), instance.custom_status_text)

    def _compare_answers(self, hub: TaskHub) -> None:
        """Hold what each call gave against what the same call gave in other schedules."""
        for call in hub.calls:
            if call.outcome is None or (call.answered is not None and call.answered.is_constant):
                continue
            key = call.instance_id, f"{call.name}({call.input!r})", call.event_id
            first = call.first_outcome or call.outcome  # a worker that dies makes the answer run again
            result = str(first.error or first.result)
            before = self._given.setdefault(key, result)
            if before != result:
                raise UnrepeatableAnswerError(
                    f"{key[1]:.200} gave {before:.200} in one schedule and {result:.200} in another. An answer must "
                    "depend on its input alone: use a pure function, or in_turn(...) for one answer after the other."
                )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
