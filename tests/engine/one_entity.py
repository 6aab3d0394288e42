"""One entity in memory: its stored history, what it has sent, and the messages that can reach it.

The least that can drive ``run_entity_batch``, so that a test can say what arrives, in which batch.
Invariant: a batch is run on what the one before has left; nothing but the test moves the clock.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

from azure.durable_functions import DurableEntityContext
from azure.durable_functions.entity import Entity

from durable_engine.entities.batch import EntityCode, run_entity_batch
from durable_engine.entities.messages import EntitySender, client_signal
from durable_engine.entities.scheduler import SchedulerState
from durable_engine.model.checkpoint import Checkpoint
from durable_engine.model.events import EventRaised, ExecutionStarted, HistoryEvent
from durable_engine.model.functions import KnownFunctions
from durable_engine.model.ticks import Ticks, ticks_from_text

__all__ = ["ENTITY_ID", "FIRST", "Caller", "OneEntity", "counter"]

FIRST: Ticks = ticks_from_text("2026-01-01T00:00:00.1234567Z")
ENTITY_ID = "@counter@key"


def counter(context: DurableEntityContext) -> None:
    """An entity that shows all that one can do."""
    value = context.get_state(lambda: 0)
    match context.operation_name:
        case "add":
            context.set_state(value + context.get_input())
        case "log":
            context.set_state([*(value or []), context.get_input()])
        case "get":
            context.set_result(value)
        case "fail":
            raise ValueError("on purpose")
        case "change and fail":
            context.set_state("changed")
            raise ValueError("after a change")
        case "delete":
            context.destruct_on_exit()


_COUNTER: EntityCode = Entity.create(counter)


class Caller:
    """An orchestration that calls and signals the entity, in an order of its own."""

    def __init__(self, instance_id: str = "caller", execution_id: str = "c" * 32) -> None:
        self._sender = EntitySender(instance_id, execution_id)

    def request(
        self, operation: str, value: object = None, *, is_signal: bool = False, at: Ticks = FIRST
    ) -> EventRaised:
        """The next message; its input is encoded as the SDK does it."""
        text = json.dumps(value)
        _, content = self._sender.request(ENTITY_ID, operation, text, is_signal=is_signal, clock=at, now=at)
        return EventRaised(timestamp=at, name="op", input=content)


class OneEntity:
    """An entity of the function above, unless a test gives other code, or None for no code at all."""

    def __init__(self, code: EntityCode | None = _COUNTER) -> None:
        self.code = code
        self.given: list[dict[str, Any]] = []
        """The payloads of all batches in which the code was called."""
        self.history: tuple[HistoryEvent, ...] = ()
        self.checkpoints: list[Checkpoint] = []
        self._ids = (f"{number:032x}" for number in itertools.count(1))

    def receive(self, *batch: HistoryEvent, at: Ticks = FIRST) -> Checkpoint:
        """One batch."""
        checkpoint = run_entity_batch(
            ENTITY_ID,
            self.history,
            batch,
            None if self.code is None else self._recorded(self.code),
            KnownFunctions(entities=() if self.code is None else ("counter",)),
            now=at,
            new_id=lambda: next(self._ids),
        )
        self.history = checkpoint.events
        self.checkpoints.append(checkpoint)
        return checkpoint

    @property
    def stored(self) -> dict[str, Any]:
        """The scheduler state as it is stored."""
        started = self.history[1]
        assert isinstance(started, ExecutionStarted)
        data: dict[str, Any] = json.loads(started.input or "")
        return data

    @property
    def state(self) -> SchedulerState:
        """The same, read."""
        return SchedulerState.parse(json.dumps(self.stored))

    @property
    def replies(self) -> list[dict[str, Any]]:
        """The content of everything that was answered."""
        return [
            json.loads(message.event.input or "")
            for checkpoint in self.checkpoints
            for message in checkpoint.messages
            if isinstance(message.event, EventRaised)
        ]

    def signal(self, operation: str, text: str | None = None) -> EventRaised:
        """A signal from a client; ``text`` is the body's JSON."""
        return EventRaised(timestamp=FIRST, name="op", input=client_signal(operation, text, "f" * 32))

    def _recorded(self, code: EntityCode) -> Callable[[str], str]:
        def recorded(payload: str) -> str:
            self.given.append(json.loads(payload))
            return code(payload)

        return recorded
