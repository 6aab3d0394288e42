"""External events that a test raises while an orchestration runs to its end.

What ``events=[raised(...)]`` says, and its way into the hub.
Invariant: an event's value goes through JSON, as it would on its way through HTTP.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta

from durable_engine import EventRaised, OrchestrationInstance, compact_json
from durable_harness.core.virtual_clock import to_ticks
from durable_harness.hub.instance import HubInstance
from durable_harness.hub.task_hub import TaskHub
from durable_harness.worker.sdk_types import df_dumps

__all__ = ["Raised", "announce", "raised"]


@dataclass(frozen=True, slots=True)
class Raised:
    """An external event that a test raises: at any time after the start, or so long after it."""

    name: str
    value: object
    after: timedelta | float | None


def raised(name: str, value: object = None, *, after: timedelta | float | None = None) -> Raised:
    """An external event with a JSON value; without ``after`` it comes when nothing else is left to happen."""
    return Raised(name, value, after)


def announce(hub: TaskHub, instance: HubInstance, event: Raised) -> None:
    """Put an event on its way to an instance."""
    due_at = None if event.after is None else hub.clock.now + to_ticks(event.after)
    hub.arrivals.add(
        OrchestrationInstance(instance_id=instance.instance_id, execution_id=None),
        event=EventRaised(
            timestamp=due_at or hub.clock.now, name=event.name, input=compact_json(json.loads(df_dumps(event.value)))
        ),
        due_at=due_at,
        is_raised=True,
    )
