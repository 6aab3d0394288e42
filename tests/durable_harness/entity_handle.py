"""One entity, run alone: operations one by one, and its state between them.

The verbs of a test of an entity.
Invariant: a call is a batch of one operation, as the entity would get it from an orchestration.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from durable_engine import (
    OPERATION,
    EntitySender,
    EventRaised,
    OrchestrationInstance,
    SchedulerState,
    client_signal,
    entity_instance_id,
    parsed_json,
)
from durable_harness.core import arguments
from durable_harness.core.errors import NotPossibleError
from durable_harness.core.findings import Findings
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

    def __init__(self, hub: TaskHub, name: str, key: str, findings: Findings) -> None:
        hub.app.check_entity(arguments.text(name, "an entity's name"))
        self.instance_id = entity_instance_id(name, arguments.text(key, "an entity's key"))
        self._hub, self._findings = hub, findings
        self._sender = EntitySender("a test", None)
        self._signals = 0

    def call(self, operation: str, input: object = None) -> OperationResult:
        """Run one operation, as an orchestration that waits for its answer would.

        Args:
            operation: The operation's name.
            input: What it gets, anything that JSON can say.

        Raises:
            NotPossibleError: The entity is locked by somebody else.
            WrongArgumentError: One of these is of a wrong kind.
        """
        arguments.text(operation, "an operation's name")
        text = arguments.json_text(input, "an operation's input", df_dumps)
        now = self._hub.clock.now
        request_id, request = self._sender.request(
            self.instance_id, operation, text, is_signal=False, clock=now, now=now
        )
        self._raise(request)
        instance = self._hub.instances[self.instance_id]
        checkpoint = self._hub.run_episode(instance)
        self._findings.warn()
        for sent in checkpoint.messages:
            if isinstance(sent.event, EventRaised) and sent.event.name == request_id:
                answer = json.loads(sent.event.input or "{}")
                value = parsed_json(answer["result"])
                return OperationResult(error=str(value)) if "exceptionType" in answer else OperationResult(value)
        raise NotPossibleError(f"{self.instance_id!r} has not answered {operation!r}: it is locked by somebody else.")

    def signal(self, operation: str, input: object = None) -> None:
        """Run one operation whose result nobody waits for, as the SDK's client asks for it.

        That client sends no input for a falsy value (0, False, "", [], {}): ``get_input`` of the operation raises.
        """
        arguments.text(operation, "an operation's name")
        if not input and input is not None:
            self._findings.add(
                "defect",
                "falsy_signal",
                f"the signal {operation!r} to {self.instance_id!r} has the falsy input {input!r}, and the SDK's client "
                "leaves it out: context.get_input() raises TypeError in the entity. Send a value that is true, such as "
                f'{{"value": {input!r}}}.',
            )
        text = json.dumps(arguments.json_text(input, "an operation's input", json.dumps)) if input else None
        self._raise(client_signal(operation, text, f"{self.instance_id} {self._signals}"))
        self._signals += 1
        self._hub.run_messages()
        self._findings.warn()

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
        return instance.scheduler if instance else SchedulerState()

    def _raise(self, request: str) -> None:
        target = OrchestrationInstance(instance_id=self.instance_id, execution_id=None)
        self._hub.receive(EventRaised(timestamp=self._hub.clock.now, name=OPERATION, input=request), target)
