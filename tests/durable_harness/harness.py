"""The harness: runs the durable functions of an app in memory, in virtual time, in an order that the test decides.

The front door. Answers are given by name; an orchestration is run to its end, or started and stepped.
Invariant: nothing here sleeps, opens a port or leaves a thread, and equal tests give equal histories.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from durable_engine import HistoryReport, HistorySource, compact_json
from durable_harness.app.answers import Answers
from durable_harness.checks.guarded_code import GuardedCode
from durable_harness.checks.inspection import Inspection
from durable_harness.core.errors import BadTokenError, UnknownNameError
from durable_harness.core.findings import Findings
from durable_harness.core.sdk_version import SDK_VERSION
from durable_harness.core.virtual_clock import FIRST_MOMENT, VirtualClock
from durable_harness.entity_handle import EntityHandle
from durable_harness.exploring.explorer import Exploration, Explorer
from durable_harness.exploring.order_check import check_order
from durable_harness.exploring.schedule import PREFIXES, Ending, Scenario
from durable_harness.exploring.token import ScheduleToken
from durable_harness.history_replay import replay_history
from durable_harness.hub.inspector import Inspector, NoInspection
from durable_harness.hub.instance import HubInstance
from durable_harness.hub.task_hub import TaskHub
from durable_harness.instance import Instance
from durable_harness.options import Options
from durable_harness.running.raised_events import Raised, announce
from durable_harness.running.run_result import Run, snapshot
from durable_harness.running.stepper import Driver
from durable_harness.worker.indexing import functions_of, name_of
from durable_harness.worker.log_capture import LogCapture
from durable_harness.worker.sdk_types import df_dumps
from durable_harness.worker.user_code import Watch

__all__ = ["Harness"]


class Harness:
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
        options: Options | None = None,
    ) -> None:
        """Take an app: a ``DFApp``, one orchestrator function, or several.

        ``strict`` raises what is found wrong with an orchestrator; otherwise it is only in ``Run.findings``.
        ``faithful`` replays each episode from the start, as Azure does, and looks for nothing. ``options`` are those of
        the command line, which the plugin passes on.
        """
        self.app = functions_of(app)
        self._answers = Answers()
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

    def answer(self, name: str, what: object, *, after: timedelta | float | None = None) -> None:
        """Answer every call of an activity or sub-orchestration from now on.

        ``what`` is the result, or a function of the input that returns it or raises, or an exception, or ``in_turn`` of
        such, or ``app_activity`` to run the app's own. ``after`` is the virtual time that a call takes; without it, a
        call takes no time, and ``explore`` lets it take any.
        """
        self.app.check_answerable(name)
        self._answers.add("function", name, what, after)

    def answer_http(self, method: str, url: str, what: object, *, after: timedelta | float | None = None) -> None:
        """Answer ``call_http`` with ``http_response(...)``, or a function of the request; ``*`` is any of both."""
        self._answers.add("http", f"{method} {url}", what, after)

    def answer_entity(self, name: str, operation: str, what: object) -> None:
        """Answer an operation of an entity instead of running the entity; a function gets the operation's input."""
        self.app.check_entity(name)
        self._answers.add("entity", f"{name.lower()}.{operation}", what, None)

    def use_app_activities(self) -> None:
        """Run the app's own activity wherever no answer was given."""
        self._answers.use_app = True

    def run(
        self,
        orchestrator: object,
        input: object = None,
        *,
        instance_id: str | None = None,
        events: Sequence[Raised] = (),
    ) -> Run:
        """Run an orchestration to its end; time jumps to the next timer whenever nothing else can happen."""
        instance = self._begin(orchestrator, _client_input(input), instance_id, events)
        Driver(self._hub).run_until_ended(instance)
        return self._settle(instance)

    def start(
        self,
        orchestrator: object,
        input: object = None,
        *,
        instance_id: str | None = None,
        body: str | None = None,
    ) -> Instance:
        """Start an orchestration, run its first episode, and let the test say what happens next.

        ``body`` is the input as an HTTP client would send it to the management API, in place of ``input``.
        """
        instance = self._begin(orchestrator, _client_input(input) if body is None else body, instance_id, ())
        self._hub.run_messages()
        return Instance(self._hub, instance, self._settle)

    def instance(self, instance_id: str) -> Instance:
        """An instance that was started by another one, to be stepped as well."""
        found = self._hub.instances.get(instance_id)
        if found is None:
            known = sorted(self._hub.instances)
            raise UnknownNameError(
                f"There is no instance {instance_id!r}. There is {', '.join(known) or 'none'}.",
                name=instance_id,
                known=known,
            )
        return Instance(self._hub, found, self._settle)

    def replay_history(self, history: HistorySource, *, strict: bool = True) -> HistoryReport:
        """Hold a recorded history against the app's code of today; see ``durable_harness.replay_history``."""
        return replay_history(self.app, history, strict=strict)

    def runs(self) -> list[Run]:
        """Every instance as it stands, entities aside, in the order in which they came to be."""
        return [snapshot(self._hub, one) for one in self._hub.instances.values() if not one.is_entity]

    def entity(self, name: str, key: str) -> EntityHandle:
        """One entity of the app, to be run alone."""
        self.app.check_entity(name)
        return EntityHandle(self._hub, name, key, self._findings.warn)

    def explore(
        self,
        orchestrator: object,
        input: object = None,
        *,
        events: Sequence[Raised] = (),
        faults: int = 0,
        budget: int | None = None,
        prune: bool = True,
    ) -> Exploration:
        """Run an orchestration in every order in which its outcome can differ, and say what that proves.

        ``faults`` is how many things may go wrong in one run. ``budget`` is how often the orchestration may be begun.
        """
        scenario = self._scenario(orchestrator, input, events, faults)
        return Explorer(scenario, budget=budget or self._options.budget, prunes=prune).explore()

    def assert_order_independent(
        self,
        orchestrator: object,
        input: object = None,
        *,
        events: Sequence[Raised] = (),
        faults: int = 0,
        budget: int | None = None,
    ) -> Exploration:
        """Prove that an orchestration ends in the same way in whatever order things happen, or show two that differ.

        Beyond the budget, schedules with one and two deviations are run, and then drawn ones.
        """
        return self._check(orchestrator, input, events, faults, budget, holds=None)

    def assert_always(
        self,
        orchestrator: object,
        holds: Callable[[Ending], bool],
        input: object = None,
        *,
        events: Sequence[Raised] = (),
        faults: int = 0,
        budget: int | None = None,
    ) -> Exploration:
        """Prove that something holds of the ending in whatever order things happen, or show the simplest exception."""
        return self._check(orchestrator, input, events, faults, budget, holds=holds)

    def _check(
        self,
        orchestrator: object,
        input: object,
        events: Sequence[Raised],
        faults: int,
        budget: int | None,
        *,
        holds: Callable[[Ending], bool] | None,
    ) -> Exploration:
        scenario = self._scenario(orchestrator, input, events, faults)
        fingerprint = self._fingerprint(scenario, input, events)
        name = scenario.orchestrator.name

        def token_of(numbers: Sequence[int]) -> str:
            return ScheduleToken(name, tuple(numbers), fingerprint).text

        replayed = [token for token in self._options.replay if token.orchestrator == name]
        for token in replayed:
            if token.fingerprint != fingerprint:
                raise BadTokenError(
                    f"The token is of another run of {name!r}: its input, answers, events, faults or the SDK were not "
                    "these. Run the test that printed it, unchanged, or leave out --durable-replay."
                )
        regressions = [token.numbers for token in self._options.regressions if token.orchestrator == name]
        return check_order(
            scenario,
            token_of,
            budget=budget or self._options.budget,
            examples=self._options.examples,
            seed_number=self._options.seed,
            given=[token.numbers for token in replayed] or regressions,
            only_given=bool(replayed),
            holds=holds,
        )

    def _fingerprint(self, scenario: Scenario, input: object, events: Sequence[Raised]) -> str:
        facts = [_client_input(input), self._answers.said, [repr(event) for event in events], scenario.faults]
        text = json.dumps([SDK_VERSION, *facts])
        return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()

    def _scenario(self, orchestrator: object, input: object, events: Sequence[Raised], faults: int) -> Scenario:
        def announce_all(hub: TaskHub, instance: HubInstance) -> None:
            for event in events:
                announce(hub, instance, event)

        return Scenario(
            app=self.app,
            orchestrator=self.app.orchestrator(name_of(orchestrator)),
            input_text=_client_input(input),
            answers=self._answers,
            announce=announce_all,
            start_at=VirtualClock(self._start_at),
            watch=Watch() if self._is_faithful else GuardedCode(self._findings, None),
            inspector=self._inspection,
            faults=faults,
        )

    def _begin(
        self, orchestrator: object, text: str | None, instance_id: str | None, events: Sequence[Raised]
    ) -> HubInstance:
        instance = self._hub.start(name_of(orchestrator), text, instance_id)
        for event in events:
            announce(self._hub, instance, event)
        return instance

    def _settle(self, instance: HubInstance) -> Run:
        for other in list(self._hub.instances.values()):
            if other is instance or other.is_completed:
                self._inspection.at_end(other, prefixes=PREFIXES)
        self._findings.warn()
        return snapshot(self._hub, instance, log=tuple(self._log.lines), findings=tuple(self._findings.all.values()))


def _client_input(value: object) -> str | None:
    """The stored input of an orchestration that a Python client starts: JSON within a JSON string."""
    return None if value is None else compact_json(df_dumps(value))
