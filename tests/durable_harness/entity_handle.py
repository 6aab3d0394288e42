"""One entity, run alone: operations one by one, and its state between them.

The verbs of a test of an entity.
Invariant: a call is a batch of one operation, as the entity would get it from an orchestration.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from durable_engine import (
    OPERATION,
    EntitySender,
    EventRaised,
    ExecutionStarted,
    OrchestrationInstance,
    SchedulerState,
    client_signal,
    entity_instance_id,
    parsed_json,
)
from durable_harness.core.errors import NotPossibleError
from durable_harness.hub.task_hub import TaskHub
from durable_harness.worker.sdk_types import df_dumps

__all__ = ["EntityHandle", "OperationResult"]


@dataclass(frozen=True, slots=True)
class OperationResult:
    """What one operation gave: a result, or the text of what it raised."""

    result: Any = None
    error: str | None = None


class EntityHandle:
    """An entity of the app."""

    def __init__(self, hub: TaskHub, name: str, key: str, tell: Callable[[], None]) -> None:
        self.instance_id = entity_instance_id(name, key)
        self._hub, self._tell = hub, tell
        self._sender = EntitySender("a test", None)
        self._signals = 0

    def call(self, operation: str, input: object = None) -> OperationResult:
        """Run one operation, as an orchestration that waits for its answer would."""
        now = self._hub.clock.now
        request_id, request = self._sender.request(
            self.instance_id, operation, df_dumps(input), is_signal=False, clock=now, now=now
        )
        self._raise(request)
        instance = self._hub.instances[self.instance_id]
        checkpoint = self._hub.run_episode(instance)
        self._tell()
        for sent in checkpoint.messages:
            if isinstance(sent.event, EventRaised) and sent.event.name == request_id:
                answer = json.loads(sent.event.input or "{}")
                value = parsed_json(answer["result"])
                return OperationResult(error=str(value)) if "exceptionType" in answer else OperationResult(value)
        raise NotPossibleError(f"{self.instance_id!r} has not answered {operation!r}: it is locked by somebody else.")

    def signal(self, operation: str, input: object = None) -> None:
        """Run one operation whose result nobody waits for."""
        # Twice encoded, as the SDK's client sends it.
        self._raise(client_signal(operation, json.dumps(df_dumps(input)), f"{self.instance_id} {self._signals}"))
        self._signals += 1
        self._hub.run_waiting_episodes()
        self._tell()

    @property
    def exists(self) -> bool:
        """Whether the entity has a state."""
        return self._scheduler.exists

    @property
    def state(self) -> Any:
        """The entity's state; None where it has none."""
        return parsed_json(self._scheduler.state) if self.exists else None

    @property
    def _scheduler(self) -> SchedulerState:
        instance = self._hub.instances.get(self.instance_id)
        history = instance.history if instance else []
        started = next((event for event in history if isinstance(event, ExecutionStarted)), None)
        return SchedulerState.parse(started.input if started else None)

    def _raise(self, request: str) -> None:
        target = OrchestrationInstance(instance_id=self.instance_id, execution_id=None)
        self._hub.receive(EventRaised(timestamp=self._hub.clock.now, name=OPERATION, input=request), target)
