"""External events that a test raises while an orchestration runs to its end.

Role: what ``events=[raised(...)]`` says, and its way into the hub. Called by: tests, ``harness``. Calls: ``task_hub``.
Invariant: an event's value goes through JSON, as it would on its way through HTTP.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta

from azure.durable_functions.models.utils.df_serialization import df_dumps

from durable_engine.dotnet_json import compact
from durable_engine.events import EventRaised, OrchestrationInstance
from durable_harness.hub_instance import HubInstance
from durable_harness.task_hub import TaskHub
from durable_harness.virtual_clock import to_ticks

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
            timestamp=due_at or hub.clock.now, name=event.name, input=compact(json.loads(df_dumps(event.value)))
        ),
        due_at=due_at,
        is_raised=True,
    )
