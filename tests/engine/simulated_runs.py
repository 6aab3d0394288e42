"""Runs an orchestrator episode by episode on the engine, with made-up activities in virtual time.

Gives histories of code that was never recorded: other versions of it, many activities, long timers.
Invariant: equal arguments give an equal history. What is due at one moment comes in one batch.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from azure.durable_functions.orchestrator import Orchestrator

from durable_engine.model.events import (
    EventRaised,
    ExecutionStarted,
    HistoryEvent,
    OrchestrationInstance,
    SubOrchestrationInstanceCompleted,
    TaskScheduled,
)
from durable_engine.model.failures import UserException
from durable_engine.model.functions import KnownFunctions
from durable_engine.model.ticks import TICKS_PER_SECOND, Ticks, ticks_from_text
from durable_engine.orchestration.episode import App, run_episode
from durable_engine.wire.activity import ActivityOutcome, activity_input, completion_of

__all__ = ["ORCHESTRATOR", "Activity", "SimulatedRun", "app_of", "simulate"]

ORCHESTRATOR = "simulated"
"""The name of every orchestrator that is run here."""

Activity = Callable[[str, Any], tuple[Any, float]]
"""From name and input to result (or an exception) and how many seconds it takes."""

_START = ticks_from_text("2026-03-01T09:00:00Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedRun:
    """What a run left: its history, the custom status after each episode that has one, and inputs by event id."""

    history: tuple[HistoryEvent, ...]
    custom_statuses: dict[int, str]
    inputs: dict[int, str]


@dataclass(slots=True)
class _Inbox:
    """Messages on their way to the instance, by the moment at which they come."""

    messages: list[tuple[Ticks, int, HistoryEvent]] = field(default_factory=list)
    count: int = 0

    def add(self, at: Ticks, event: HistoryEvent) -> None:
        self.count += 1
        heapq.heappush(self.messages, (at, self.count, event))

    def next_batch(self) -> tuple[Ticks, list[HistoryEvent]]:
        now = self.messages[0][0]
        batch = []
        while self.messages and self.messages[0][0] == now:
            batch.append(heapq.heappop(self.messages)[2])
        return now, batch


def app_of(
    code: Callable[[Any], Any],
    *,
    activities: Sequence[str] = ("work", "check", "send_email", "charge_card"),
    orchestrators: Sequence[str] = ("child",),
) -> App:
    """An app of one orchestrator, and of activities that are known by name alone."""
    handle = Orchestrator.create(code)
    functions = KnownFunctions(orchestrators=(ORCHESTRATOR, *orchestrators), activities=tuple(activities))
    return App(functions=functions, orchestrator=lambda _: handle)


def simulate(
    code: Callable[[Any], Any] | App,
    input: Any = None,
    *,
    activity: Activity = lambda name, given: (given, 0.1),
    events: Sequence[tuple[float, str, Any]] = (),
    until: float = 1e12,
    instance_id: str = "sim-1",
) -> SimulatedRun:
    """Run to the end, or until this many seconds have passed; ``events`` are (second, name, value)."""
    app = code if isinstance(code, App) else app_of(code)
    instance = OrchestrationInstance(instance_id=instance_id, execution_id="11111111-2222-4333-8444-555555555555")
    inbox = _Inbox()
    text = json.dumps(json.dumps(input)) if input is not None else None
    inbox.add(
        _START, ExecutionStarted(timestamp=_START, instance=instance, name=ORCHESTRATOR, input=text, generation=0)
    )
    for second, name, value in events:
        at = _START + round(second * TICKS_PER_SECOND)
        inbox.add(at, EventRaised(timestamp=at, name=name, input=json.dumps(value)))
    history: tuple[HistoryEvent, ...] = ()
    statuses: dict[int, str] = {}
    inputs: dict[int, str] = {}
    while inbox.messages and inbox.messages[0][0] <= _START + round(until * TICKS_PER_SECOND):
        now, batch = inbox.next_batch()
        checkpoint = run_episode(history, batch, app, now=now, new_id=lambda: "0" * 32)
        history = checkpoint.events if checkpoint.replaces_history else history + checkpoint.events
        if checkpoint.update.custom_status is not None:
            statuses[checkpoint.episode] = checkpoint.update.custom_status
        if checkpoint.update.is_completed:
            break
        for message in checkpoint.messages:
            event = message.event
            if isinstance(event, TaskScheduled):
                given = json.loads(activity_input(event) or "null")
                inputs[event.event_id] = json.dumps(given)
                outcome, seconds = activity(event.name, given)
                at = now + round(seconds * TICKS_PER_SECOND)
                inbox.add(at, completion_of(event, _outcome(outcome), at))
            elif isinstance(event, ExecutionStarted):
                at = now + 2 * TICKS_PER_SECOND
                assert event.parent is not None
                done = SubOrchestrationInstanceCompleted(
                    timestamp=at, task_scheduled_id=event.parent.task_schedule_id, result='"done"'
                )
                inbox.add(at, done)
            else:
                inbox.add(max(now, message.deliver_at or now), event)
    return SimulatedRun(history=history, custom_statuses=statuses, inputs=inputs)


def _outcome(value: Any) -> ActivityOutcome:
    if isinstance(value, Exception):
        return ActivityOutcome(raised=UserException(type_name=type(value).__name__, message=str(value), stack=""))
    return ActivityOutcome(result=json.dumps(value))
