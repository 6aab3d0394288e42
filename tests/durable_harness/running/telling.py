"""What happens in a schedule, told in operations, senders, values and due times, never in ids that nobody has given.

Invariant: telling changes nothing, and equal schedules are told alike.
"""

from __future__ import annotations

import json
from typing import Any, Final

from durable_engine import (
    HTTP_ACTIVITY,
    TICKS_PER_SECOND,
    EventRaised,
    ExecutionStarted,
    HistoryEvent,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TaskCompleted,
    TaskFailed,
    TimerCreated,
    TimerFired,
    is_made_up,
    parsed_json,
    split_entity_id,
    ticks_to_datetime,
)
from durable_harness.app.outcomes import input_of
from durable_harness.hub.arrivals import Arrival, Call
from durable_harness.hub.task_hub import TaskHub

__all__ = ["call_text", "describe_arrival", "describe_event", "instance_text"]

_MOST: Final = 60


def describe_arrival(hub: TaskHub, arrival: Arrival) -> str:
    """An arrival in a few words."""
    again = " again" if arrival.is_repeat else ""
    return f"{_words(hub, arrival.call, arrival.event, arrival.target.instance_id)}{again}"


def describe_event(hub: TaskHub, instance_id: str, event: HistoryEvent) -> str:
    """An event that has come to an instance, as its arrival was told."""
    call = None
    if isinstance(event, (TaskCompleted, TaskFailed)):
        own = [one for one in hub.calls if one.instance_id == instance_id and one.event_id == event.task_scheduled_id]
        call = own[-1] if own else None
    return _words(hub, call, event, instance_id)


def call_text(call: Call) -> str:
    """A call with its input."""
    if call.name == HTTP_ACTIVITY:
        return f"{getattr(call.input, 'method', '')} {getattr(call.input, 'url', '')}"
    return f"{call.name}({_value(call.input)})"


def instance_text(hub: TaskHub, instance_id: str) -> str:
    """An instance by the id that somebody has given it; else by what it runs, with its input."""
    if instance_id.startswith("@"):
        return "/".join(split_entity_id(instance_id))
    instance = hub.instances.get(instance_id)
    if instance is None or instance.started is None or not is_made_up(instance_id):
        return instance_id
    return _started(instance.started)


def _words(hub: TaskHub, call: Call | None, event: HistoryEvent | None, to: str) -> str:
    if call is not None:
        if call.outcome is not None and call.outcome.raised is not None:
            return f"{call_text(call)} fails: {call.outcome.error}"
        return f"the result of {call_text(call)} arrives"
    match event:
        case TimerFired():
            return _timer(hub, to, event)
        case EventRaised() if to.startswith("@"):
            return _operation(hub, to, event)
        case EventRaised():
            entity = hub.instances[to].asked_entities.get(event.name) if to in hub.instances else None
            if entity is not None:
                value = _unwrapped(json.loads(event.input or "{}").get("result"))
                shown = "" if value is None else f" ({_value(value)})"
                return f"the answer{shown} of {instance_text(hub, entity)} to {instance_text(hub, to)} arrives"
            value = parsed_json(event.input)
            shown = "" if value in (None, "null") else f" ({_value(value)})"
            return f"event {event.name!r}{shown} to {instance_text(hub, to)}"
        case ExecutionStarted():
            return f"{_started(event)} starts"
        case SubOrchestrationInstanceCompleted() | SubOrchestrationInstanceFailed():
            how = "result" if isinstance(event, SubOrchestrationInstanceCompleted) else "failure"
            return f"the {how} of {_child(hub, to, event.task_scheduled_id)} arrives at {instance_text(hub, to)}"
        case _:
            return f"{type(event).__name__} to {instance_text(hub, to)}"


def _timer(hub: TaskHub, instance_id: str, fired: TimerFired) -> str:
    instance = hub.instances.get(instance_id)
    created = next(
        (
            event
            for event in reversed(instance.history if instance else [])
            if isinstance(event, TimerCreated) and event.event_id == fired.timer_id
        ),
        None,
    )
    due = f"{ticks_to_datetime(fired.fire_at):%Y-%m-%d %H:%M:%S}"
    if created is None:
        return f"timer due at {due} fires"
    length = _length(round((fired.fire_at - created.timestamp) / TICKS_PER_SECOND))
    return f"timer of {length} (due at {due}) fires"


def _length(seconds: int) -> str:
    """A duration in its two largest units."""
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def _operation(hub: TaskHub, entity_id: str, event: EventRaised) -> str:
    message: dict[str, Any] = json.loads(event.input or "{}")
    sender = message.get("parent")
    source = f" from {instance_text(hub, sender)}" if sender else ""
    entity = instance_text(hub, entity_id)
    if "op" not in message:
        return f"{'release of' if event.name == 'release' else 'lock on'} {entity}{source}"
    verb = "signal" if message.get("signal") else "call"
    value = _unwrapped(message.get("input"))
    shown = "" if value is None else f" {_value(value)}"
    return f"{verb} {message['op']}{shown} to {entity}{source}"


def _unwrapped(text: str | None) -> Any:
    """A value out of the JSON texts in which clients and SDK wrap it, one in the other."""
    value: Any = text
    for _ in range(2):
        if not isinstance(value, str):
            break
        try:
            value = json.loads(value)
        except ValueError:
            break
    return value


def _child(hub: TaskHub, parent_id: str, event_id: int) -> str:
    parent = hub.instances.get(parent_id)
    for event in reversed(parent.history if parent else []):
        if isinstance(event, SubOrchestrationInstanceCreated) and event.event_id == event_id:
            return instance_text(hub, event.instance_id)
    return "a sub-orchestration"


def _started(event: ExecutionStarted) -> str:
    value = input_of(event)
    return f"{event.name}({'' if value is None else _value(value)})"


def _value(value: object) -> str:
    text = "" if value is None else repr(value)
    return text if len(text) <= _MOST else text[: _MOST - 3] + "..."
