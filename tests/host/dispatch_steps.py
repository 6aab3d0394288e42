"""A host in small: a task hub, the dispatchers and a client, with plain functions for an app.

What the tests of dispatch drive. It owns its partitions without leases and listens on no port.
Invariant: nothing is faked but the app's import: messages, episodes, rows and renewals are those of a host.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import azure.functions as func
import pytest
from azure.core.exceptions import HttpResponseError
from azure.durable_functions import DurableOrchestrationContext as Context
from azure.durable_functions.entity import Entity
from azure.durable_functions.orchestrator import Orchestrator

from durable_engine import FINAL_STATUSES, ActivityOutcome, App, EventRaised, HistoryEvent, KnownFunctions, VersionRule
from durable_host.clock import new_guid, now
from durable_host.dispatch.activities import ActivityDispatcher
from durable_host.dispatch.control_readers import ControlReaders
from durable_host.dispatch.episodes import EpisodeRunner
from durable_host.dispatch.http_activity import HttpActivity
from durable_host.dispatch.message_locks import HeldMessages
from durable_host.dispatch.orchestrations import OrchestrationDispatcher
from durable_host.task_hub import InstanceRow, Poller, TaskHub, TaskHubClient
from host.task_hub_steps import short_options
from host_process import soon

__all__ = ["SDK_WARNINGS", "SmallHost", "Steps", "running", "soon", "storage_fails_once"]

Steps = Generator[Any, Any, Any]

# The SDK warns of a message that came twice; as an error that would fail the orchestration.
SDK_WARNINGS = [
    pytest.mark.filterwarnings("ignore:Potential duplicate Task completion:UserWarning"),
    pytest.mark.filterwarnings("ignore:azure.functions df_loads was called without:DeprecationWarning"),
]


@dataclass(slots=True)
class SmallHost:
    """One running host in small."""

    hub: TaskHub
    held: HeldMessages
    orchestrations: OrchestrationDispatcher
    activities: ActivityDispatcher
    readers: ControlReaders
    client: TaskHubClient
    work_items: Poller

    async def start(self, name: str, instance_id: str, input: object = None, version: str | None = None) -> None:
        """Start an instance over an earlier one of its id, if there is one. The SDK's client encodes inputs twice."""
        replaced = await self.client.get_instance(instance_id)
        await self.client.start(
            name,
            instance_id=instance_id,
            execution_id=new_guid(),
            input=None if input is None else json.dumps(json.dumps(input)),
            generation=0 if replaced is None else (replaced.generation or 0) + 1,
            version=version,
            replaces=replaced,
        )

    async def send(self, instance_id: str, event: HistoryEvent) -> None:
        """Send an event to an instance."""
        await self.client.send_to_instance(instance_id, event)

    async def raise_event(self, instance_id: str, name: str, data: object = None) -> None:
        """Raise an external event."""
        await self.send(instance_id, EventRaised(timestamp=now(), name=name, input=json.dumps(data)))

    async def row(self, instance_id: str) -> InstanceRow:
        """The instance as its row shows it."""
        row = await self.client.get_instance(instance_id)
        assert row is not None, f"there is no row of {instance_id!r}"
        return row

    async def reaches(self, instance_id: str, *statuses: str, seconds: float = 15.0) -> InstanceRow:
        """Wait until the instance has one of the statuses, the final ones where none is given."""
        row: InstanceRow | None = None

        async def has_arrived() -> bool:
            nonlocal row
            row = await self.client.get_instance(instance_id)
            return row is not None and row.runtime_status in (statuses or FINAL_STATUSES)

        await soon(has_arrived, f"{instance_id!r} is {' or '.join(statuses or FINAL_STATUSES)}", seconds)
        assert row is not None
        return row

    async def has_event(self, instance_id: str, kind: str, seconds: float = 10.0) -> None:
        """Wait until the instance's history has an event of a kind."""

        async def is_there() -> bool:
            return kind in [event.kind for event in await self.client.get_history(instance_id)]

        await soon(is_there, f"{instance_id!r} has a {kind}", seconds)

    def keep_own_messages(self) -> None:
        """Take over what is sent here, as if all queues were read; what others send is not received."""
        for queue in self.hub.control_queues:
            queue.reader = self.orchestrations


