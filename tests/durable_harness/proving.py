"""Questions about all orders, asked to one harness: explore them, or prove something of every schedule.

Turns what a test says (worlds, effects, events, faults, budget) into one scenario, and the answer into a proof or an
error with its schedule and token.
Invariant: a schedule begins with a hub of its own, in which the entities are as the harness has left them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from durable_harness.app.answers import Answers
from durable_harness.app.functions import AppFunctions
from durable_harness.core.errors import BadTokenError, NotPossibleError
from durable_harness.core.sdk_version import SDK_VERSION
from durable_harness.core.virtual_clock import VirtualClock
from durable_harness.exploring.exploration import Exploration
from durable_harness.exploring.explorer import Explorer
from durable_harness.exploring.order_check import check_order
from durable_harness.exploring.schedule import Ending, Scenario
from durable_harness.exploring.seen_run import seen_run
from durable_harness.exploring.token import ScheduleToken
from durable_harness.hub.inspector import Inspector
from durable_harness.hub.instance import HubInstance
from durable_harness.hub.task_hub import TaskHub
from durable_harness.options import Options
from durable_harness.running.raised_events import Raised, announce
from durable_harness.running.run_result import Run
from durable_harness.worker.indexing import name_of
from durable_harness.worker.user_code import Watch
from durable_harness.world import World

__all__ = ["Holds", "MakeWorld", "Prover", "Question", "See"]

MakeWorld = Callable[[World], object]
"""Sets up the world of one schedule; what it returns is ``Run.world``."""
See = Callable[[Run], object]
"""Looks at the run of a schedule; what it gives tells outcomes apart."""
Holds = Callable[[Run], object]
"""Says whether a run is as it should be: returns False or fails an ``assert`` where it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is run, and how far."""

    orchestrator: object
    input_text: str | None
    events: Sequence[Raised] = ()
    faults: int = 0
    budget: int | None = None
    world: MakeWorld | None = None
    order_across_instances: bool = False


@dataclass(frozen=True, slots=True)
class _Tokens:
    """The tokens of the schedules of one scenario."""

    scenario: Scenario
    fingerprint: str

    def of(self, numbers: Sequence[int]) -> str:
        """The token of a choice sequence."""
        return ScheduleToken(self.scenario.orchestrator.name, tuple(numbers), self.fingerprint).text

    def are_about(self, token: ScheduleToken) -> bool:
        """Whether a token is of this orchestrator."""
        return token.orchestrator == self.scenario.orchestrator.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Prover:
    """What a harness brings to every question."""

    app: AppFunctions
    hub: TaskHub
    answers: Answers
    inspector: Inspector
    watch: Watch
    start_at: VirtualClock
    options: Options
    matched_tokens: set[str]
    """Takes the tokens of ``--durable-replay`` that are replayed here."""

    def explore(self, question: Question, *, prune: bool, see: See | None) -> Exploration:
        """Run every order, or those of the tokens to be replayed; see ``Harness.explore``."""
        scenario = self._scenario(question, None if see is None else lambda run: _hashable(see(run)))
        tokens = _Tokens(scenario, self._fingerprint(scenario, question))
        explorer = Explorer(scenario, tokens.of, budget=self._budget(question), prunes=prune, seed=self.options.seed)
        replayed = self._replayed(tokens)
        for numbers in replayed:
            explorer.run_given(numbers)
        return explorer.result() if replayed else explorer.explore()

    def check(self, question: Question, *, holds: Holds | None, sampling_is_enough: bool) -> Exploration:
        """Prove that every order ends alike, or that something holds of every run; see ``Harness.assert_always``."""
        scenario = self._scenario(question, None if holds is None else lambda run: _complaint(holds, run))
        tokens = _Tokens(scenario, self._fingerprint(scenario, question))
        replayed = self._replayed(tokens)
        return check_order(
            scenario,
            tokens.of,
            budget=self._budget(question),
            seed_number=self.options.seed,
            given=replayed or [one.numbers for one in self.options.regressions if tokens.are_about(one)],
            only_given=bool(replayed),
            complaint=None if holds is None else _seen_complaint,
            sampling_is_enough=sampling_is_enough,
        )

    def _replayed(self, tokens: _Tokens) -> list[Sequence[int]]:
        """The schedules of this question that the command line wants to see again.

        Raises:
            BadTokenError: One is of another question about the same orchestrator.
        """
        replayed = [token for token in self.options.replay if tokens.are_about(token)]
        self.matched_tokens.update(token.text for token in replayed)
        for token in replayed:
            if token.fingerprint != tokens.fingerprint:
                raise BadTokenError(
                    f"The token is of another run of {token.orchestrator!r}: its input, answers, events, faults or the "
                    "SDK were not these. Run the test that printed it, unchanged, or leave out --durable-replay."
                )
        return [token.numbers for token in replayed]

    def _budget(self, question: Question) -> int:
        return self.options.budget if question.budget is None else question.budget

    def _scenario(self, question: Question, look: Callable[[Run], Hashable] | None) -> Scenario:
        running = [one for one in self.hub.instances.values() if not one.is_entity and not one.is_completed]
        if running:
            raise NotPossibleError(
                f"{', '.join(repr(one.instance_id) for one in running[:5])} has been started in this harness and has "
                "not ended. Every schedule begins with a hub of its own, in which it would not be: end it first, or "
                "explore with another harness."
            )
        entities = [one for one in self.hub.instances.values() if one.is_entity]
        worlds: list[object] = [None]

        def set_up(hub: TaskHub) -> None:
            # Entities remember senders by id and time: whoever comes after them has to be another one.
            hub.starts = self.hub.starts if entities else 0
            for entity in entities:
                hub.take_over(entity)
            if question.world is not None:
                worlds[:] = [question.world(World(hub))]

        def announce_all(hub: TaskHub, instance: HubInstance) -> None:
            for event in question.events:
                announce(hub, instance, event)

        def see(hub: TaskHub, instance: HubInstance, waits_for: Sequence[str] | None) -> Hashable:
            across = question.order_across_instances
            return look(seen_run(hub, instance, waits_for, across=across, world=worlds[0])) if look else None

        return Scenario(
            app=self.app,
            orchestrator=self.app.orchestrator(name_of(question.orchestrator)),
            input_text=question.input_text,
            answers=self.answers,
            announce=announce_all,
            start_at=self.hub.clock if entities else self.start_at,
            watch=self.watch,
            inspector=self.inspector,
            faults=question.faults,
            set_up=set_up,
            see=see if look is not None else None,
            sees_across=question.order_across_instances,
        )

    def _fingerprint(self, scenario: Scenario, question: Question) -> str:
        world = getattr(question.world, "__qualname__", None)
        facts: list[Any] = [question.input_text, self.answers.said, [repr(event) for event in question.events]]
        text = json.dumps([SDK_VERSION, *facts, scenario.faults, world])
        return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def _complaint(holds: Holds, run: Run) -> str | None:
    """What is wrong with a run; None where it is as it should be."""
    try:
        verdict = holds(run)
    except AssertionError as error:
        return str(error) or "its assert failed"
    return f"{getattr(holds, '__name__', 'it')!s} gave {verdict!r}" if verdict is not None and not verdict else None


def _seen_complaint(ending: Ending) -> str | None:
    return None if ending.seen is None else str(ending.seen)


def _hashable(value: object) -> Hashable:
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return value
