"""Small steps that the task hub's tests share: hubs with short times, and episodes without an engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from azure.storage.queue import QueueClient

from durable_engine import (
    TICKS_PER_SECOND,
    Checkpoint,
    EventRaised,
    ExecutionCompleted,
    ExecutionStarted,
    HistoryEvent,
    InstanceUpdate,
    Message,
    OrchestrationInstance,
    OrchestratorCompleted,
    OrchestratorStarted,
    TaskCompleted,
    TaskScheduled,
)
from durable_host.clock import new_guid, now
from durable_host.task_hub import HubQueue, LoadedHistory, ReceivedMessage, TaskHub, TaskHubOptions

SENDER = OrchestrationInstance(instance_id="sender", execution_id="e")


def short_options(hub_name: str, **changes: Any) -> TaskHubOptions:
    """Options with which nothing takes longer than a test should."""
    times: dict[str, Any] = {
        "control_visibility_seconds": 1,
        "work_item_visibility_seconds": 1,
        "max_polling_interval_seconds": 0.2,
        "lease_seconds": 2.0,
        "lease_renew_seconds": 0.3,
        "lease_hurry_seconds": 0.05,
        "drain_seconds": 1.0,
    }
    return TaskHubOptions(hub_name=hub_name, **times | changes)


def new_instance(instance_id: str) -> OrchestrationInstance:
    """An execution with an id of its own."""
    return OrchestrationInstance(instance_id=instance_id, execution_id=new_guid())


def started(instance: OrchestrationInstance, input: str | None = None) -> ExecutionStarted:
    """The start of an execution, as its history has it."""
    return ExecutionStarted(timestamp=now(), instance=instance, name="orch", input=input, generation=0, is_played=True)


def first_episode(instance: OrchestrationInstance, *activities: str, input: str | None = None) -> Checkpoint:
    """The checkpoint of an episode that began an execution and scheduled these activities."""
    start = started(instance, input)
    scheduled = [TaskScheduled(timestamp=now(), event_id=number, name=name) for number, name in enumerate(activities)]
    return checkpoint_of(
        instance,
        (start, *scheduled),
        messages=tuple(Message(event=event, target=instance) for event in scheduled),
        started=start,
    )


def last_episode(instance: OrchestrationInstance, results: Sequence[str | None], output: str | None) -> Checkpoint:
    """The checkpoint of an episode that got these results and completed."""
    completed = [
        TaskCompleted(timestamp=now(), task_scheduled_id=number, result=result, is_played=True)
        for number, result in enumerate(results)
    ]
    end = ExecutionCompleted(timestamp=now(), event_id=len(results), orchestration_status="Completed", result=output)
    return checkpoint_of(
        instance, (*completed, end), episode=2, runtime_status="Completed", output=output, is_completed=True
    )


def checkpoint_of(
    instance: OrchestrationInstance,
    events: Sequence[HistoryEvent],
    *,
    messages: tuple[Message, ...] = (),
    episode: int = 1,
    replaces_history: bool = False,
    **update: Any,
) -> Checkpoint:
    """A checkpoint of these events, between the two that frame every episode."""
    ended = OrchestratorCompleted(timestamp=now())
    return Checkpoint(
        instance=instance,
        episode=episode,
        events=(OrchestratorStarted(timestamp=now()), *events, ended),
        replaces_history=replaces_history,
        messages=messages,
        update=InstanceUpdate(
            execution_id=instance.execution_id, last_updated_at=ended.timestamp, **{"custom_status": None, **update}
        ),
    )


async def save(hub: TaskHub, *checkpoints: Checkpoint) -> LoadedHistory:
    """Apply checkpoints one after the other, from what is stored on."""
    loaded = await hub.history.load(checkpoints[0].instance.instance_id, None)
    for checkpoint in checkpoints:
        loaded = await hub.apply_checkpoint(checkpoint, loaded)
    return loaded


def raised(name: str, instance_id: str = "i", input: str | None = None, *, in_seconds: float | None = None) -> Message:
    """An event for an instance, due at once or in a while."""
    return Message(
        event=EventRaised(timestamp=now(), name=name, input=input),
        target=OrchestrationInstance(instance_id=instance_id, execution_id=None),
        deliver_at=None if in_seconds is None else now() + round(in_seconds * TICKS_PER_SECOND),
    )


def name_of(message: ReceivedMessage) -> str:
    """The name of the event that came."""
    event = message.data.message.event
    assert isinstance(event, EventRaised)
    return event.name


def raw_queue(connection_string: str, queue: HubQueue) -> QueueClient:
    """The queue as another program sees it."""
    return QueueClient.from_connection_string(connection_string, queue.name, api_version="2025-11-05")