def storage_fails_once(monkeypatch: pytest.MonkeyPatch, owner: object, method: str) -> None:
    """The next call of this method, which is a coroutine, does nothing and raises an error of storage."""
    original, failures = getattr(owner, method), iter([True])

    async def fail_once(*args: Any, **named: Any) -> Any:
        if next(failures, False):
            raise HttpResponseError("storage is away")
        return await original(*args, **named)

    monkeypatch.setattr(owner, method, fail_once)


def _handle(
    make: Callable[[Any], Callable[[Any], str]], function: Any, context: Callable[[str], Any]
) -> Callable[[str], str]:
    call = make(function)
    return lambda payload: call(context(payload))


@contextlib.asynccontextmanager
async def running(
    connection_string: str,
    hub_name: str,
    orchestrators: Sequence[Callable[[Any], Any]] = (),
    activities: Mapping[str, Callable[[Any], Any]] | None = None,
    entities: Sequence[Callable[[Any], Any]] = (),
    *,
    at_a_time: int = 20,
    entities_at_a_time: int = 20,
    reads: bool = True,
    limit_seconds: float | None = None,
    versions: VersionRule | None = None,
    **options: Any,
) -> AsyncIterator[SmallHost]:
    """Run a host in small until the block ends. Activities get their input decoded; they run in the event loop, and
    may be coroutine functions. Without ``reads`` the control queues are not read."""
    known = activities or {}
    by_name = {function.__name__: function for function in orchestrators}
    entity_by_name = {function.__name__: function for function in entities}
    app = App(
        functions=KnownFunctions(
            orchestrators=tuple(by_name),
            activities=tuple(known),
            entities=tuple(entity_by_name),
            default_version=versions.default_version if versions else None,
        ),
        orchestrator=lambda name: _handle(Orchestrator.create, by_name[name], func.OrchestrationContext),
        entity=lambda name: _handle(Entity.create, entity_by_name[name], func.EntityContext),
        versions=versions or VersionRule(match="None"),
    )

    async def run_activity(name: str, input_text: str | None, instance_id: str) -> ActivityOutcome:
        value = known[name](json.loads(input_text) if input_text is not None else None)
        if asyncio.iscoroutine(value):
            value = await value
        return ActivityOutcome(result=json.dumps(value))

    async with contextlib.AsyncExitStack() as resources:
        hub = await resources.enter_async_context(
            TaskHub(connection_string, short_options(hub_name, **{"control_visibility_seconds": 2, **options}))
        )
        http = HttpActivity()
        resources.push_async_callback(http.close)
        held = HeldMessages(hub.options.work_item_visibility_seconds)
        episodes = EpisodeRunner(app, at_a_time=2, long_seconds=0.5, limit_seconds=limit_seconds)
        orchestrations = OrchestrationDispatcher(hub, held, episodes, limit=at_a_time, entity_limit=entities_at_a_time)
        dispatcher = ActivityDispatcher(hub, held, run_activity, http, limit=at_a_time)
        readers = ControlReaders(hub, orchestrations)
        work_items = hub.poller(hub.work_items, dispatcher)
        for work in (held.renew_for_ever(), dispatcher.receive_for_ever(work_items)):
            task = asyncio.create_task(work)
            resources.push_async_callback(_end, task)
        resources.push_async_callback(orchestrations.stop, 2.0)
        resources.push_async_callback(dispatcher.stop, 2.0)
        resources.callback(work_items.stop)
        resources.push_async_callback(readers.stop)
        if reads:
            for index in range(len(hub.control_queues)):
                readers.partition_acquired(index)
        yield SmallHost(
            hub=hub,
            held=held,
            orchestrations=orchestrations,
            activities=dispatcher,
            readers=readers,
            client=TaskHubClient(hub),
            work_items=work_items,
        )


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


def waits(context: Context) -> Steps:
    """Complete with the data of one event."""
    data = yield context.wait_for_external_event("go")
    return data


def quick(context: Context) -> str | None:
    """Complete at once with the input."""
    text: str | None = context.get_input()
    return text


def register(context: Any) -> None:
    """An entity that keeps the last value."""
    context.set_state(context.get_input())
