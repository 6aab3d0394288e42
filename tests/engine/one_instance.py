"""One orchestration in memory: its history, what it has sent, and verbs for everything that can happen to it.

The least that can drive ``run_episode``, so that a test can say what arrives, in which batch.
Invariant: every batch is one episode, a second after the one before; nothing else moves the clock.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Generator, Sequence
from typing import Any

from azure.durable_functions import DurableOrchestrationContext
from azure.durable_functions.orchestrator import Orchestrator

from durable_engine.model.checkpoint import Checkpoint, Message
from durable_engine.model.events import (
    EventRaised,
    ExecutionResumed,
    ExecutionStarted,
    ExecutionSuspended,
    ExecutionTerminated,
    HistoryEvent,
    OrchestrationInstance,
    ParentInstance,
    TaskCompleted,
    TaskFailed,
    TimerCreated,
    TimerFired,
)
from durable_engine.model.functions import KnownFunctions
from durable_engine.model.ticks import TICKS_PER_SECOND, Ticks, ticks_from_text
from durable_engine.orchestration.episode import App, run_episode

__all__ = ["FIRST_EPISODE", "OneInstance", "OrchestratorFunction"]

FIRST_EPISODE: Ticks = ticks_from_text("2026-01-01T00:00:00.1234567Z")
OrchestratorFunction = Callable[[DurableOrchestrationContext], object]
Steps = Generator[Any, Any, Any]


class OneInstance:
    """An instance of the given orchestrator function, under its own name. All functions named are known to the app."""

    def __init__(
        self,
        function: OrchestratorFunction,
        *,
        input: object = None,
        instance_id: str = "one",
        parent: ParentInstance | None = None,
        activities: Sequence[str] = ("a", "b", "c"),
        orchestrators: Sequence[str] = ("child",),
        entities: Sequence[str] = ("counter",),
    ) -> None:
        self.function: OrchestratorFunction = function
        """The code, which a test may change between two episodes."""
        self.name = getattr(function, "__name__", "orchestrator")
        self.history: tuple[HistoryEvent, ...] = ()
        self.checkpoints: list[Checkpoint] = []
        self.answered: set[int] = set()
        """Whatever a test wants to remember of the ids that it has answered."""
        self._functions = KnownFunctions(
            orchestrators=(self.name, *orchestrators), activities=tuple(activities), entities=tuple(entities)
        )
        self._ids = (f"{number:032x}" for number in itertools.count(1))
        self.started = ExecutionStarted(
            timestamp=FIRST_EPISODE - 1,
            instance=OrchestrationInstance(instance_id=instance_id, execution_id="e" * 32),
            parent=parent,
            name=self.name,
            input=None if input is None else json.dumps(json.dumps(input)),
            generation=0,
        )

    @property
    def app(self) -> App:
        """The app that has this function."""
        return App(functions=self._functions, orchestrator=lambda _: Orchestrator.create(self.function))

    @property
    def now(self) -> Ticks:
        """The time of the next episode."""
        return FIRST_EPISODE + len(self.checkpoints) * TICKS_PER_SECOND

    @property
    def last(self) -> Checkpoint:
        """The latest checkpoint."""
        return self.checkpoints[-1]

    @property
    def kinds(self) -> list[str]:
        """The whole history, by the names of its events."""
        return [event.kind for event in self.history]

    def decided(self) -> list[Message]:
        """What the latest episode sent."""
        return list(self.last.messages)

    def ending(self) -> tuple[str | None, str | None]:
        """Status and output as the latest episode changed them, None where it did not."""
        return self.last.update.runtime_status, self.last.update.output

    def start(self, *batch: HistoryEvent) -> Checkpoint:
        """The first episode, with whatever came together with the start."""
        return self.receive(self.started, *batch)

    def receive(self, *batch: HistoryEvent) -> Checkpoint:
        """One episode."""
        return self.receive_at(self.now, *batch)

    def receive_at(self, now: Ticks, *batch: HistoryEvent) -> Checkpoint:
        """One episode at a time that the test says."""
        checkpoint = run_episode(self.history, batch, self.app, now=now, new_id=lambda: next(self._ids))
        self.history = checkpoint.events if checkpoint.replaces_history else (*self.history, *checkpoint.events)
        self.checkpoints.append(checkpoint)
        return checkpoint

    def completed(self, task_id: int, result: object = None) -> TaskCompleted:
        """An activity's result."""
        text = None if result is None else json.dumps(result)
        return TaskCompleted(timestamp=self.now, task_scheduled_id=task_id, result=text)

    def failed(self, task_id: int, reason: str = "it broke") -> TaskFailed:
        """An activity's failure."""
        return TaskFailed(timestamp=self.now, task_scheduled_id=task_id, reason=reason, details="{}")

    def fired(self, timer_id: int) -> TimerFired:
        """A timer that was set."""
        timers = (event for event in self.history if isinstance(event, TimerCreated))
        created = next(timer for timer in timers if timer.event_id == timer_id)
        return TimerFired(timestamp=created.timestamp, timer_id=timer_id, fire_at=created.fire_at)

    def raised(self, name: str, value: object = None) -> EventRaised:
        """An external event."""
        return EventRaised(timestamp=self.now, name=name, input=json.dumps(value))

    def suspended(self, reason: str | None = None) -> ExecutionSuspended:
        """A suspension."""
        return ExecutionSuspended(timestamp=self.now, reason=reason)

    def resumed(self, reason: str | None = None) -> ExecutionResumed:
        """A resumption."""
        return ExecutionResumed(timestamp=self.now, reason=reason)

    def terminated(self, reason: str | None = None) -> ExecutionTerminated:
        """A termination."""
        return ExecutionTerminated(timestamp=self.now, input=reason)

    def sent(self, kind: type[HistoryEvent]) -> list[Message]:
        """Everything of a kind that was sent so far."""
        return [
            message
            for checkpoint in self.checkpoints
            for message in checkpoint.messages
            if isinstance(message.event, kind)
        ]

    def notices(self) -> list[str]:
        """The codes of all notices so far."""
        return [notice.code for checkpoint in self.checkpoints for notice in checkpoint.notices]
