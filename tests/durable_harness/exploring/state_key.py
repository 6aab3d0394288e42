"""The state of a task hub, as far as it decides the future: two hubs with equal states go on alike.

The key under which exploration remembers where it has been. User code is a function of what it was told, so its trace
stands for the place in the code; the SDK's tasks and the host's ids stand for the rest of both machines.
Invariant: whatever the state leaves out cannot be seen by user code, SDK or host from here on, nor, where a test looks
at effects, by the test.
"""

from __future__ import annotations

from collections.abc import Hashable

from durable_engine import compact_json
from durable_harness.hub.arrivals import Arrival
from durable_harness.hub.instance import HubInstance
from durable_harness.hub.task_hub import TaskHub

__all__ = ["state_of"]


def state_of(hub: TaskHub) -> Hashable:
    """The state of a hub."""
    return (
        hub.clock.now,
        tuple(_instance_state(instance) for _, instance in sorted(hub.instances.items())),
        tuple(sorted(_arrival_state(arrival) for arrival in hub.arrivals)),
        hub.answers.progress,
        tuple(hub.facts.answered) if hub.answers.may_remember else (),
    )


def _instance_state(instance: HubInstance) -> Hashable:
    if instance.is_entity:
        return instance.instance_id, tuple(map(repr, instance.inbox)), _entity_state(instance)
    head = (
        instance.instance_id,
        instance.execution_id,
        instance.runtime_status,
        tuple(map(repr, instance.inbox)),
    )
    if instance.is_completed:
        return (*head, instance.output_text, instance.custom_status_text)
    worker, replay = instance.replayer.worker, instance.replayer.replay_now
    if worker is None or replay is None:
        # Without a live worker nothing is known of the place in the code but how it was reached.
        return (*head, tuple(map(repr, instance.history)))
    return (*head, instance.custom_status_text, worker.state, replay.state)


def _entity_state(instance: HubInstance) -> str:
    """The state that is stored, with its senders in one order, whichever has come first."""
    scheduler = instance.scheduler
    scheduler.sorter.received = dict(sorted(scheduler.sorter.received.items()))
    return scheduler.text if instance.history else compact_json(None)


def _arrival_state(arrival: Arrival) -> tuple[str, int, str, int, int, int]:
    call = arrival.call
    if call is not None:
        what, number = f"{call.name} {call.outcome and (call.outcome.result, call.outcome.error)}", call.event_id
    else:
        what, number = repr(arrival.event), -1
    target = f"{arrival.target.instance_id} {arrival.target.execution_id}"
    due_at = -1 if arrival.due_at is None else arrival.due_at
    return target, number, what, due_at, arrival.is_raised, arrival.is_repeat
