"""Check a recorded history against today's code: does it still decide what the history records?

Runs the code on the history as the host would, and holds what it decides against what was recorded.
Invariant: BREAKS is the host's own verdict, found by the host half itself, never by a second implementation of it.

Every prefix of a history that ends with an episode's messages is what the host once gave to the code. The thorough
check runs each of them. Running only the whole history answers the question of a deployment, whether this instance
will go on, in one run however long it is, and still compares inputs and due times.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from durable_engine.checking.decisions import field_differences, line_of, shortened
from durable_engine.checking.report import (
    Difference,
    DifferenceKind,
    HistoryMismatchError,
    HistoryReport,
    Severity,
)
from durable_engine.histories.episodes import SCHEDULED, RecordedEpisode, RecordedHistory, before_refusal, episodes_of
from durable_engine.histories.rows import HistorySource, read_history
from durable_engine.model.dotnet_json import parsed_json
from durable_engine.model.errors import NonDeterminismError
from durable_engine.model.events import (
    ExecutionCompleted,
    ExecutionResumed,
    ExecutionStarted,
    ExecutionSuspended,
    GenericEvent,
    HistoryEvent,
    SubOrchestrationInstanceCreated,
    TaskScheduled,
)
from durable_engine.orchestration.episode import App
from durable_engine.orchestration.execution import Decision
from durable_engine.orchestration.nondeterminism import Scheduled, check_scheduled, describe
from durable_engine.orchestration.replay import Ending, Replay
from durable_engine.wire.sdk_call import Answer, call_orchestrator, execution_started, orchestrator_payload

__all__ = [
    "Difference",
    "DifferenceKind",
    "HistoryMismatchError",
    "HistoryReport",
    "Severity",
    "check_history",
    "replay_history",
]


def replay_history(app: App, history: HistorySource, *, strict: bool = True) -> HistoryReport:
    """Replay a history on the app's code; raises HistoryMismatchError, a NonDeterminismError, where they differ.

    ``history`` is what the management API or the history table gave, or events; see ``history_rows``. Not ``strict``
    lets pass what the host would let pass: other inputs, other due times, new steps at the end.
    """
    report = check_history(app, read_history(history, app))
    report.raise_if_different(strict=strict)
    return report


def check_history(
    app: App, history: RecordedHistory | Sequence[HistoryEvent], *, every_episode: bool = True
) -> HistoryReport:
    """Hold a history against the app's code.

    ``every_episode`` runs the code on each episode's prefix, so that any instance at any point of this history is
    spoken for, and decisions are compared episode by episode. Without it the whole history is run, once.
    """
    recorded = history if isinstance(history, RecordedHistory) else RecordedHistory(events=tuple(history))
    check = _Check(app, recorded)
    if not app.functions.has_orchestrator(check.started.name):
        check.add(
            DifferenceKind.ORCHESTRATOR,
            Severity.BREAKS,
            recorded=f"orchestrator {check.started.name!r}",
            host_text=app.functions.missing_orchestrator(check.started.name),
        )
        return check.report()
    if every_episode and recorded.has_episodes:
        check.every_episode()
    if check.episodes and not check.breaks:
        check.whole()
    return check.report()


@dataclass(slots=True)
class _Check:
    """One check of one history."""

    app: App
    recorded: RecordedHistory
    started: ExecutionStarted = field(init=False)
    events: tuple[HistoryEvent, ...] = field(init=False)
    episodes: list[RecordedEpisode] = field(init=False)
    decisions: dict[int, Scheduled] = field(init=False)
    """What is recorded, by event id."""
    decided_in: dict[int, RecordedEpisode] = field(init=False)
    made: dict[int, Decision] = field(default_factory=dict)
    """What today's code decides on what it was last run on."""
    ending: Ending | None = None
    """How today's code ended there."""
    upto: int | None = None
    """The last recorded id that counts: what comes after a refusal says nothing any more."""
    found: dict[tuple[DifferenceKind, int | None], Difference] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.started = execution_started(self.recorded.events)
        self.events = before_refusal(self.recorded.events)
        self.episodes = list(episodes_of(self.events))
        self.decisions = {event.event_id: event for event in self.events if isinstance(event, SCHEDULED)}
        self.decided_in = {
            event.event_id: episode
            for episode in self.episodes
            for event in episode.decided
            if isinstance(event, SCHEDULED)
        }

    @property
    def breaks(self) -> bool:
        """Whether something was found that the host refuses."""
        return any(difference.severity is Severity.BREAKS for difference in self.found.values())

    def every_episode(self) -> None:
        """Run each episode as it was run, and compare what is decided in it."""
        # A rewind strikes events out of earlier episodes: what those decided stands in a later one.
        is_rewound = any(isinstance(event, GenericEvent) for event in self.events)
        for episode in self.episodes:
            answer = self._ask(episode.seen)
            replay = self._play(episode.seen, answer, episode)
            if replay is None:
                return
            pending = {decision.event.event_id: decision for decision in replay.decisions}
            for event in episode.decided:
                if isinstance(event, SCHEDULED) and not self._hold_against(
                    event, pending.pop(event.event_id, None), episode
                ):
                    self._keep(episode.seen, answer, episode, refused=True)
                    return
            if not episode.is_open and not is_rewound:
                for decision in pending.values():
                    self._add_early(decision, episode)
                self._compare_ending(replay, episode)

    def whole(self) -> None:
        """Run the whole history: the host's verdict on the instance as it stands."""
        last = self.episodes[-1]
        answer = self._ask(self.events)
        replay = self._play(self.events, answer, last)
        if replay is None:
            return
        self._keep(self.events, answer, last)
        for event_id, recorded in self.decisions.items():
            if event_id in self.made:
                self._compare_fields(recorded, self.made[event_id])
        has_ended = any(isinstance(event, ExecutionCompleted) for event in self.events)
        if not (last.is_open or has_ended or replay.is_suspended):
            for decision in replay.decisions:
                self._add_early(decision, last)

    def report(self) -> HistoryReport:
        """What was found, the host's refusals first, then in the order of the history."""
        ordered = sorted(
            self.found.values(), key=lambda one: (one.severity is not Severity.BREAKS, one.episode, one.event_id or 0)
        )
        return HistoryReport(
            instance_id=self.started.instance.instance_id,
            orchestrator=self.started.name,
            episodes=len(self.episodes),
            differences=tuple(ordered),
            recorded=tuple(self._recorded_lines()),
            replayed=tuple(self._replayed_lines()),
        )

    def add(
        self,
        kind: DifferenceKind,
        severity: Severity,
        episode: RecordedEpisode | None = None,
        *,
        event_id: int | None = None,
        recorded: str | None = None,
        replayed: str | None = None,
        host_text: str | None = None,
    ) -> None:
        """Keep a difference; a kind is reported once for each event."""
        self.found.setdefault(
            (kind, event_id),
            Difference(
                kind=kind,
                severity=severity,
                episode=episode.number if episode else 1,
                event_id=event_id,
                recorded=recorded,
                replayed=replayed,
                host_text=host_text,
            ),
        )

    def _ask(self, history: Sequence[HistoryEvent]) -> Answer:
        return call_orchestrator(
            self.app.orchestrator(self.started.name),
            orchestrator_payload(history, execution_started(history)),
        )

    def _replay(self, answer: Answer, history: Sequence[HistoryEvent]) -> Replay:
        return Replay(self.started, answer, self.app.functions, now=history[-1].timestamp)

    def _play(self, history: Sequence[HistoryEvent], answer: Answer, episode: RecordedEpisode) -> Replay | None:
        """The host's replay of the answer; None where it refuses, which has been noted then."""
        replay = self._replay(answer, history)
        replay.play(history)
        if replay.error is None:
            return replay
        recorded = self.decisions[replay.error.event_id]
        refused_in = self._episode_of(recorded, episode)
        self._refuse(recorded, refused_in, replay.error)
        self._keep(history, answer, refused_in, refused=True)
        return None

    def _keep(
        self, history: Sequence[HistoryEvent], answer: Answer, episode: RecordedEpisode, *, refused: bool = False
    ) -> None:
        """Keep all that today's code decides on this history, for the two lists of decisions."""
        if self._ask(history) != answer:
            self.add(DifferenceKind.UNSTABLE, Severity.DIFFERS, episode)
        # Without the recorded decisions, and never suspended, a replay keeps what it decides.
        passed_over = (*SCHEDULED, ExecutionSuspended, ExecutionResumed)
        everything = self._replay(answer, history)
        everything.play([event for event in history if not isinstance(event, passed_over)])
        self.made = {decision.event.event_id: decision for decision in everything.decisions}
        self.ending = everything.ending
        if refused:
            known = episode.history[: episode.end]
            self.upto = max((event.event_id for event in known if isinstance(event, SCHEDULED)), default=0)
            self._explain()

    def _episode_of(self, event: Scheduled, default: RecordedEpisode) -> RecordedEpisode:
        return self.decided_in.get(event.event_id, default)

    def _hold_against(self, recorded: Scheduled, decision: Decision | None, episode: RecordedEpisode) -> bool:
        """Compare one recorded decision with the one that today's code makes; False where the host refuses it."""
        try:
            check_scheduled(recorded, decision.event if decision else None)
        except NonDeterminismError as error:
            self._refuse(recorded, episode, error)
            return False
        if decision is not None:
            self._compare_fields(recorded, decision, episode)
        return True

    def _refuse(self, recorded: Scheduled, episode: RecordedEpisode, error: NonDeterminismError) -> None:
        self.add(
            self._kind_of_refusal(recorded, error),
            Severity.BREAKS,
            episode,
            event_id=recorded.event_id,
            recorded=error.recorded,
            replayed=error.replayed,
            host_text=str(error),
        )

    def _kind_of_refusal(self, recorded: Scheduled, error: NonDeterminismError) -> DifferenceKind:
        functions = self.app.functions
        is_known = {
            TaskScheduled: functions.has_activity,
            SubOrchestrationInstanceCreated: functions.has_orchestrator,
        }.get(type(recorded))
        name = getattr(recorded, "name", "")
        if is_known is not None and not is_known(name) and not name.startswith("BuiltIn::"):
            return DifferenceKind.FUNCTION
        if error.replayed is None:
            return DifferenceKind.MISSING
        return DifferenceKind.NAME if error.replayed.split()[0] == error.recorded.split()[0] else DifferenceKind.STEP

    def _explain(self) -> None:
        """A step that is missing because today's code fails before it is another thing than a step taken out."""
        failure = self.ending.result if self.ending is not None and self.ending.status == "Failed" else None
        for (kind, event_id), difference in list(self.found.items()):
            if failure is not None and kind is DifferenceKind.MISSING:
                del self.found[kind, event_id]
                self.found[DifferenceKind.RAISED, event_id] = Difference(
                    kind=DifferenceKind.RAISED,
                    severity=difference.severity,
                    episode=difference.episode,
                    event_id=event_id,
                    recorded=difference.recorded,
                    replayed=f"a failure: {shortened(failure)}",
                    host_text=difference.host_text,
                )

    def _compare_fields(self, recorded: Scheduled, decision: Decision, episode: RecordedEpisode | None = None) -> None:
        slack = self.recorded.due_time_slack.get(recorded.event_id, 0)
        for kind, old, new in field_differences(recorded, decision, slack=slack):
            self.add(
                kind,
                Severity.DIFFERS,
                episode or self._episode_of(recorded, self.episodes[-1]),
                event_id=recorded.event_id,
                recorded=old,
                replayed=new,
            )

    def _add_early(self, decision: Decision, episode: RecordedEpisode) -> None:
        """A decision that is not recorded where today's code makes it: it is new, or was made later."""
        event = decision.event
        recorded = self.decisions.get(event.event_id)
        if recorded is None:
            self.add(
                DifferenceKind.ADDED,
                Severity.DIFFERS,
                episode,
                event_id=event.event_id,
                replayed=line_of(event, decision.input),
            )
        elif describe(recorded) == describe(event):
            # Another kind or name is found by the host's own rule when the replay comes to what is recorded.
            where = self._episode_of(recorded, episode).number
            self.add(
                DifferenceKind.EPISODE,
                Severity.DIFFERS,
                episode,
                event_id=event.event_id,
                recorded=f"{line_of(recorded)} in episode {where}",
                replayed=f"{line_of(event)} in episode {episode.number}",
            )

    def _compare_ending(self, replay: Replay, episode: RecordedEpisode) -> None:
        recorded = next((event for event in episode.decided if isinstance(event, ExecutionCompleted)), None)
        ending = replay.ending
        if recorded is None and ending is None:
            return
        old = None if recorded is None else _ending_line(recorded.orchestration_status, recorded.result)
        new = None if ending is None else _ending_line(ending.status, ending.result)
        if recorded is None or ending is None or recorded.orchestration_status != ending.status:
            self.add(DifferenceKind.ENDING, Severity.DIFFERS, episode, recorded=old, replayed=new or "no end yet")
        elif not _same_result(recorded, ending):
            self.add(DifferenceKind.RESULT, Severity.DIFFERS, episode, recorded=old, replayed=new)

    def _recorded_lines(self) -> Iterator[str]:
        for event_id, event in sorted(self.decisions.items()):
            if self.upto is None or event_id <= self.upto:
                made = self.made.get(event_id)
                is_known = getattr(event, "input", None) is not None and made is not None and made.input is not None
                yield f"{event_id:>4} {line_of(event, getattr(event, 'input', None) if is_known else None)}"
        ended = next((event for event in self.events if isinstance(event, ExecutionCompleted)), None)
        if self.upto is None and ended is not None:
            yield f"     {_ending_line(ended.orchestration_status, ended.result)}"

    def _replayed_lines(self) -> Iterator[str]:
        for event_id, decision in sorted(self.made.items()):
            if self.upto is None or event_id <= self.upto:
                recorded = self.decisions.get(event_id)
                is_known = recorded is None or getattr(recorded, "input", None) is not None
                yield f"{event_id:>4} {line_of(decision.event, decision.input if is_known else None)}"
        if self.ending is not None:
            yield f"     {_ending_line(self.ending.status, self.ending.result)}"


def _ending_line(status: str, result: str | None) -> str:
    return f"{status}" if result is None else f"{status}: {shortened(result)}"


def _same_result(recorded: ExecutionCompleted, ending: Ending) -> bool:
    if ending.status == "Completed":
        return bool(parsed_json(recorded.result) == parsed_json(ending.result))
    # A failure's text goes on with stacks, which name files and lines.
    return (recorded.result or "").partition("\n")[0] == (ending.result or "").partition("\n")[0]
