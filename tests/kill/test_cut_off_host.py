"""A host that dies between any two of its writes to storage loses nothing: the checkpoint order makes a crash harmless.

Each host here runs in this process, behind a proxy that lets so many writes through and then carries out nothing more:
what storage then holds is what it would hold if the host had died at that point. A second host finishes the instance,
and a witness, which reads storage alone, says whether it is whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import uuid
from collections.abc import AsyncIterator
from functools import cache

import pytest

from durable_host.app.index import FunctionIndex
from durable_host.azurite import Azurite
from durable_host.config.host_json import read_host_json
from durable_host.host import Host, HostOptions
from host_process import HostClient, StorageProxy, StorageRequest, StorageWitness
from kill.hosts import KILL_APP, KILL_APP_FILE

AT_A_TIME = 4
# These hosts share one process, and so one processor, with each other: what takes one of them a second alone may take
# many times that on a busy machine. It ends nothing sooner than what is waited for has come.
SECONDS = 120.0
# Each look costs what the hosts have little of.
POLL_SECONDS = 0.3


@cache
def index() -> FunctionIndex:
    """The app's functions; azure-functions gives them only once."""
    return FunctionIndex.load(KILL_APP, script_file=KILL_APP_FILE)


def is_step(request: StorageRequest) -> bool:
    """Whether a request is a step of an instance's way, and not of the ownership of partitions."""
    return request.is_write and "Partitions" not in request.path and "applease" not in request.path


@contextlib.asynccontextmanager
async def running_host(hub: str, connection_string: str) -> AsyncIterator[HostClient]:
    """Run a host in this process; yields a client, which blocks and so belongs in a thread."""
    options = HostOptions(
        connection_string=connection_string, port=0, patience_seconds=0.5, lease_seconds=2.0, renew_seconds=0.5
    )
    async with Host(index(), read_host_json(KILL_APP, {"KILL_TEST_HUB": hub}), options) as host:
        with HostClient(host.server.port) as client:
            yield client


async def was_started(client: HostClient, orchestrator: str, instance_id: str) -> bool:
    """Start an instance on a host that may be cut off meanwhile; whether it said that it has."""
    try:
        await asyncio.to_thread(client.start, orchestrator, instance_id=instance_id)
    except (AssertionError, OSError, http.client.HTTPException):
        return False
    return True


async def run_until_cut(proxy: StorageProxy, hub: str, orchestrator: str, instance_id: str, writes: int) -> bool:
    """Let a host run an instance until it has made so many writes; whether it said that the instance was started."""
    async with running_host(hub, proxy.connection_string) as client:
        proxy.requests.clear()
        proxy.cut_after(writes, is_step)
        started = await was_started(client, orchestrator, instance_id)
        async with asyncio.timeout(SECONDS):
            # Results that share an episode save writes, so that there may be fewer than were counted.
            while not proxy.is_cut and not await has_ended(client, instance_id):
                await asyncio.sleep(POLL_SECONDS)
    return started


async def has_ended(client: HostClient, instance_id: str) -> bool:
    """Whether a host, which may be cut off meanwhile, says that the instance is completed."""
    try:
        status = await asyncio.to_thread(client.status, instance_id)
    except (OSError, ValueError, http.client.HTTPException):
        return False
    return status is not None and status.get("runtimeStatus") == "Completed"


async def count_steps(azurite: Azurite, orchestrator: str, expected: object) -> list[StorageRequest]:
    """The writes of an instance that nothing disturbs."""
    hub, instance_id = new_hub(), "undisturbed"
    async with StorageProxy(azurite.connection_string) as proxy:
        async with running_host(hub, proxy.connection_string) as client:
            proxy.requests.clear()
            assert await was_started(client, orchestrator, instance_id)
            status = await asyncio.to_thread(client.wait_for, instance_id, seconds=SECONDS)
            assert (status["runtimeStatus"], status["output"]) == ("Completed", expected)
            await asyncio.sleep(0.2)  # the last deletions
        return [request for request in proxy.requests if is_step(request)]


async def survive(azurite: Azurite, orchestrator: str, expected: object, writes: int) -> str | None:
    """Cut a host off after so many writes, and let another one finish. Returns what is wrong, if anything is."""
    hub, instance_id = new_hub(), f"cut-{writes}"
    async with StorageProxy(azurite.connection_string) as proxy:
        was_promised = await run_until_cut(proxy, hub, orchestrator, instance_id, writes)
        done = [f"{r.method} {r.path.partition('?')[0]}" for r in proxy.requests if r.status is not None and is_step(r)]
    where = f"after {len(done)} writes, the last being {done[-1] if done else 'none'}"
    async with running_host(hub, azurite.connection_string) as client:
        if await asyncio.to_thread(client.status, instance_id) is None:
            if was_promised:
                return f"{where}: the instance was promised, and is gone"
            await asyncio.to_thread(client.start, orchestrator, instance_id=instance_id)
        try:
            status = await asyncio.to_thread(client.wait_for, instance_id, seconds=SECONDS, poll_seconds=POLL_SECONDS)
        except TimeoutError as error:
            return f"{where}: {error}"
    seen = (status["runtimeStatus"], status["output"])
    if seen != ("Completed", expected):
        return f"{where}: the instance ended as {seen}"
    with StorageWitness(azurite.connection_string, hub) as witness:
        stored = await asyncio.to_thread(witness.instances)
    ends = [(one.runtime_status, one.output_value) for one in stored.values() if one.name == orchestrator]
    return None if ends == [("Completed", expected)] else f"{where}: storage holds {ends}"


def new_hub() -> str:
    return f"Cut{uuid.uuid4().hex[:12]}"


# Hosts in this process run the SDK, which warns where a message came twice, which is what a crash does. As an error
# the warning would fail the orchestration; in a host of its own it is a line in the log.
@pytest.mark.long
@pytest.mark.filterwarnings(r"ignore:::azure\..*")
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("orchestrator", "output"), [("calls", [2, [4, 6], 8]), ("waits", [8, 16])])
def test_instance_survives_the_loss_of_its_host_after_any_of_its_writes(
    azurite: Azurite, orchestrator: str, output: object
) -> None:
    async def survive_all() -> list[str | None]:
        steps = await count_steps(azurite, orchestrator, output)
        assert len(steps) > 25
        places = asyncio.Semaphore(AT_A_TIME)

        async def survive_one(writes: int) -> str | None:
            async with places:
                return await survive(azurite, orchestrator, output, writes)

        return await asyncio.gather(*(survive_one(writes) for writes in range(len(steps))))

    wrong = [text for text in asyncio.run(survive_all()) if text is not None]

    assert not wrong, "\n".join(wrong)
