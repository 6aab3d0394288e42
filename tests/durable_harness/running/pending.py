"""What an orchestration waits for, read from both halves: the host's open tasks and what is on its way.

The state that a test looks at between two steps, and the text of an orchestration to which nothing can happen.
Invariant: looking changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from durable_engine import (
    EventRaised,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TimerFired,
    ticks_to_datetime,
)
from durable_harness.core.errors import StuckError
from durable_harness.hub.arrivals import Arrival, Call
from durable_harness.hub.instance import HubInstance
from durable_harness.hub.task_hub import TaskHub
from durable_harness.running.telling import call_text
from durable_harness.worker.sdk_types import ActionType

__all__ = ["Pending", "PendingTimer", "pending_of", "stuck_error"]


@dataclass(frozen=True, slots=True)
class PendingTimer:
    """A timer that has not fired."""

    event_id: int
    fire_at: datetime
    arrival: Arrival


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What one instance waits for."""

    calls: tuple[Call, ...] = ()
    """Activities, HTTP calls and answered sub-orchestrations that have not ended, in the order of scheduling."""
    timers: tuple[PendingTimer, ...] = ()
    events: tuple[str, ...] = ()
    """The names of the external events that it waits for."""
    sub_orchestrations: tuple[str, ...] = ()
    """The ids of the instances that it has started and whose end it waits for."""
    entities: tuple[str, ...] = ()
    """Entities that have not answered."""

    @property
    def activities(self) -> tuple[str, ...]:
        """The names of the calls that have not ended."""
        return tuple(call.name for call in self.calls)

    @property
    def lines(self) -> list[str]:
        """One line for each thing."""
        return [
            *(f"{call_text(call)}, which has not ended" for call in self.calls),
            *(f"a timer that is due at {timer.fire_at}" for timer in self.timers),
            *(f"the event {name!r}" for name in self.events),
            *(f"the sub-orchestration {instance_id!r}" for instance_id in self.sub_orchestrations),
            *(f"an answer of the entity {entity!r}" for entity in self.entities),
        ]


def pending_of(hub: TaskHub, instance: HubInstance) -> Pending:
    """What this instance waits for."""
    own = [one for one in hub.arrivals if one.target.instance_id == instance.instance_id]
    timers = [
        PendingTimer(one.event.timer_id, ticks_to_datetime(one.event.fire_at), one)
        for one in own
        if isinstance(one.event, TimerFired) and one.target.execution_id == instance.execution_id
    ]
    waits = _waits(instance)
    children = [event for event in instance.history if isinstance(event, SubOrchestrationInstanceCreated)]
    ended = {
        event.task_scheduled_id
        for event in instance.history
        if isinstance(event, (SubOrchestrationInstanceCompleted, SubOrchestrationInstanceFailed))
    }
    return Pending(
        calls=tuple(
            one.call for one in own if one.call is not None and one.target.execution_id == instance.execution_id
        ),
        timers=tuple(timers),
        events=tuple(name for name in waits if name not in instance.asked_entities),
        sub_orchestrations=tuple(event.instance_id for event in children if event.event_id not in ended),
        entities=tuple(
            dict.fromkeys(instance.asked_entities[name] for name in waits if name in instance.asked_entities)
        ),
    )


def _waits(instance: HubInstance) -> list[str]:
    """The names of events that the SDK waits for; where it is not live, those that the host waits for."""
    if instance.is_completed:
        return []
    worker, replay, answer = instance.replayer.worker, instance.replayer.replay_now, instance.replayer.answer
    if worker is not None:
        return worker.open_events
    if replay is None or answer is None:
        return []
    waiting = {name for name, count, _ in replay.event_waits if count}
    names = dict.fromkeys([*_event_names(answer.actions), *instance.asked_entities])
    return [name for name in names if name.upper() in waiting]


def stuck_error(hub: TaskHub, instance: HubInstance) -> StuckError:
    """The error of an orchestration to which nothing can happen any more."""
    pending = pending_of(hub, instance)
    lines = pending.lines
    if instance.refusal is not None:
        lines.insert(0, f"a host of its version: {instance.refusal}")
    if instance.runtime_status == "Suspended":
        lines.insert(0, "being resumed: it is suspended")
    lines = lines or ["nothing that could come: it yielded something that no event completes"]
    listed = "".join(f"\n  {line}" for line in lines)
    causes = "".join(f"\n  {cause}" for cause in _causes(hub, instance, pending))
    advice = (
        f"\nWhat was found:{causes}"
        if causes
        else "\nRaise the event with events=[raised(...)] or instance.raise_event(...), answer the call, or step it "
        "with start()."
    )
    return StuckError(
        f"{instance.instance_id!r} ({instance.name}) is {instance.runtime_status}, and nothing can happen any more. It "
        f"waits for:{listed}{advice}",
        instance_id=instance.instance_id,
        waits_for=lines,
    )


def _causes(hub: TaskHub, instance: HubInstance, pending: Pending) -> list[str]:
    """Why nothing can happen, as far as it is known."""
    causes = [*dict.fromkeys([*hub.inspector.causes(instance), *(one.text for one in instance.notices.values())])]
    causes += _missed_events(instance, pending.events)
    parents = hub.facts.parents
    causes += [
        f"{one.instance_id!r} waits for a host of its version: {one.refusal}"
        for one in hub.instances.values()
        if one.refusal is not None and parents.get(one.instance_id) == instance.instance_id
    ]
    worker, replay = instance.replayer.worker, instance.replayer.replay_now
    if not causes and worker is not None and worker.has_ended and replay is not None:
        names = ", ".join(repr(name) for name, count, _ in replay.event_waits if count)
        causes.append(
            f"User code has ended, and the host still waits for the event {names}: of a task_any with tasks that an "
            "earlier one has waited for already, the SDK tells the host the new ones only."
        )
    return causes


def _event_names(actions: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for action in actions:
        if action["actionType"] == ActionType.WAIT_FOR_EXTERNAL_EVENT:
            yield action["externalEventName"]
        yield from _event_names(action.get("compoundActions") or ())


def _missed_events(instance: HubInstance, waited_for: Sequence[str]) -> list[str]:
    raised = {event.name for event in instance.history if isinstance(event, EventRaised)}
    return [
        f"The event {other!r} has come, and not {name!r}: the SDK tells names apart by their case, the host does not."
        for name in waited_for
        for other in sorted(raised)
        if other != name and other.upper() == name.upper()
    ]
