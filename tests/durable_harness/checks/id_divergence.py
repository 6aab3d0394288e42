"""The two machines, held against each other: what the SDK gave an id to, and what the host did.

SDK and host number an orchestration's decisions each by itself, and completions refer to the numbers. Where they part,
a result goes to the wrong task.
Invariant: each id is compared once, as soon as both have given it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from durable_engine import (
    HTTP_ACTIVITY,
    EventSent,
    HistoryEvent,
    SubOrchestrationInstanceCreated,
    TaskScheduled,
    TimerCreated,
)
from durable_harness.hub.instance import HubInstance
from durable_harness.worker.sdk_types import NoOpAction, RetryAbleTask, TaskBase

__all__ = ["divergence"]

_SAFE_SHAPE = (
    "This happens when new work is scheduled while a call with retries is pending, after a task_all has failed or a "
    "task_any has been won: the SDK goes on at once, the host when all tasks have ended, and both go on counting. Let "
    "activities return errors as values instead of raising, or wait for every task before new work is scheduled."
)


def divergence(instance: HubInstance, events: Iterable[HistoryEvent]) -> str | None:
    """What the host has given a number to that the SDK has given to something else, in words; None if nothing."""
    worker = instance.replayer.worker
    if worker is None:
        return None
    instance.host_numbers.update({event.event_id: _of_host(event) for event in events if _is_numbered(event)})
    numbered, host = worker.context.numbered, instance.host_numbers
    new = range(instance.compared, max(len(numbered), len(host)))
    both = [number for number in new if number in numbered and number in host]
    if any(_of_sdk(numbered[number]).upper() != host[number].upper() for number in both):
        ids = sorted(numbered.keys() | host.keys())
        rows = [
            f"  {number:>3}  {_of_sdk(numbered[number]) if number in numbered else '-':<40} {host.get(number, '-')}"
            for number in ids
        ]
        return (
            f"{instance.instance_id!r} ({instance.name}): SDK and host have given the same id to different things, so "
            f"that the result of one goes to the other.\n   id  {'SDK':<40} host\n"
            + "\n".join(rows)
            + f"\n{_SAFE_SHAPE}"
        )
    while instance.compared in numbered and instance.compared in host:
        instance.compared += 1
    return None


def _is_numbered(event: HistoryEvent) -> bool:
    return isinstance(event, (TaskScheduled, TimerCreated, SubOrchestrationInstanceCreated, EventSent))


def _of_host(event: HistoryEvent) -> str:
    match event:
        case TaskScheduled():
            return f"activity {event.name}"
        case SubOrchestrationInstanceCreated():
            return f"sub-orchestration {event.name}"
        case EventSent():
            return f"message to {event.instance_id}"
        case _:
            return "timer"


def _of_sdk(what: Any) -> str:
    action = what.action_repr if isinstance(what, TaskBase) else what
    if isinstance(action, NoOpAction):
        if "timer" in (action.metadata or ""):
            return "timer"
        retry = what.parent
        action = retry.actions if isinstance(retry, RetryAbleTask) else action
    name = type(action).__name__
    if name.startswith("CallActivity"):
        return f"activity {action.function_name}"
    if name.startswith("CallSubOrchestrator"):
        return f"sub-orchestration {action.function_name}"
    if name == "CallHttpAction":
        return f"activity {HTTP_ACTIVITY}"
    if name in ("CallEntityAction", "SignalEntityAction"):
        return f"message to {action.instance_id}"
    return "timer" if name == "CreateTimerAction" else name
