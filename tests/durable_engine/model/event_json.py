"""Events as JSON: the members, in the order and with the types that the host gives to the worker.

One description of every kind's members, derived from the classes in ``events``.
Invariant: ``event_from_json(event_to_json(e)) == e``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Final

from durable_engine.model.events import (
    EVENT_CLASSES,
    ORCHESTRATION_STATUS,
    HistoryEvent,
    JsonObject,
    OrchestrationInstance,
    ParentInstance,
)
from durable_engine.model.ticks import ticks_from_text, ticks_to_text

__all__ = ["Member", "event_from_json", "event_to_json", "members_of"]


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an event: its name on the wire, its attribute here, and what kind of value it is.

    ``kind`` is one of event_type, text, int, bool, time, status, json (an opaque object or null), instance, parent.
    """

    wire: str
    attribute: str
    kind: str


_COMMON: Final = frozenset(field.name for field in fields(HistoryEvent))
_WIRE_NAMES: Final = {
    "instance": "OrchestrationInstance",
    "parent": "ParentInstance",
    "scheduled_start_at": "ScheduledStartTime",
    "fire_at": "FireAt",
}
_KINDS: Final = {"Ticks": "time", "int": "int", "bool": "bool", "JsonObject": "json", "str": "text"}
_SPECIAL_KINDS: Final = {"instance": "instance", "parent": "parent", "orchestration_status": "status"}
# These two begin with a member of their own; every other kind begins with EventType.
_EVENT_TYPE_IS_SECOND: Final = frozenset({"ExecutionStarted", "GenericEvent"})


def members_of(cls: type[HistoryEvent]) -> tuple[Member, ...]:
    """The members of one kind of event in their order, without the three that close every event."""
    return _MEMBERS[cls]


def _describe(cls: type[HistoryEvent]) -> tuple[Member, ...]:
    own = []
    for field in fields(cls):
        if field.name in _COMMON:
            continue
        wire = _WIRE_NAMES.get(field.name) or re.sub(r"(?:^|_)(\w)", lambda m: m[1].upper(), field.name)
        kind = _SPECIAL_KINDS.get(field.name) or _KINDS[str(field.type).removesuffix(" | None")]
        own.append(Member(wire, field.name, kind))
    own.insert(1 if cls.__name__ in _EVENT_TYPE_IS_SECOND else 0, Member("EventType", "", "event_type"))
    return tuple(own)


_MEMBERS: Final = {cls: _describe(cls) for cls in EVENT_CLASSES.values()}


def event_to_json(event: HistoryEvent) -> dict[str, Any]:
    """The event as the host gives it to the worker: PascalCase members, nulls kept, common members last."""
    out: dict[str, Any] = {}
    for wire, attribute, convert in _PLANS[type(event)]:
        value = getattr(event, attribute)
        out[wire] = value if convert is None or value is None else convert(value)
    out["EventId"] = event.event_id
    out["IsPlayed"] = event.is_played
    out["Timestamp"] = ticks_to_text(event.timestamp)
    return out


def event_from_json(data: JsonObject) -> HistoryEvent:
    """The event of a JSON object as ``event_to_json`` writes it; ``$type`` members and unknown ones are passed over."""
    number = data["EventType"]
    cls = EVENT_CLASSES.get(number)
    if cls is None:
        raise ValueError(f"History event type {number!r} is unknown; known are {sorted(EVENT_CLASSES)}.")
    values: dict[str, Any] = {
        "timestamp": ticks_from_text(data["Timestamp"]),
        "event_id": data["EventId"],
        "is_played": data["IsPlayed"],
    }
    for member in members_of(cls):
        if member.kind == "event_type" or member.wire not in data:
            continue
        value = data[member.wire]
        if value is not None and member.kind in _FROM_JSON:
            value = _FROM_JSON[member.kind](value)
        values[member.attribute] = value
    return cls(**values)


def _instance_to_json(instance: OrchestrationInstance) -> dict[str, Any]:
    return {"InstanceId": instance.instance_id, "ExecutionId": instance.execution_id}


def _instance_from_json(data: JsonObject) -> OrchestrationInstance:
    return OrchestrationInstance(instance_id=data["InstanceId"], execution_id=data.get("ExecutionId"))


def _parent_to_json(parent: ParentInstance) -> dict[str, Any]:
    return {
        "Name": parent.name,
        "OrchestrationInstance": _instance_to_json(parent.instance),
        "TaskScheduleId": parent.task_schedule_id,
        "Version": parent.version,
    }


def _parent_from_json(data: JsonObject) -> ParentInstance:
    return ParentInstance(
        name=data["Name"],
        instance=_instance_from_json(data["OrchestrationInstance"]),
        task_schedule_id=data["TaskScheduleId"],
        version=data.get("Version"),
    )


_TO_JSON: Final[dict[str, Callable[[Any], Any]]] = {
    "time": ticks_to_text,
    "status": ORCHESTRATION_STATUS.index,
    "instance": _instance_to_json,
    "parent": _parent_to_json,
}
_FROM_JSON: Final[dict[str, Callable[[Any], Any]]] = {
    "time": ticks_from_text,
    "status": ORCHESTRATION_STATUS.__getitem__,
    "instance": _instance_from_json,
    "parent": _parent_from_json,
}
_PLANS: Final = {
    cls: [(member.wire, member.attribute or "event_type", _TO_JSON.get(member.kind)) for member in members]
    for cls, members in _MEMBERS.items()
}
"""What ``event_to_json`` does, member by member, looked up once."""
