"""The values inside a message, checked when it is read: behind this door each has the type that it says.

Invariant: a value that is not what it must be raises ``TypeError`` or ``ValueError`` with its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from durable_engine import ExecutionStarted, HistoryEvent, OrchestrationInstance, members_of

__all__ = ["checked_event", "number_of", "object_of", "optional_text_of", "text_of"]

_PLAIN: Final[Mapping[str, type]] = {"text": str, "int": int, "bool": bool, "json": dict}


def object_of(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A member that must be a JSON object."""
    value = data.get(name)
    if not isinstance(value, dict):
        raise TypeError(f"{name} is {value!r:.60}, and not an object")
    return value


def text_of(data: Mapping[str, Any], name: str) -> str:
    """A member that must be a text, and one that can be written in UTF-8."""
    value = data.get(name)
    if not isinstance(value, str):
        raise TypeError(f"{name} is {value!r:.60}, and not a text")
    _check_encoding(value, name)
    return value


def optional_text_of(data: Mapping[str, Any], name: str) -> str | None:
    """A member that is a text, or null, or not there."""
    return None if data.get(name) is None else text_of(data, name)


def number_of(data: Mapping[str, Any], name: str, default: int) -> int:
    """A member that is a whole number, or not there."""
    value = data.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} is {value!r:.60}, and not a whole number")
    return value


def checked_event(event: HistoryEvent) -> HistoryEvent:
    """The event itself, if each of its members has the type that its class says."""
    _check(event.event_id, int, "EventId")
    for member in members_of(type(event)):
        expected = _PLAIN.get(member.kind)
        value = getattr(event, member.attribute) if member.attribute else None
        if expected is not None and value is not None:
            _check(value, expected, member.wire)
        elif isinstance(value, OrchestrationInstance):
            _check_instance(value, member.wire)
    if isinstance(event, ExecutionStarted):
        _check(event.name, str, "Name")
        if event.parent is not None:
            _check_instance(event.parent.instance, "ParentInstance")
            _check(event.parent.task_schedule_id, int, "TaskScheduleId")
    return event


def _check_instance(instance: OrchestrationInstance, name: str) -> None:
    _check(instance.instance_id, str, f"{name}.InstanceId")
    _check_encoding(instance.instance_id, f"{name}.InstanceId")
    if instance.execution_id is not None:
        _check(instance.execution_id, str, f"{name}.ExecutionId")


def _check(value: object, expected: type, name: str) -> None:
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        raise TypeError(f"{name} is {value!r:.60}, and not of type {expected.__name__}")


def _check_encoding(text: str, name: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(f"{name} {text!r:.60} holds half of a surrogate pair, which is no letter") from None
