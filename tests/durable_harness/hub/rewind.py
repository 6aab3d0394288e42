"""Rewind: an instance that failed runs on from before its failure, and so do its failed sub-orchestrations."""

from __future__ import annotations

from durable_engine import GenericEvent, OrchestrationInstance, rewind_history
from durable_harness.hub.instance import HubInstance
from durable_harness.hub.task_hub import TaskHub

__all__ = ["rewind"]


def rewind(hub: TaskHub, instance: HubInstance, reason: str | None) -> None:
    """Strike out what failed, and tell the instances at which the failures began."""
    rewound = rewind_history(instance.history)
    instance.history = list(rewound.history)
    instance.is_completed, instance.runtime_status, instance.output_text = False, "Running", None
    instance.replayer.forget()
    instance.episodes.clear()
    for child in rewound.failed_children:
        if child in hub.instances:
            rewind(hub, hub.instances[child], reason)
    if rewound.is_first_to_fail:
        hub.receive(
            GenericEvent(timestamp=hub.clock.now, data=reason),
            OrchestrationInstance(instance_id=instance.instance_id, execution_id=instance.execution_id),
        )
