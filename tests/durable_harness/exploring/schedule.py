"""One schedule: an orchestration, run once from its start in an order that a chooser chooses.

What exploration, shrinking and replaying a token have in common: a fresh hub, the same scenario, one outcome.
Invariant: equal scenarios and equal choices give equal outcomes; if they do not, an answer is not repeatable, and the
run says which.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from durable_harness.app.answers import Answers
from durable_harness.app.functions import AppFunctions, OrchestratorFunction
from durable_harness.core.errors import HarnessError, StuckError
from durable_harness.core.virtual_clock import VirtualClock
from durable_harness.exploring.effects import call_lines
from durable_harness.hub.inspector import Inspector
from durable_harness.hub.instance import HubInstance
from durable_harness.hub.task_hub import TaskHub
from durable_harness.running.faults import FaultPlan
from durable_harness.running.run_result import entity_states, snapshot
from durable_harness.running.stepper import Chooser, Driver, Story
from durable_harness.worker.sdk_events import sdk_at_work
from durable_harness.worker.user_code import Watch

__all__ = ["PREFIXES", "Ending", "Scenario", "See", "UnrepeatableAnswerError"]


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
    entities: tuple[tuple[str, str], ...] = ()
    """The entities that exist once everything that was on its way has arrived, with their states as JSON text."""
    seen: Hashable = None
    """What the test's own look at the run gave, where it has one."""

    @property
    def text(self) -> str:
        """The ending in one line."""
        return f"{self.runtime_status}: {_shortened(self.output)}"

    def differences(self, other: Ending) -> tuple[list[str], list[str]]:
        """What two endings that may look equal differ in, in lines for this one and for the other."""
        own, others = self._facts, other._facts
        names = [name for name in dict.fromkeys([*own, *others]) if own.get(name) != others.get(name)]
        return [f"{name}: {own.get(name, 'none')}" for name in names], [
            f"{name}: {others.get(name, 'none')}" for name in names
        ]

    @property
    def _facts(self) -> dict[str, str]:
        facts = {} if self.custom_status is None else {"custom status": _shortened(self.custom_status)}
        facts |= {f"entity {instance_id}": _shortened(state) for instance_id, state in self.entities}
        return facts


See = Callable[[TaskHub, HubInstance, Sequence[str] | None], Hashable]
"""A look at a run that has ended: the hub, the instance, and what it waits for if it is stuck."""


@dataclass(slots=True)
class Scenario:
    """What is the same in every schedule."""

    app: AppFunctions
    orchestrator: OrchestratorFunction
    input_text: str | None
    answers: Answers
    announce: Callable[[TaskHub, HubInstance], None]
    start_at: VirtualClock
    watch: Watch
    inspector: Inspector
    faults: int = 0
    set_up: Callable[[TaskHub], None] = lambda hub: None
    """Makes the world of a schedule: answers with their state, and entities."""
    see: See | None = None
    sees_across: bool = False
    """Whether that look may tell the order and the time of independent instances."""
    _given: dict[tuple[str, str, int, int], str] = field(default_factory=dict)

    def run(
        self,
        chooser: Chooser,
        story: Story | None = None,
        *,
        learn: Callable[[TaskHub], object] = lambda hub: None,
        watch: Watch | None = None,
    ) -> Ending:
        """Run one schedule to its end.

        ``story`` takes what happens, in words; ``learn`` is told of the hub however the schedule ends; ``watch`` is
        around user code in place of the usual one.
        """
        with sdk_at_work():
            return self._run(chooser, story, learn, watch or self.watch)

    def _run(self, chooser: Chooser, story: Story | None, learn: Callable[[TaskHub], object], watch: Watch) -> Ending:
        clock = VirtualClock(self.start_at.moment)
        hub = TaskHub(
            self.app,
            self.answers.afresh(),
            watch=watch,
            inspector=self.inspector,
            is_live=True,
            clock=clock,
        )
        self.set_up(hub)
        hub.faults_left, hub.may_fail = self.faults, self.faults > 0
        instance = hub.start(self.orchestrator.name, self.input_text)
        self.announce(hub, instance)
        driver = Driver(hub, chooser, FaultPlan() if self.faults else None, story)
        stuck: StuckError | None = None
        try:
            driver.run_until_ended(instance)
            driver.run_to_rest()
        except StuckError as error:
            stuck = error
        finally:
            learn(hub)
            self._compare_answers(hub)
        if story is not None:
            story.effects = tuple(call_lines(hub))
            story.run = snapshot(hub, instance)
        if stuck is None:
            for other in hub.instances.values():
                if other is instance or other.is_completed:
                    self.inspector.at_end(other, prefixes=0 if story is None else PREFIXES)
        waits_for = None if stuck is None else stuck.waits_for
        return Ending(
            "Stuck" if stuck else instance.runtime_status,
            json.dumps(waits_for) if stuck else _text(instance.output),
            None if stuck else instance.custom_status_text,
            entity_states(hub),
            None if self.see is None else self.see(hub, instance, waits_for),
        )

    def _compare_answers(self, hub: TaskHub) -> None:
        """Hold what each call gave against what the same call gave in other schedules, run by run."""
        numbers: dict[tuple[str, str, int], int] = {}
        for call in hub.calls:
            if call.answered is not None and call.answered.shares is not None:
                continue
            key = call.instance_id, f"{call.name}({call.input!r})", call.event_id
            for result in call.results:
                number = numbers[key] = numbers.get(key, 0) + 1
                before = self._given.setdefault((*key, number), result)
                if before != result:
                    raise UnrepeatableAnswerError(
                        f"{key[1]:.200} gave {before:.200} in one schedule and {result:.200} in another: its answer "
                        "remembers earlier calls. Use a pure function, or in_turn(...) for one answer after the other, "
                        "or make what it remembers anew for every schedule: world=..."
                    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _shortened(text: str) -> str:
    return text if len(text) <= 300 else text[:297] + "..."
