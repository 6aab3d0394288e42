"""Messages between orchestrations and entities: ids, order stamps and JSON, as the Durable extension writes them.

The sender's half of an entity call or signal, and the texts that both sides exchange.
Invariant: stamps to one entity only grow, and each names the one before it.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any, Final

from durable_engine.model.dotnet_json import compact_json
from durable_engine.model.ticks import NEVER, Ticks, ticks_from_text, ticks_to_full_text, ticks_to_text

__all__ = [
    "OPERATION",
    "REQUEST_TYPE",
    "EntitySender",
    "Stamp",
    "client_signal",
    "delayed_operation",
    "entity_instance_id",
    "response",
    "split_entity_id",
]

_NAMESPACE: Final = uuid.UUID("9e952959-5e33-4daf-827f-2fa12937b875")
_TYPE: Final = "Microsoft.Azure.WebJobs.Extensions.DurableTask.{0}, Microsoft.Azure.WebJobs.Extensions.DurableTask"
REQUEST_TYPE: Final = _TYPE.format("RequestMessage")
"""How a request that an orchestration or an entity sends says what it is."""
OPERATION: Final = "op"
"""The event name under which every immediate operation travels."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """A moment in the order of one sender's messages; .NET writes one that it counted up itself without a ``Z``."""

    at: Ticks
    counted_up: bool = False

    @classmethod
    def parse(cls, text: str | None) -> Stamp:
        """The stamp of its text; None is one that was never set."""
        return cls(NEVER) if text is None else cls(ticks_from_text(text), counted_up=not text.endswith("Z"))

    @property
    def text(self) -> str:
        """The stamp as JSON has it."""
        text = ticks_to_text(self.at)
        return text.removesuffix("Z") if self.counted_up or self.at == NEVER else text


def entity_instance_id(name: str, key: str) -> str:
    """The instance id of an entity."""
    return f"@{name.lower()}@{key}"


def split_entity_id(instance_id: str) -> tuple[str, str]:
    """Name and key of an entity's instance id: the name ends at the second ``@``, the key may hold more of them."""
    name, separator, key = instance_id.removeprefix("@").partition("@")
    if not instance_id.startswith("@") or not separator:
        raise ValueError(f"{instance_id!r} is not an entity's instance id, which looks like '@counter@key'.")
    return name, key


def delayed_operation(due_at: Ticks) -> str:
    """The event name of an operation that is not to be delivered before this moment."""
    return f"{OPERATION}@{ticks_to_full_text(due_at)}"


@dataclass(slots=True)
class EntitySender:
    """Makes the requests of one orchestration execution, in the order in which it asks."""

    instance_id: str
    execution_id: str | None
    _requests: int = 0
    _last: dict[str, Stamp] = field(default_factory=dict)

    def request(
        self, target: str, operation: str, input: str | None, *, is_signal: bool, clock: Ticks, now: Ticks
    ) -> tuple[str, str]:
        """The request's id and its JSON text. ``clock`` is the episode's time, ``now`` the wall clock's."""
        request_id = str(uuid.uuid5(_NAMESPACE, f"{self.instance_id}_{ticks_to_full_text(clock)}_{self._requests}"))
        self._requests += 1
        before = self._last.get(target, Stamp(NEVER))
        stamp = Stamp(clock) if clock > before.at else Stamp(before.at + 1, counted_up=True)
        self._last[target] = stamp
        message: dict[str, Any] = {"$type": REQUEST_TYPE, "op": operation}
        if is_signal:
            message["signal"] = True
        if input is not None:
            message["input"] = compact_json(input)
        message |= {
            "id": request_id,
            "parent": self.instance_id,
            "parentExecution": self.execution_id,
            "Timestamp": stamp.text,
            "Predecessor": before.text,
            "requestTime": ticks_to_text(now).removesuffix("Z") + "+00:00",
        }
        return request_id, compact_json(message)


def client_signal(operation: str, input: str | None, request_id: str) -> str:
    """The JSON text of a signal that a client sends; ``input`` is the JSON text of the body, None without one."""
    message: dict[str, Any] = {"op": operation, "signal": True}
    if input is not None:
        message["input"] = input
    never = Stamp(NEVER).text
    return compact_json(message | {"id": request_id, "Timestamp": never, "Predecessor": never})


def response(result: str | None, *, is_error: bool) -> str:
    """The JSON text of an entity's answer; ``result`` is JSON text."""
    message: dict[str, Any] = {"$type": _TYPE.format("ResponseMessage"), "result": result}
    if is_error:
        message["exceptionType"] = "Error"
    return compact_json(message)
