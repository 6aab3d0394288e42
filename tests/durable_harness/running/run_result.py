"""What a run was: everything that a test may want to assert, as values.

A snapshot of one orchestration in the hub, with its calls, timers and children.
Invariant: a snapshot never changes, whatever happens to the instance later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from durable_engine import (
    ExecutionStarted,
    HistoryEvent,
    SubOrchestrationInstanceCreated,
    Timeline,
    TimerCreated,
    TimerFired,
    entity_instance_id,
    parsed_json,
    ticks_to_datetime,
)
from durable_harness.app.outcomes import input_of
from durable_harness.core.arguments import did_you_mean
from durable_harness.core.errors import NotPossibleError, UnknownNameError
from durable_harness.core.findings import Finding
from durable_harness.hub.arrivals import Call
from durable_harness.hub.instance import HubInstance
from durable_harness.hub.task_hub import TaskHub
from durable_harness.running.run_timeline import run_timeline
from durable_harness.worker.log_capture import LogLine
from durable_harness.worker.sdk_events import sdk_at_work

__all__ = ["ActivityCall", "Run", "Timer", "entity_states", "snapshot"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ActivityCall:
    """One call, of an activity above all.

    ``result`` and ``error`` are None until it has ended; ``runs`` is how often it was run, more than once where a fault
    made it run again.
    """

    name: str
    input: Any
    attempt: int
    event_id: int
    scheduled_at: datetime
    done_at: datetime | None
    result: Any
    error: str | None
    runs: int
    instance_id: str
    """The orchestration that called."""
    execution: int
    """Which execution of it: 1, and one more for each continue-as-new."""
    begun_after: int
    """How many calls had begun before this one: of its own orchestration, or of all where a test sees across them."""
    ended_after: int | None
    """How many of these had begun when it ended; None until then."""

    def ended_before(self, other: ActivityCall) -> bool:
        """Whether this call had ended when another call of the same orchestration began."""
        if other.instance_id != self.instance_id and not self.sees_across:
            raise NotPossibleError(
                f"{self.name!r} of {self.instance_id!r} and {other.name!r} of {other.instance_id!r} are calls of two "
                "orchestrations, whose order pruning does not keep. Pass order_across_instances=True to see it."
            )
        return self.ended_after is not None and self.ended_after <= other.begun_after

    sees_across: bool = True
    """Whether calls of two orchestrations can be compared."""

    def __repr__(self) -> str:
        """What an ``assert`` shows of it."""
        how = "has not ended" if self.done_at is None else f"failed: {self.error}" if self.error else f"{self.result!r}"
        attempt = f", attempt {self.attempt}" if self.attempt > 1 else ""
        return f"<{self.name}({self.input!r}){attempt}: {how}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """One timer, those between a retry's attempts among them."""

    event_id: int
    fire_at: datetime
    has_fired: bool


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Run:
    """One orchestration as it stands: ended, where ``harness.run`` made it."""

    name: str
    instance_id: str
    runtime_status: str
    output: Any
    """What a client sees: the result; the text of a failure; the reason of a termination."""
    custom_status: Any
    custom_statuses: tuple[Any, ...]
    """The custom status after each episode."""
    error: str | None
    """Why it failed, None unless it did."""
    input: Any
    history: tuple[HistoryEvent, ...]
    """Of the last execution."""
    earlier: tuple[tuple[HistoryEvent, ...], ...]
    """The histories of the executions before it, each of which continued as new; the first first."""
    calls: tuple[ActivityCall, ...]
    timers: tuple[Timer, ...]
    sub_orchestrations: tuple[Run, ...]
    log: tuple[LogLine, ...]
    findings: tuple[Finding, ...]
    episodes: int
    executions: int
    """1, and one more for each continue-as-new."""
    started_at: datetime
    ended_at: datetime
    entities: Mapping[str, Any]
    """The states of the entities of the whole hub that exist, by their ids: ``"@counter@key"``."""
    world: Any = None
    """What the test's ``world`` function has returned for this schedule."""

    def __repr__(self) -> str:
        """What an ``assert`` shows of it; ``timeline()`` shows the rest."""
        return f"<Run {self.instance_id}: {self.runtime_status}, output {self.output!r}>"

    def entity(self, name: str, key: str) -> Any:
        """The state of an entity, None where it has none."""
        return self.entities.get(entity_instance_id(name, key))

    known_names: tuple[str, ...] | None = None
    """The activities and orchestrators of the app; None around a bare orchestrator, which may call anything."""

    @property
    def elapsed(self) -> timedelta:
        """The virtual time from start to end, in whole milliseconds: events of one episode lie microseconds apart."""
        took = self.ended_at - self.started_at
        return took - took % timedelta(milliseconds=1)

    def timeline(self) -> Timeline:
        """What happened in all executions, over virtual time: ``print`` it, or write its ``html()`` into a file.

        Raises:
            NotPossibleError: The first episode has not ended: there is nothing to show.
        """
        if not self.history:
            raise NotPossibleError(f"{self.instance_id!r} ({self.name}) has not ended its first episode.")
        histories = [*self.earlier, self.history]
        inputs = [
            {call.event_id: call.input for call in self.calls if call.execution == number and call.input is not None}
            for number in range(1, len(histories) + 1)
        ]
        return run_timeline(histories, inputs, self.custom_statuses)

    def calls_of(self, name: str) -> tuple[ActivityCall, ...]:
        """The calls of one activity, in the order of scheduling."""
        found = tuple(call for call in self.calls if call.name.lower() == name.lower())
        if not found and not any(call.name.lower() == name.lower() for call in self.calls):
            known = sorted({call.name for call in self.calls})
            raise UnknownNameError(
                f"{self.instance_id!r} never called {name!r}. It called {', '.join(known) or 'nothing'}.",
                name=name,
                known=known,
            )
        return found

    def inputs_of(self, name: str) -> list[Any]:
        """The inputs of the calls of one activity, in the order of scheduling."""
        return [call.input for call in self.calls_of(name)]

    def was_called(self, name: str) -> bool:
        """Whether an activity was called at all.

        Raises:
            UnknownNameError: The app has nothing of this name, so that it could not be called.
        """
        if self.known_names is not None and name.lower() not in map(str.lower, self.known_names):
            raise UnknownNameError(
                f"The app has no {name!r}.{did_you_mean(name, self.known_names)}", name=name, known=self.known_names
            )
        return any(call.name.lower() == name.lower() for call in self.calls)


