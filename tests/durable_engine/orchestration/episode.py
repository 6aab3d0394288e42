"""Run one episode of one orchestration: history and new messages in, checkpoint out.

Joins the two machines, the SDK (``sdk_call``) and the host half (``replay``), and writes down what they decided.
Invariant: equal arguments give an equal checkpoint, byte for byte; time and ids come in.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from durable_engine.model.checkpoint import Checkpoint, InstanceUpdate, Message, Notice
from durable_engine.model.events import (
    EventRaised,
    EventSent,
    ExecutionCompleted,
    ExecutionResumed,
    ExecutionStarted,
    ExecutionSuspended,
    ExecutionTerminated,
    HistoryEvent,
    OrchestrationInstance,
    OrchestratorCompleted,
    OrchestratorStarted,
    ParentInstance,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TaskScheduled,
    TimerCreated,
    TimerFired,
    as_played,
    at_time,
)
from durable_engine.model.functions import KnownFunctions
from durable_engine.model.ticks import TICKS_PER_MICROSECOND, Ticks
from durable_engine.model.versions import ANY_VERSION, VersionRule
from durable_engine.orchestration.execution import Decision
from durable_engine.orchestration.replay import Ending, Replay
from durable_engine.wire.sdk_call import (
    Answer,
    OrchestratorCode,
    call_orchestrator,
    execution_started,
    orchestrator_payload,
)

__all__ = ["App", "FromStart", "Replayer", "run_episode"]


def _no_entity(name: str) -> OrchestratorCode:
    raise LookupError(f"This app has no entity {name!r}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """What an episode needs of an app: its functions' names, and the code of an orchestrator or entity by its name.

    Of a version that ``versions`` does not let run, an episode ends as failed; whether such an instance should wait
    instead is to be asked before.
    """

    functions: KnownFunctions
    orchestrator: Callable[[str], OrchestratorCode]
    entity: Callable[[str], OrchestratorCode] = field(default=_no_entity)
    versions: VersionRule = ANY_VERSION


class Replayer(Protocol):
    """Asks the SDK and replays its answer on the host half; what it keeps between episodes is its own business."""

    def replay(
        self, started: ExecutionStarted, past: Sequence[HistoryEvent], new: Sequence[HistoryEvent], now: Ticks
    ) -> tuple[Replay, int]:
        """The replay at the end of the history, and how many of the new events were handled."""


@dataclass(frozen=True, slots=True)
class FromStart:
    """The real host's way: the SDK gets the whole history every time."""

    app: App

    def replay(
        self, started: ExecutionStarted, past: Sequence[HistoryEvent], new: Sequence[HistoryEvent], now: Ticks
    ) -> tuple[Replay, int]:
        """Ask the SDK for its answer to the whole history, and replay it."""
        history = [*past, *new]
        name, functions = started.name, self.app.functions
        if functions.has_orchestrator(name):
            answer = call_orchestrator(self.app.orchestrator(name), orchestrator_payload(history, started))
        else:
            answer = Answer(error=functions.missing_orchestrator(name))
        replay = Replay(started, answer, functions, now)
        return replay, replay.play(history) - len(past)


@dataclass(slots=True)
class _Execution:
    """One execution within the episode; continue-as-new begins another."""

    started: ExecutionStarted
    past: Sequence[HistoryEvent]
    new: list[HistoryEvent]


def run_episode(
    past: Sequence[HistoryEvent],
    batch: Sequence[HistoryEvent],
    app: App,
    *,
    now: Ticks,
    new_id: Callable[[], str],
    continued_id: Callable[[str | None], str] | None = None,
    replayer: Replayer | None = None,
    episode: int | None = None,
) -> Checkpoint:
    """Run the orchestrator on its history and the batch of events that has arrived for it.

    ``now`` is the episode's time, or that of the one before where that is later, for the time of an orchestration never
    goes back; what it decides is dated a microsecond later each, so that no two of its events share a time.
    ``past`` is empty for an execution that begins; then the batch holds its ExecutionStarted. ``new_id`` gives
    execution ids (32 hex digits) for sub-orchestrations and continue-as-new. For the latter ``continued_id`` does where
    it is given; it gets the id of the execution that is continued. ``replayer`` replays from the start unless one is
    given that has kept something. ``episode`` is this episode's number, which is counted where it is not given.
    """
    replayer = replayer or FromStart(app)
    now = max(now, next((one.timestamp for one in reversed(past) if isinstance(one, OrchestratorStarted)), now))
    execution = _begin(past, batch, now)
    clock = itertools.count(now + TICKS_PER_MICROSECOND, TICKS_PER_MICROSECOND)
    sender = execution.started.instance
    messages: list[Message] = []
    notices: list[Notice] = []
    carried_status: str | None = None
    left_behind: list[tuple[HistoryEvent, ...]] = []
    moment = now
    while True:
        replay = _replay(execution, replayer, app, moment)
        decisions = [replace(one, event=at_time(one.event, next(clock))) for one in replay.decisions]
        messages += [_message(decision, execution.started, new_id) for decision in decisions]
        notices += replay.notices
        status = replay.custom_status if replay.custom_status is not None else carried_status
        ending = replay.ending
        if ending is None or ending.new_input is None:
            break
        left_behind.append(_to_its_end(execution, decisions, ending, replay.next_event_id, moment))
        # A time of its own: ids of entity requests are made of it, and each execution counts its requests anew.
        moment = next(clock)
        before = execution.started.instance.execution_id
        next_id = new_id() if continued_id is None else continued_id(before)
        execution = _continue_as_new(execution.started, ending.new_input, replay.carried_over, moment, next_id)
        carried_status = status

    new = execution.new
    new += [decision.event for decision in decisions]
    if ending is not None:
        new.append(
            ExecutionCompleted(
                timestamp=next(clock),
                event_id=replay.next_event_id,
                orchestration_status=ending.status,
                result=ending.result,
            )
        )
        if execution.started.parent is not None:
            messages.append(_report_to_parent(execution.started.parent, ending, next(clock)))
    if not isinstance(new[-1], OrchestratorCompleted):
        new.append(OrchestratorCompleted(timestamp=next(clock)))
    return Checkpoint(
        instance=execution.started.instance,
        sender=sender,
        episode=episode or sum(isinstance(event, OrchestratorStarted) for event in past) + 1,
        events=tuple(new),
        replaces_history=bool(left_behind),
        messages=tuple(messages),
        update=_update(execution, status),
        notices=tuple(notices),
        left_behind=tuple(left_behind),
        retries=replay.retries,
    )


