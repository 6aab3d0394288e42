"""A host of ours that takes over what a real host left: it is started on the hub, and clients go on where they were.

Runs the host in this process, asks for what the recorded clients had not asked for yet, and waits for the end.
Invariant: nothing is asked that the recorded clients did not ask, and only in the state in which they asked it. A
client whose start was never answered starts again.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

import aiohttp
from azure.durable_functions.entity import Entity
from azure.durable_functions.orchestrator import Orchestrator

from durable_engine import FINAL_STATUSES
from durable_host.app.index import FunctionIndex
from durable_host.config.host_json import HostJson, read_host_json
from durable_host.host import Host, HostOptions
from takeover.left_run import LeftRun, Operation
from takeover.recorded_requests import RECORDINGS

__all__ = ["Client", "RecordedApp", "carry_on", "running_host"]

_MODULE: Final = "app_that_is_taken_over"
_MANAGEMENT: Final = "/runtime/webhooks/durabletask"
_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.15
_PATHS: Final = {
    "EventRaised": "raiseEvent",
    "ExecutionTerminated": "terminate",
    "ExecutionSuspended": "suspend",
    "ExecutionResumed": "resume",
    "GenericEvent": "rewind",
}


class RecordedApp:
    """The app that was recorded, under a module name of its own: other suites of this process have other apps."""

    def __init__(self, folder: Path) -> None:
        shutil.copy(RECORDINGS / "app" / "function_app.py", folder / f"{_MODULE}.py")
        shutil.copy(RECORDINGS / "app" / "host.json", folder)
        # The app puts recorders of its own into the SDK, which other apps are not to use.
        originals = Orchestrator.create, Entity.create
        try:
            self.index = FunctionIndex.load(folder, script_file=f"{_MODULE}.py")
        finally:
            Orchestrator.create, Entity.create = (staticmethod(original) for original in originals)
        self._folder = folder

    def settings(self, hub: str) -> HostJson:
        """The app's host.json with another hub, and with polling that a test can wait for."""
        recorded = read_host_json(self._folder, {})
        return replace(recorded, hub_name=hub, max_polling_interval_seconds=0.3, log_levels={"default": "Warning"})

    def has_run(self, instance_id: str, times: int) -> None:
        """Let the activity that counts its runs know of those in the process that died."""
        sys.modules[_MODULE]._STATE[instance_id] = times


@contextlib.asynccontextmanager
async def running_host(app: RecordedApp, hub: str, connection_string: str) -> AsyncIterator[Client]:
    """A host in this process, and a client of it."""
    options = HostOptions(
        connection_string=connection_string, port=0, patience_seconds=0.5, lease_seconds=3.0, renew_seconds=0.5
    )
    async with Host(app.index, app.settings(hub), options) as host, aiohttp.ClientSession(host.origin) as session:
        yield Client(session)


class Client:
    """What the clients of all runs share: one look at all statuses, and the requests of each."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self.statuses: dict[str, str] = {}
        """The status of every instance, as the last look showed it."""

    async def look(self) -> None:
        """Ask for the status of all instances."""
        async with self._session.get(f"{_MANAGEMENT}/instances?top=1000") as answer:
            self.statuses = {one["instanceId"]: one["runtimeStatus"] for one in await answer.json()}

    async def start(self, name: str, instance_id: str, data: str | None) -> None:
        """Start an orchestration with this text as its input."""
        path = f"{_MANAGEMENT}/orchestrators/{name}/{quote(instance_id)}"
        await self._post(path, data)

    async def operate(self, operation: Operation) -> None:
        """Ask for an operation; an instance that has ended meanwhile is no error. The statuses are then new ones."""
        path = f"{_MANAGEMENT}/instances/{quote(operation.instance_id)}/{_PATHS[operation.kind]}"
        if operation.kind == "EventRaised":
            await self._post(f"{path}/{quote(operation.name or '')}", operation.data)
        else:
            await self._post(f"{path}?{urlencode({'reason': operation.data})}" if operation.data else path, None)
        await self.look()

    async def has_event(self, instance_id: str, event_type: str) -> bool:
        """Whether an instance's history shows an event of this kind."""
        path = f"{_MANAGEMENT}/instances/{quote(instance_id)}?showHistory=true"
        async with self._session.get(path) as answer:
            return any(event["EventType"] == event_type for event in (await answer.json())["historyEvents"])

    async def _post(self, path: str, data: str | None) -> None:
        headers = {} if data is None else {"Content-Type": "application/json"}
        async with self._session.post(path, data=data, headers=headers) as answer:
            if answer.status not in (202, 410):
                raise AssertionError(f"POST {path} was answered {answer.status}: {await answer.text()}")


