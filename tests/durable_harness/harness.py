"""The harness: runs the durable functions of an app in memory, in virtual time, in an order that the test decides.

The front door. Answers are given by name; an orchestration is run to its end, or started and stepped.
Invariant: nothing here sleeps, opens a port or leaves a thread, and equal tests give equal histories.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from durable_engine import HistoryReport, HistorySource, VersionRule
from durable_harness.app.answering import Answering
from durable_harness.app.answers import Answers
from durable_harness.app.calling import awaited
from durable_harness.checks.guarded_code import GuardedCode
from durable_harness.checks.inspection import Inspection
from durable_harness.core import arguments
from durable_harness.core.errors import HarnessError, UnknownNameError
from durable_harness.core.findings import Findings
from durable_harness.core.virtual_clock import FIRST_MOMENT, VirtualClock
from durable_harness.entity_handle import EntityHandle
from durable_harness.exploring.exploration import Exploration
from durable_harness.exploring.schedule import PREFIXES
from durable_harness.history_replay import replay_history
from durable_harness.hub.inspector import Inspector, NoInspection
from durable_harness.hub.instance import HubInstance
from durable_harness.hub.task_hub import TaskHub
from durable_harness.instance import Instance
from durable_harness.options import Options
from durable_harness.proving import Holds, MakeWorld, Prover, Question, See
from durable_harness.running.raised_events import Raised, announce, check_events, waited_for, warn_of_unheard
from durable_harness.running.run_result import Run, snapshot
from durable_harness.running.stepper import Driver
from durable_harness.starter_calls import StarterCalls
from durable_harness.worker.indexing import functions_of, name_of
from durable_harness.worker.log_capture import LogCapture
from durable_harness.worker.sdk_client import InMemoryClient, client_input
from durable_harness.worker.user_code import Watch

__all__ = ["Harness"]


class Harness(Answering):
    """The durable functions of one app, ready to be run.

    It lives as long as one test: its instances, its virtual time and its answers belong to that test.
    """

    def __init__(
        self,
        app: object,
        *,
        strict: bool = True,
        faithful: bool = False,
        start_at: datetime = FIRST_MOMENT,
        versions: VersionRule | None = None,
        options: Options | None = None,
    ) -> None:
        """Take an app.

        Args:
            app: A ``DFApp``, one orchestrator function, or several; of the v1 model, what ``Orchestrator.create``
                returns. Around bare orchestrators, every activity and entity that they call is taken to exist.
            strict: Raise what is found wrong with an orchestrator; otherwise it is only in ``Run.findings``.
            faithful: Replay each episode from the start, as Azure does, and look for nothing.
            start_at: When virtual time begins, with a time zone.
            versions: What host.json says about versions.
            options: Those of the command line, which the plugin passes on.

        Raises:
            WrongArgumentError: This is no app.
        """
        super().__init__(functions_of(app).with_versions(versions or VersionRule()), Answers())
        self._is_cut_short = False
        self.matched_tokens: set[str] = set()
        """The tokens of ``--durable-replay`` that were replayed here."""
        self._is_faithful, self._start_at = faithful, start_at
        self._options = options or Options()
        self._findings = Findings(raises=strict)
        self._log = LogCapture()
        self._inspection: Inspector = NoInspection() if faithful else Inspection(self.app, self._findings, self._log)
        self._watch = Watch() if faithful else GuardedCode(self._findings, self._log)
        self._hub = TaskHub(
            self.app,
            self._answers,
            watch=self._watch,
            inspector=self._inspection,
            is_live=not faithful,
            clock=VirtualClock(start_at),
        )

    @property
    def now(self) -> datetime:
        """The present moment of virtual time."""
        return self._hub.clock.moment

    def run(
        self,
        orchestrator: object,
        input: object = None,
        *,
        instance_id: str | None = None,
        version: str | None = None,
        events: Sequence[Raised] = (),
    ) -> Run:
        """Run an orchestration to its end; time jumps to the next timer whenever nothing else can happen.

        Args:
            orchestrator: Its name, or its function.
            input: What a Python client gives to ``start_new``.
            instance_id: The instance's id; without it, the orchestrator's name with a number.
            version: The instance's version; without it, the default of ``versions``.
            events: What is raised meanwhile: ``raised(...)``, one for each.

        Returns:
            Everything about the run: output, calls, timers, history, findings.

        Raises:
            UnansweredError: It called what nobody has answered.
            StuckError: Nothing can happen any more, and it has not ended.
            OrchestratorError: Its code is wrong: not deterministic, or using the SDK in a way that does not work.
        """
        instance = self._begin(orchestrator, client_input(input), events, instance_id=instance_id, version=version)
        with self._telling():
            Driver(self._hub).run_until_ended(instance)
            run = self._settle(instance)
        if not self._is_faithful:
            warn_of_unheard(waited_for(self._hub), events)
        return run

    def start(
        self,
        orchestrator: object,
        input: object = None,
        *,
        instance_id: str | None = None,
        version: str | None = None,
        body: str | None = None,
    ) -> Instance:
        """Start an orchestration, run its first episode, and let the test say what happens next.

        ``body`` is the input as an HTTP client would send it to the management API, in place of ``input``.
        """
        text = client_input(input) if body is None else body
        instance = self._begin(orchestrator, text, instance_id=instance_id, version=version)
        self._hub.run_messages()
        return Instance(self._hub, instance, self._settle)

    def instance(self, instance_id: str) -> Instance:
        """An instance by its id, to be stepped: also one that another instance has started."""
        found = self._hub.instances.get(instance_id)
        if found is None:
            known = sorted(self._hub.instances)
            raise UnknownNameError(
                f"There is no instance {instance_id!r}. There is {', '.join(known) or 'none'}.",
                name=instance_id,
                known=known,
            )
        return Instance(self._hub, found, self._settle)

    @property
    def client(self) -> InMemoryClient:
        """The SDK's durable client, of this harness: what ``call`` gives to a function of the app."""
        calls = StarterCalls(self._hub, self.start, self.instance, self.entity)
        return InMemoryClient(calls.respond)

    def call(self, name: str, **arguments: object) -> Any:
        """Call a function of the app that has a durable client, such as an HTTP starter, without a host.

        What it starts runs its first episode; ``instance(id).run()`` goes on with it.

        Args:
            name: The function's name.
            arguments: What the other parameters get, such as ``req=func.HttpRequest(...)``.

        Returns:
            What the function returns.

        Raises:
            UnknownNameError: The app has no function of this name with a durable client.
        """
        starter = self.app.starter(name)
        return awaited(starter.function(**arguments, **{starter.parameter: self.client}))

    def replay_history(self, history: HistorySource | Path, *, strict: bool = True) -> HistoryReport:
        """Hold a recorded history against the app's code of today; see ``durable_harness.replay_history``."""
        return replay_history(self.app, history, strict=strict)

    def runs(self) -> list[Run]:
        """Every instance as it stands, entities aside, in the order in which they came to be."""
        return [snapshot(self._hub, one) for one in self._hub.instances.values() if not one.is_entity]

    def entity(self, name: str, key: str) -> EntityHandle:
        """One entity of the app, to be run alone, or to be given a state before an orchestration runs."""
        return EntityHandle(self._hub, name, key, self._findings)

    def explore(
        self,
        orchestrator: object,
        input: object = None,
        *,
        events: Sequence[Raised] = (),
        faults: int = 0,
        budget: int | None = None,
        prune: bool = True,
        world: MakeWorld | None = None,
        see: See | None = None,
        order_across_instances: bool = False,
    ) -> Exploration:
        """Run every order that can make a difference.

        Args:
            orchestrator: Its name, or its function.
            input: What a Python client gives to ``start_new``.
            events: What is raised meanwhile; one without ``after`` may come at any time.
            faults: How many things may go wrong in one run.
            budget: How often the orchestration may be begun, all schedules together; without it, what
                ``--durable-budget`` says.
            prune: Whether orders that are equal to one that was run are left out.
            world: Sets up answers with a state, and entities, anew for every schedule.
            see: Looks at the ``Run`` of every schedule; what it gives is ``Ending.seen`` and tells outcomes apart.
            order_across_instances: Whether ``see`` may tell the order and time of independent instances.
        """
        if see is not None:
            arguments.function(see, "see", "the Run")
        question = self._question(orchestrator, input, events, faults, budget, world, order_across_instances)
        with self._telling():
            found = self._prover().explore(question, prune=prune, see=see)
        return self._heard(found, events)

    def assert_order_independent(
        self,
        orchestrator: object,
        input: object = None,
        *,
        events: Sequence[Raised] = (),
        faults: int = 0,
        budget: int | None = None,
        world: MakeWorld | None = None,
        sampling_is_enough: bool = False,
    ) -> Exploration:
        """Prove that every order ends alike, or show two that differ.

        Its status, output and custom status count, and the states of entities once all that they were sent has come.
        ``sampling_is_enough`` lets it pass though the budget did not reach for every order.

        Raises:
            OrderDependentError: Two orders end differently.
            NotProvedError: The budget is used up.
        """
        question = self._question(orchestrator, input, events, faults, budget, world)
        with self._telling():
            found = self._prover().check(question, holds=None, sampling_is_enough=sampling_is_enough)
        return self._heard(found, events)

    def assert_always(
        self,
        orchestrator: object,
        holds: Holds,
        input: object = None,
        *,
        events: Sequence[Raised] = (),
        faults: int = 0,
        budget: int | None = None,
        world: MakeWorld | None = None,
        order_across_instances: bool = False,
        sampling_is_enough: bool = False,
    ) -> Exploration:
        """Prove that something holds in every order.

        ``holds`` gets the ``Run`` of every schedule and returns whether it is as it should be, or asserts it. What
        differs between orders that are explored as one cannot be read there, and says so.

        Raises:
            OrderDependentError: It does not hold in a schedule.
            NotProvedError: The budget is used up.
        """
        arguments.function(holds, "holds", "the Run")
        question = self._question(orchestrator, input, events, faults, budget, world, order_across_instances)
        with self._telling():
            found = self._prover().check(question, holds=holds, sampling_is_enough=sampling_is_enough)
        return self._heard(found, events)

    def _question(
        self,
        orchestrator: object,
        input: object,
        events: Sequence[Raised],
        faults: int,
        budget: int | None,
        world: MakeWorld | None,
        order_across_instances: bool = False,
    ) -> Question:
        name_of(orchestrator)
        check_events(events)
        arguments.count(faults, "faults", least=0)
        if world is not None:
            arguments.function(world, "world", "the World")
        if budget is not None:
            arguments.count(budget, "budget", least=1)
        return Question(
            orchestrator=orchestrator,
            input_text=client_input(input),
            events=events,
            faults=faults,
            budget=budget,
            world=world,
            order_across_instances=order_across_instances,
        )

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Give the warnings of a block at its end; an error of the block takes them along."""
        try:
            yield
        except HarnessError as error:
            self._is_cut_short = True
            for text in self._findings.untold():
                if text.partition(": ")[2] not in str(error):  # a stuck run has told its own causes
                    error.add_note(text)
            raise
        self._findings.warn()

    def _heard(self, found: Exploration, events: Sequence[Raised]) -> Exploration:
        """What was found, with a warning of events that no schedule waits for; one replayed alone does not tell."""
        if not self._options.replay:
            warn_of_unheard(found.waited, events)
        return found

    def _prover(self) -> Prover:
        return Prover(
            matched_tokens=self.matched_tokens,
            app=self.app,
            hub=self._hub,
            answers=self._answers,
            inspector=self._inspection,
            watch=Watch() if self._is_faithful else GuardedCode(self._findings, None),
            start_at=VirtualClock(self._start_at),
            options=self._options,
        )

    def _begin(
        self, orchestrator: object, text: str | None, events: Sequence[Raised] = (), **given: str | None
    ) -> HubInstance:
        check_events(events)
        for what, value in given.items():
            if value is not None:
                arguments.text(value, what)
        instance = self._hub.start(name_of(orchestrator), text, **given)
        for event in events:
            announce(self._hub, instance, event)
        return instance

    def unused(self) -> list[str]:
        """What was answered and never asked for, in words; an ``in_turn`` with entries left among it.

        It is empty where an error was raised: what comes after it was never reached.
        """
        is_cut_short = self._is_cut_short or any(not finding.is_warning for finding in self._findings.all.values())
        return [] if is_cut_short else self._answers.unused

    def _settle(self, instance: HubInstance) -> Run:
        for other in list(self._hub.instances.values()):
            if other is instance or other.is_completed:
                self._inspection.at_end(other, prefixes=PREFIXES)
        self._findings.warn()
        return snapshot(self._hub, instance, log=tuple(self._log.lines), findings=tuple(self._findings.all.values()))