def snapshot(
    hub: TaskHub, instance: HubInstance, *, log: tuple[LogLine, ...] = (), findings: tuple[Finding, ...] = ()
) -> Run:
    """The instance as it stands."""
    histories = [*instance.earlier, tuple(instance.history)]
    created = [
        event.instance_id
        for history in histories
        for event in history
        if isinstance(event, SubOrchestrationInstanceCreated)
    ]
    children = [hub.instances[one] for one in dict.fromkeys(created) if one in hub.instances]
    numbers = {_execution_id(history): number for number, history in enumerate(histories, start=1)}
    started = instance.started
    with sdk_at_work():
        given = input_of(started) if started else None
    return Run(
        name=instance.name,
        instance_id=instance.instance_id,
        runtime_status=instance.runtime_status,
        output=instance.output,
        custom_status=instance.custom_status,
        custom_statuses=tuple(parsed_json(status) for status in instance.statuses),
        error=instance.output_text if instance.runtime_status == "Failed" else None,
        input=given,
        history=histories[-1],
        earlier=tuple(instance.earlier),
        calls=tuple(
            _call(call, numbers.get(call.execution_id, len(histories)))
            for call in hub.calls
            if call.instance_id == instance.instance_id
        ),
        timers=tuple(timer for history in histories for timer in _timers(history)),
        sub_orchestrations=tuple(snapshot(hub, child) for child in children),
        log=log,
        findings=findings,
        episodes=instance.episode_count,
        executions=len(histories),
        started_at=ticks_to_datetime(instance.created_at),
        ended_at=ticks_to_datetime(instance.updated_at),
        known_names=None if hub.app.is_bare else (*hub.app.known.activities, *hub.app.known.orchestrators),
        entities=MappingProxyType({one: parsed_json(state) for one, state in entity_states(hub)}),
    )


def entity_states(hub: TaskHub) -> tuple[tuple[str, str], ...]:
    """The entities that exist, with their states as JSON text, in the order of their ids."""
    found = []
    for instance_id, instance in sorted(hub.instances.items()):
        if instance.is_entity and (scheduler := instance.scheduler).exists:
            found.append((instance_id, scheduler.state or "null"))
    return tuple(found)


def _execution_id(history: Sequence[HistoryEvent]) -> str | None:
    started = (event for event in history if isinstance(event, ExecutionStarted))
    return next((event.instance.execution_id for event in started), None)


def _timers(history: Sequence[HistoryEvent]) -> Iterator[Timer]:
    fired = {event.timer_id for event in history if isinstance(event, TimerFired)}
    for event in history:
        if isinstance(event, TimerCreated):
            yield Timer(
                event_id=event.event_id, fire_at=ticks_to_datetime(event.fire_at), has_fired=event.event_id in fired
            )


def _call(call: Call, execution: int) -> ActivityCall:
    outcome = call.outcome if call.done_at is not None else None
    return ActivityCall(
        name=call.name,
        input=call.input,
        attempt=call.attempt,
        event_id=call.event_id,
        scheduled_at=ticks_to_datetime(call.scheduled_at),
        done_at=None if call.done_at is None else ticks_to_datetime(call.done_at),
        result=outcome.value if outcome else None,
        error=outcome.error if outcome else None,
        runs=call.runs,
        instance_id=call.instance_id,
        execution=execution,
        begun_after=call.begun_after[1],
        ended_after=None if call.ended_after is None else call.ended_after[1],
    )