def _to_its_end(
    execution: _Execution, decisions: Sequence[Decision], ending: Ending, event_id: int, now: Ticks
) -> tuple[HistoryEvent, ...]:
    """The whole history of an execution that continues as new, as it would stand if anybody kept it."""
    end = ExecutionCompleted(
        timestamp=now, event_id=event_id, orchestration_status=ending.status, result=ending.new_input
    )
    decided = (decision.event for decision in decisions)
    return (*execution.past, *execution.new, *decided, end, OrchestratorCompleted(timestamp=now))


def _begin(past: Sequence[HistoryEvent], batch: Sequence[HistoryEvent], now: Ticks) -> _Execution:
    # The start comes first whatever came before it, and a second start of a running execution is passed over.
    has_started = any(isinstance(event, ExecutionStarted) for event in past)
    starts = [] if has_started else [event for event in batch if isinstance(event, ExecutionStarted)][:1]
    others = [event for event in batch if not isinstance(event, ExecutionStarted)]
    new = [OrchestratorStarted(timestamp=now), *starts, *others]
    return _Execution(execution_started(past if has_started else new), past, new)


def _replay(execution: _Execution, replayer: Replayer, app: App, now: Ticks) -> Replay:
    """Replay the execution, and mark the new events that were handled as played."""
    if problem := app.versions.problem(execution.started.version):
        refused = Replay(execution.started, Answer(), app.functions, now)
        refused.refuse(problem)
        return refused
    replay, played = replayer.replay(execution.started, execution.past, execution.new, now)
    execution.new = [
        as_played(event) if index < played and not isinstance(event, OrchestratorStarted) else event
        for index, event in enumerate(execution.new)
    ]
    return replay


def _continue_as_new(
    old: ExecutionStarted,
    new_input: str,
    carried_over: Sequence[EventRaised],
    now: Ticks,
    next_id: str,
) -> _Execution:
    started = replace(
        old,
        timestamp=now,
        is_played=False,
        instance=OrchestrationInstance(instance_id=old.instance.instance_id, execution_id=next_id),
        input=new_input,
        scheduled_start_at=None,
        generation=None,
    )
    carried = [replace(event, is_played=False) for event in carried_over]
    return _Execution(
        started, (), [OrchestratorStarted(timestamp=now), started, *carried, OrchestratorCompleted(timestamp=now)]
    )


def _message(decision: Decision, started: ExecutionStarted, new_id: Callable[[], str]) -> Message:
    """The message that carries a decision out."""
    at = decision.event.timestamp
    match decision.event:
        case TaskScheduled() as event:
            return Message(event=replace(event, input=decision.input), target=started.instance)
        case TimerCreated() as event:
            fired = TimerFired(timestamp=at, timer_id=event.event_id, fire_at=event.fire_at)
            return Message(event=fired, target=started.instance, deliver_at=event.fire_at)
        case EventSent() as event:
            raised = EventRaised(timestamp=at, name=event.name, input=event.input)
            return Message(event=raised, target=OrchestrationInstance(instance_id=event.instance_id, execution_id=None))
        case SubOrchestrationInstanceCreated() as event:
            child = OrchestrationInstance(instance_id=event.instance_id, execution_id=new_id())
            parent = ParentInstance(name=started.name, instance=started.instance, task_schedule_id=event.event_id)
            start = ExecutionStarted(
                timestamp=at,
                instance=child,
                parent=parent,
                name=event.name,
                version=event.version,
                input=decision.input,
                tags=started.tags,
            )
            return Message(event=start, target=child)


def _report_to_parent(parent: ParentInstance, ending: Ending, now: Ticks) -> Message:
    event: HistoryEvent
    if ending.status == "Completed":
        event = SubOrchestrationInstanceCompleted(
            timestamp=now, task_scheduled_id=parent.task_schedule_id, result=ending.result
        )
    else:
        event = SubOrchestrationInstanceFailed(
            timestamp=now, task_scheduled_id=parent.task_schedule_id, reason=ending.result, details=ending.details
        )
    return Message(event=event, target=parent.instance)


def _update(execution: _Execution, custom_status: str | None) -> InstanceUpdate:
    """The instance's row after the episode: the last event that changes the status decides."""
    update = InstanceUpdate(
        execution_id=execution.started.instance.execution_id,
        last_updated_at=execution.new[-1].timestamp,
        custom_status=custom_status,
    )
    for event in execution.new:
        match event:
            case ExecutionStarted():
                update = replace(update, started=event, runtime_status="Running")
            case ExecutionResumed():
                update = replace(update, runtime_status="Running", output=event.reason)
            case ExecutionSuspended():
                update = replace(update, runtime_status="Suspended", output=event.reason)
            case ExecutionTerminated():
                update = replace(update, runtime_status="Terminated", output=event.input, is_completed=True)
            case ExecutionCompleted():
                status = event.orchestration_status
                update = replace(update, runtime_status=status, output=event.result, is_completed=True)
            case _:
                continue
    return update
