"""The peer of a fan-out's end: its last episode alone, which is one replay by the SDK and the writing of its rows.

Invariant: the same history up to the same event, written after as many rows as the host wrote it after.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Generator, Sequence
from typing import Any, Final

import azure.durable_functions as df
import azure.functions as func
from azure.durable_functions.orchestrator import Orchestrator

from durable_engine import App, HistoryEvent, KnownFunctions, OrchestratorStarted, TaskCompleted, Ticks, run_episode
from durable_host.clock import new_id, now
from durable_host.task_hub import LoadedHistory, TaskHub, TaskHubOptions

__all__ = ["end_seconds", "last_result_at"]


def fan_out(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Any]:
    """The orchestrator of the app that is measured."""
    results = yield context.task_all([context.call_activity("square", n) for n in range(context.get_input())])
    return results


def _called(payload: str) -> str:
    return str(Orchestrator.create(fan_out)(func.OrchestrationContext(payload)))


_APP: Final = App(
    functions=KnownFunctions(orchestrators=("fan_out",), activities=("square",)), orchestrator=lambda name: _called
)


async def last_result_at(connection_string: str, hub: str, instance_id: str) -> Ticks:
    """When the last activity of an instance had ended."""
    events = await _history(connection_string, hub, instance_id)
    return max(event.timestamp for event in events if isinstance(event, TaskCompleted))


async def end_seconds(connection_string: str, hub: str, instance_id: str) -> float:
    """How long the last episode of an instance takes alone, in a hub of its own."""
    events = await _history(connection_string, hub, instance_id)
    begin = max(index for index, event in enumerate(events) if isinstance(event, OrchestratorStarted))
    past, batch = events[:begin], [event for event in events[begin:] if isinstance(event, TaskCompleted)]
    async with TaskHub(connection_string, TaskHubOptions(hub_name=f"Alone{uuid.uuid4().hex[:12]}")) as alone:
        nothing = LoadedHistory(instance_id=instance_id, execution_id=None)
        written = await alone.history.append(nothing, "alone", past)
        began = time.perf_counter()
        checkpoint = run_episode(past, batch, _APP, now=now(), new_id=new_id)
        await alone.history.append(written, "alone", checkpoint.events)
        return time.perf_counter() - began


async def _history(connection_string: str, hub: str, instance_id: str) -> Sequence[HistoryEvent]:
    async with TaskHub(connection_string, TaskHubOptions(hub_name=hub)) as stored:
        return (await stored.history.load(instance_id, None)).events
