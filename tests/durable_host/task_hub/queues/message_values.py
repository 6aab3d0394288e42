"""The values inside a message, checked when it is read: behind this door each is what it says, and can be kept.

Invariant: a value that is not what it must be raises ``TypeError`` or ``ValueError`` with its name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, Final

from durable_engine import EVENT_CLASSES, HistoryEvent, Member, OrchestrationInstance, ParentInstance, members_of
from durable_host.task_hub.account.large_payloads import is_large_property

__all__ = ["checked_event", "number_of", "object_of", "optional_text_of", "text_of"]

_WORDS: Final[Mapping[type, str]] = {str: "a text", int: "a whole number", bool: "true or false", dict: "an object"}
_REQUIRED: Final = {
    cls: frozenset(field.name for field in fields(cls) if field.default is MISSING) for cls in EVENT_CLASSES.values()
}
_SAID_BY_APPS: Final = frozenset({"input", "result", "reason", "details", "data"})
"""Texts that nothing is looked up by: an app may put anything into them, and long ones are put into a blob. All other
texts are names."""
_IN_BLOBS: Final = frozenset({"tags", "failure_details"})
"""The objects whose texts are, too."""


def object_of(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A member that must be a JSON object."""
    value: Mapping[str, Any] = _checked(data.get(name), dict, name)
    return value


def text_of(data: Mapping[str, Any], name: str) -> str:
    """A member that must be a text, and one that can be written in UTF-8."""
    value: str = _checked(data.get(name), str, name)
    _check_encoding(value, name)
    return value


def optional_text_of(data: Mapping[str, Any], name: str) -> str | None:
    """A member that is a text, or null, or not there."""
    return None if data.get(name) is None else text_of(data, name)


def number_of(data: Mapping[str, Any], name: str, default: int, *, bits: int = 32) -> int:
    """A member that is a whole number, or not there."""
    value: int = data.get(name, default)
    _check_number(value, name, bits)
    return value


def checked_event(event: HistoryEvent) -> HistoryEvent:
    """The event itself, if each of its members is what its class says, and the history table can hold it."""
    required = _REQUIRED[type(event)]
    _check_number(event.event_id, "EventId")
    _checked(event.is_played, bool, "IsPlayed")
    for member in members_of(type(event)):
        value = getattr(event, member.attribute) if member.attribute else None
        if value is not None:
            _check_member(value, member)
        elif member.attribute in required:
            raise TypeError(f"{member.wire} is null")
    return event


def _check_member(value: Any, member: Member) -> None:
    """Times and statuses have been read into values of ours already."""
    match member.kind:
        case "text" if member.attribute in _SAID_BY_APPS:
            _checked(value, str, member.wire)
        case "text":
            _check_name(value, member.wire)
        case "int":
            _check_number(value, member.wire)
        case "bool":
            _checked(value, bool, member.wire)
        case "json":
            _checked(value, dict, member.wire)
            if member.attribute not in _IN_BLOBS:
                _check_length(json.dumps(value), member.wire)
        case "instance":
            _check_instance(value, member.wire)
        case "parent":
            _check_parent(value, member.wire)


def _check_parent(parent: ParentInstance, name: str) -> None:
    _check_name(parent.name, f"{name}.Name")
    _check_instance(parent.instance, name)
    _check_number(parent.task_schedule_id, f"{name}.TaskScheduleId")
    if parent.version is not None:
        _check_name(parent.version, f"{name}.Version")


def _check_instance(instance: OrchestrationInstance, name: str) -> None:
    _check_name(instance.instance_id, f"{name}.InstanceId")
    if instance.execution_id is not None:
        _check_name(instance.execution_id, f"{name}.ExecutionId")


def _checked(value: Any, expected: type, name: str) -> Any:
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        raise TypeError(f"{name} is {value!r:.60}, and not {_WORDS[expected]}")
    return value


def _check_number(value: object, name: str, bits: int = 32) -> None:
    """.NET keeps event ids and their like in 32 bits, and so does a table's column of whole numbers."""
    if not -(2 ** (bits - 1)) <= _checked(value, int, name) < 2 ** (bits - 1):
        raise ValueError(f"{name} is {value!r:.60}, and no number of {bits} bits")


def _check_name(value: object, name: str) -> None:
    text = _checked(value, str, name)
    _check_encoding(text, name)
    _check_length(text, name)


def _check_length(text: str, name: str) -> None:
    if is_large_property(text):
        raise ValueError(f"{name} {text!r:.60} has {len(text)} characters, and a table's cell cannot hold so many")


def _check_encoding(text: str, name: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(f"{name} {text!r:.60} holds half of a surrogate pair, which is no letter") from None
