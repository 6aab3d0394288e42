"""Rewind: the history of a failed orchestration without its failures, so that what failed is tried again.

What the storage backend does to the rows of a failed instance and of its failed sub-orchestrations.
Invariant: events keep their places and ids; what is struck out becomes a GenericEvent, which replay passes over.
"""

from __future__ import annotations

from durable_engine import (
    ExecutionCompleted,
    GenericEvent,
    HistoryEvent,
    OrchestrationInstance,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TaskFailed,
    TaskScheduled,
)
from durable_harness.hub.instance import HubInstance
from durable_harness.hub.task_hub import TaskHub

__all__ = ["rewind"]


def rewind(hub: TaskHub, instance: HubInstance, reason: str | None) -> None:
    """Strike out what failed, and tell the instances at which the failures began."""
    history = instance.history
    failed_calls = {
        event.task_scheduled_id
        for event in history
        if isinstance(event, TaskFailed) and not isinstance(event, SubOrchestrationInstanceFailed)
    }
    failed_children = {
        event.task_scheduled_id for event in history if isinstance(event, SubOrchestrationInstanceFailed)
    }
    children = [
        hub.instances[event.instance_id]
        for event in history
        if isinstance(event, SubOrchestrationInstanceCreated)
        and event.event_id in failed_children
        and event.instance_id in hub.instances
    ]
    instance.history = [_struck_out(event, failed_calls) for event in history]
    instance.is_completed, instance.runtime_status, instance.output_text = False, "Running", None
    instance.replayer.forget()
    instance.episodes.clear()
    for child in children:
        rewind(hub, child, reason)
    if failed_calls or not children:
        hub.receive(
            GenericEvent(timestamp=hub.clock.now, data=reason),
            OrchestrationInstance(instance_id=instance.instance_id, execution_id=instance.execution_id),
        )


def _struck_out(event: HistoryEvent, failed_calls: set[int]) -> HistoryEvent:
    is_struck = isinstance(event, (TaskFailed, ExecutionCompleted)) or (
        isinstance(event, TaskScheduled) and event.event_id in failed_calls
    )
    if not is_struck:
        return event
    return GenericEvent(timestamp=event.timestamp, event_id=event.event_id, is_played=event.is_played)
