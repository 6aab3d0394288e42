"""The host half of an episode: replay a history against the SDK's answer, as the Durable extension does.

Takes the history event by event, finds non-determinism, and says how the execution stands at its end.
Invariant: equal history and answer give equal decisions; nothing here knows which part of the history is new.

The real host always starts anew. ``resume`` goes on with a kept replay instead, so that a long orchestration does not
cost N^2, and refuses where only a replay from the start agrees with the host: the SDK may change an earlier action in
a later answer (a cancelled timer).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from durable_engine.model.checkpoint import Notice
from durable_engine.model.dotnet_json import compact_json
from durable_engine.model.errors import NonDeterminismError
from durable_engine.model.events import (
    EventRaised,
    EventSent,
    ExecutionResumed,
    ExecutionStarted,
    ExecutionSuspended,
    ExecutionTerminated,
    HistoryEvent,
    OrchestratorStarted,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
    TimerCreated,
    TimerFired,
)
from durable_engine.model.failures import orchestrator_failure, sub_orchestration_details, unhandled_details
from durable_engine.model.functions import KnownFunctions
from durable_engine.model.ticks import Ticks
from durable_engine.orchestration.actions import AnswerWalk
from durable_engine.orchestration.execution import Decision, Execution
from durable_engine.orchestration.nondeterminism import Scheduled, check_scheduled
from durable_engine.orchestration.tasks import HostTask, run
from durable_engine.wire.sdk_call import Answer

__all__ = ["Ending", "Replay"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How the execution ended: status, result (JSON text; plain text unless completed), and details of a failure.

    ``new_input`` is set for continue-as-new: the next execution's input text.
    """

    status: str
    result: str | None = None
    details: str | None = None
    new_input: str | None = None