async def carry_on(client: Client, runs: Iterable[LeftRun]) -> list[str]:
    """Be the clients of all these runs until every instance has ended. Returns what did not come about."""
    tasks = {asyncio.create_task(_be_client(client, run)): run.label for run in runs}
    poll = asyncio.create_task(_look_for_ever(client))
    tasks[asyncio.create_task(_all_have_ended(client, [*tasks]))] = "all runs"
    either: list[asyncio.Future[Any]] = [poll, asyncio.gather(*tasks, return_exceptions=True)]
    await asyncio.wait(either, timeout=_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    late = [task for task in tasks if not task.done()]
    for task in (poll, *late):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    with contextlib.suppress(asyncio.CancelledError):
        await poll
    unfinished = {name: status for name, status in client.statuses.items() if not _is_over(name, status)}
    return [
        *(f"{label}: {task.exception()!r}" for task, label in tasks.items() if task not in late and task.exception()),
        *(f"{tasks[task]}: not over after {_SECONDS:g} s, where there still are {unfinished}" for task in late),
    ]


async def _all_have_ended(client: Client, clients: Collection[asyncio.Task[None]]) -> None:
    """Wait until nothing goes on behind the clients' backs: children have ended too."""
    await asyncio.wait(clients)
    while not all(_is_over(name, status) for name, status in client.statuses.items()):
        await asyncio.sleep(_POLL_SECONDS / 3)


def _is_over(instance_id: str, status: str) -> bool:
    return status in FINAL_STATUSES or instance_id.startswith("@")


async def _look_for_ever(client: Client) -> None:
    while True:
        await client.look()
        await asyncio.sleep(_POLL_SECONDS)


async def _be_client(client: Client, run: LeftRun) -> None:
    for put in run.unpromised:
        await client.start(put.event["Name"], put.instance_id, put.event["Input"])
    if (stuck := run.rewind_cut_short) is not None:
        # As far as the real engine gets, too: a status that cannot be rewound, and no message that would go on.
        await _reaches(client, stuck.instance_id, {"Pending"})
        await client.operate(replace(stuck, kind="ExecutionTerminated"))
    for operation in run.open_operations:
        if await _reaches(client, operation.instance_id, {operation.when, *FINAL_STATUSES}) != operation.when:
            continue
        while operation.after_event and not await client.has_event(operation.instance_id, "EventRaised"):
            await asyncio.sleep(_POLL_SECONDS)
        await client.operate(operation)
    for put in run.starts:
        status = await _reaches(client, put.instance_id, FINAL_STATUSES)
        rewinds = [operation for operation in run.open_operations if operation.kind == "GenericEvent"]
        if status == "Failed" and rewinds and "received" in run.repeats:
            # The failure that was rewound was delivered a second time, after the rewind: it is rewound again.
            await client.operate(rewinds[0])
            await _reaches(client, put.instance_id, FINAL_STATUSES)


async def _reaches(client: Client, instance_id: str, states: Collection[str]) -> str:
    while (status := client.statuses.get(instance_id, "")) not in states:
        await asyncio.sleep(_POLL_SECONDS / 3)
    return status