class Replay:
    """One replay of one execution's history."""

    def __init__(self, started: ExecutionStarted, answer: Answer, functions: KnownFunctions, now: Ticks) -> None:
        self.ending: Ending | None = None
        """How the execution ended, None while it runs."""
        self.error: NonDeterminismError | None = None
        """What was found to differ from the history, if anything was."""
        self.is_suspended = False
        self._started, self._answer = started, answer
        self._execution = Execution(started.instance, now)
        self._walk = AnswerWalk(self._execution, started, answer, functions)
        self._orchestrator: HostTask | None = None
        self._held_events: deque[HistoryEvent] = deque()
        self._held_decisions: dict[int, Decision] = {}

    @property
    def decisions(self) -> list[Decision]:
        """What was asked for and is not in the history, in ascending id."""
        return [decision for _, decision in sorted(self._execution.decisions.items())]

    @property
    def next_event_id(self) -> int:
        """The id of an ExecutionCompleted that would follow the decisions."""
        return self._execution.next_id

    @property
    def custom_status(self) -> str | None:
        """The custom status as JSON text."""
        return self._walk.custom_status

    @property
    def carried_over(self) -> list[EventRaised]:
        """Events that belong to the next execution."""
        return self._execution.carried_over

    @property
    def notices(self) -> list[Notice]:
        """What will surprise."""
        return self._execution.notices

    @property
    def origins(self) -> list[int]:
        """For each event id that was given out, the place of the action that it was given to."""
        return self._execution.origins

    @property
    def retries(self) -> frozenset[int]:
        """The ids of further attempts of a call with retry options, and of the pauses before them."""
        origins = self._execution.origins
        first = {origin: event_id for event_id, origin in reversed([*enumerate(origins)])}
        return frozenset(event_id for event_id, origin in enumerate(origins) if first[origin] != event_id)

    @property
    def has_asked_for_all(self) -> bool:
        """Whether every action of the answer has been asked for; the attempts of a retry may follow all the same."""
        return self._walk.has_asked_for_all

    @property
    def open_count(self) -> int:
        """How many activities, sub-orchestrations and timers are out."""
        return self._execution.open_count

    @property
    def settled(self) -> Mapping[int, bool]:
        """For each task that is no longer open, whether it failed."""
        return self._execution.outcomes

    @property
    def event_waits(self) -> tuple[tuple[str, int, int], ...]:
        """For each name of an event, in upper case: how many waits, and how many events that nobody has waited for."""
        return self._execution.event_waits

    @property
    def state(self) -> tuple[object, ...]:
        """What decides how the host goes on, given the same answers: equal states have equal futures."""
        execution = self._execution
        return (
            tuple(execution.origins),
            tuple(sorted(execution.outcomes.items())),
            execution.event_waits,
            self.is_suspended,
            len(self._held_events),
            tuple(sorted(self._held_decisions)),
        )

    def resume(self, answer: Answer, now: Ticks) -> bool:
        """Go on with the answer to a history that has grown; False where only a replay from the start will do.

        After True, ``play`` takes the events that were added since; those of the last decisions come first.
        """
        if self.ending is not None or not self._walk.extend(answer):
            return False
        self._answer, self._execution.now = answer, now
        self._execution.notices.clear()
        return True

    def play(self, history: Sequence[HistoryEvent]) -> int:
        """Replay the whole history; returns how many events were handled before it was found to differ, if it was."""
        handled = 0
        try:
            for event in history:
                self._receive(event)
                handled += 1
        except NonDeterminismError as error:
            self.error = error
            self._end(Ending(status="Failed", result=str(error), details=unhandled_details(str(error))))
            return handled
        if self._orchestrator is None:
            return handled
        if not self._orchestrator.done and (drift := self._walk.drift()) is not None:
            self._execution.notices.append(drift)
        is_over = self._orchestrator.done or self._walk.failure is not None
        if is_over and not self._execution.has_open_tasks:
            self._finish()
        return handled

    def refuse(self, reason: str) -> None:
        """End the execution as failed before anything of it is replayed: it is of a version that is not run here."""
        self._end(Ending(status="Failed", result=f"VersionMismatch: {reason}", details=reason))

    def _receive(self, event: HistoryEvent) -> None:
        if self.is_suspended and not isinstance(event, _NOT_HELD):
            # A suspension that is delivered twice, as every message may be, must not outlive the resumption.
            if not isinstance(event, ExecutionSuspended):
                self._held_events.append(event)
            return
        handle = _HANDLERS.get(type(event))
        if handle is not None:
            handle(self, event)

    def _on_episode(self, event: OrchestratorStarted) -> None:
        self._execution.clock = event.timestamp
        # What was noticed in an earlier episode was told then.
        self._execution.notices.clear()

    def _on_execution_started(self, _: ExecutionStarted) -> None:
        if self._orchestrator is None:
            self._orchestrator = run(self._walk.walk())

    def _on_scheduled(self, event: Scheduled) -> None:
        decision = self._execution.decisions.get(event.event_id)
        check_scheduled(event, decision.event if decision else None)
        del self._execution.decisions[event.event_id]

    def _on_completed(self, event: TaskCompleted) -> None:
        self._execution.settle(event.task_scheduled_id, failed=False)

    def _on_failed(self, event: TaskFailed) -> None:
        self._execution.settle(event.task_scheduled_id, failed=True)

    def _on_fired(self, event: TimerFired) -> None:
        self._execution.settle(event.timer_id, failed=False)

    def _on_raised(self, event: EventRaised) -> None:
        self._execution.raise_event(event)

    def _on_terminated(self, event: ExecutionTerminated) -> None:
        self._end(Ending(status="Terminated", result=event.input))

    def _on_suspended(self, _: ExecutionSuspended) -> None:
        self.is_suspended = True
        self._held_decisions |= self._execution.decisions
        self._execution.decisions.clear()

    def _on_resumed(self, _: ExecutionResumed) -> None:
        self.is_suspended = False
        self._execution.decisions |= self._held_decisions
        self._held_decisions.clear()
        while self._held_events and not self.is_suspended:
            self._receive(self._held_events.popleft())

    def _finish(self) -> None:
        failure, new_input = self._walk.failure, self._execution.new_input
        if failure is not None:
            text = orchestrator_failure(self._started.name, failure)
            self._end(Ending(status="Failed", result=text, details=sub_orchestration_details(failure)))
        elif new_input is not None:
            self._end(Ending(status="ContinuedAsNew", new_input=new_input))
        else:
            output = self._answer.output
            self._end(Ending(status="Completed", result=None if output is None else compact_json(output)))

    def _end(self, ending: Ending) -> None:
        if self.ending is None:
            self.ending = ending


# While an instance is suspended, these are handled at once: time goes on, and both ways out stay open.
_NOT_HELD: Final = (OrchestratorStarted, ExecutionResumed, ExecutionTerminated)
_HANDLERS: Final[Mapping[type[HistoryEvent], Callable[[Replay, Any], None]]] = {
    OrchestratorStarted: Replay._on_episode,
    ExecutionStarted: Replay._on_execution_started,
    TaskScheduled: Replay._on_scheduled,
    TimerCreated: Replay._on_scheduled,
    SubOrchestrationInstanceCreated: Replay._on_scheduled,
    EventSent: Replay._on_scheduled,
    TaskCompleted: Replay._on_completed,
    TaskFailed: Replay._on_failed,
    SubOrchestrationInstanceCompleted: Replay._on_completed,
    SubOrchestrationInstanceFailed: Replay._on_failed,
    TimerFired: Replay._on_fired,
    EventRaised: Replay._on_raised,
    ExecutionTerminated: Replay._on_terminated,
    ExecutionSuspended: Replay._on_suspended,
    ExecutionResumed: Replay._on_resumed,
}
