"""Benchmarks of the local host: a host as a process, Azurite in memory, and the app in ``app``.

The figures of the host.
Invariant: an orchestration counts only when a witness has found it in storage, Completed and with the right result.
The recorded figures are the real engine's, on a 2-core machine, as the README of its recordings gives them.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import statistics
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.storage_peer import storage_way_seconds
from bench.table import Row
from durable_host.azurite import Azurite
from host_process import HostClient, HostProcess, StorageProxy, StorageRequest, StorageWitness, wait_until

__all__ = ["BENCHMARKS", "StartStorage", "rows"]

StartStorage = Callable[[], contextlib.AbstractContextManager[Azurite]]
"""Starts an Azurite; in memory, unless it says more."""

APP: Final = Path(__file__).with_name("app")
POLL_SECONDS: Final = 0.005
PEER: Final = "Azurite, the same storage operations"
# What a host says of a lease that it lost, an episode that it gave up, or a message that comes twice.
TROUBLE: Final = re.compile("ran out|could not be|cannot be|given up|tried again|still running|was lost")


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchHost:
    """A host that has run its first orchestration, and a witness of its hub."""

    client: HostClient
    witness: StorageWitness
    process: HostProcess
    hub: str
    connection_string: str

    def fan_out(self, count: int, *, poll_seconds: float = POLL_SECONDS, instance_id: str | None = None) -> float:
        """Run one fan-out through the HTTP trigger; the seconds from the request to the status Completed."""
        instance_id = instance_id or f"fan-out-{uuid.uuid4().hex[:12]}"
        began = time.perf_counter()
        answer = self.client.call("POST", f"/api/start/{count}?id={instance_id}")
        status = self.client.wait_for(instance_id, seconds=900, poll_seconds=poll_seconds)
        seconds = time.perf_counter() - began
        if answer.status != 202 or status["runtimeStatus"] != "Completed":
            raise AssertionError(f"A fan-out of {count} was answered {answer.status} and became {status}.")
        check_stored(self.witness, instance_id, count)
        if trouble := [line for line in self.process.log_text.splitlines() if TROUBLE.search(line)]:
            raise AssertionError(f"The host had trouble with a fan-out of {count}: {trouble[0]}")
        return seconds


def check_stored(witness: StorageWitness, instance_id: str, count: int) -> None:
    """Make sure that storage holds what the host reported."""
    stored = witness.instance(instance_id)
    row_status, expected = stored.row.get("RuntimeStatus"), [n * n for n in range(count)]
    if (stored.runtime_status, row_status, stored.output_value) != ("Completed", "Completed", expected):
        raise AssertionError(
            f"{instance_id!r} was reported Completed, but its history says {stored.runtime_status} and its row "
            f"{row_status}."
        )


def start_host(connection_string: str, hub: str, *, wait: bool = True) -> HostProcess:
    """Start a host of the app on a hub."""
    return HostProcess.start(APP, connection_string=connection_string, environment={"BENCH_HUB": hub}, wait=wait)


@contextlib.contextmanager
def bench_host(storage: StartStorage = Azurite.start) -> Iterator[BenchHost]:
    """A host on an Azurite of its own, warm."""
    hub = new_hub()
    with (
        storage() as azurite,
        start_host(azurite.connection_string, hub) as host,
        host.client() as client,
        StorageWitness(azurite.connection_string, hub) as witness,
    ):
        running = BenchHost(
            client=client, witness=witness, process=host, hub=hub, connection_string=azurite.connection_string
        )
        for _ in range(5):
            running.fan_out(4)
        yield running


def new_hub() -> str:
    """A name that no hub has."""
    return f"Bench{uuid.uuid4().hex[:12]}"


def post_to_completed(quick: bool = False) -> Row:
    """Four instant activities, from the request to the status Completed; the median."""
    rounds, times = (1, 3) if quick else (5, 5)
    ours, theirs = list[float](), list[float]()
    with bench_host() as host, Azurite.start() as azurite:
        # In turn, as what else the machine does comes and goes.
        for _ in range(rounds):
            ours += [host.fan_out(4) for _ in range(times)]
            theirs += storage_way_seconds(azurite.connection_string, 4, times + 2)[2:]
    seconds, peer = statistics.median(ours), statistics.median(theirs)
    return Row(
        name="post_to_completed",
        value=1000 * seconds,
        unit="ms",
        peer=f"{PEER}, one by one",
        peer_value=1000 * peer,
        ratio=peer / seconds,
        recorded=66,
    )


def host_start(quick: bool = False) -> Row:
    """From the start of the process to the first 202, on a new hub, with Azurite up."""
    with Azurite.start() as azurite:
        seconds = [_seconds_to_first_202(azurite.connection_string) for _ in range(1 if quick else 5)]
    return Row(name="host_start", value=statistics.median(seconds), unit="s", recorded=3.3)


def _seconds_to_first_202(connection_string: str) -> float:
    hub, instance_id = new_hub(), "first"
    began = time.perf_counter()
    with start_host(connection_string, hub, wait=False) as host, host.client() as client:

        def is_accepted() -> bool:
            with contextlib.suppress(OSError):  # it does not listen yet
                return client.call("POST", f"/api/start/4?id={instance_id}").status == 202
            return False

        wait_until(is_accepted, "the host accepts a start", seconds=60, poll_seconds=POLL_SECONDS)
        seconds = time.perf_counter() - began
        client.wait_for(instance_id)
        with StorageWitness(connection_string, hub) as witness:
            check_stored(witness, instance_id, 4)
    return seconds


def storage_operations_per_activity(quick: bool = False) -> Row:
    """All requests to storage in a fan-out of 40, from the start to the last deletion, but for empty receipts."""
    count = 40
    counts = [asyncio.run(_count_operations(count)) for _ in range(1 if quick else 3)]
    return Row(
        name="storage_operations_per_activity",
        value=statistics.median(counts) / count,
        unit="requests",
        recorded=6.5,
    )


async def _count_operations(count: int) -> int:
    hub = new_hub()
    with Azurite.start() as azurite:
        async with StorageProxy(azurite.connection_string) as proxy:
            return await asyncio.to_thread(_run_and_count, azurite.connection_string, proxy, hub, count)


def _run_and_count(connection_string: str, proxy: StorageProxy, hub: str, count: int) -> int:
    with (
        start_host(proxy.connection_string, hub) as host,
        host.client() as client,
        StorageWitness(connection_string, hub) as witness,
    ):

        def run(instance_id: str) -> None:
            client.call("POST", f"/api/start/{count}?id={instance_id}")
            # The witness asks storage itself, so that asking is not counted.
            wait_until(
                lambda: is_over(witness, instance_id), "the fan-out is over and its messages are deleted", seconds=120
            )
            check_stored(witness, instance_id, count)

        run("warming")
        proxy.requests.clear()
        run("counted")
        return sum(_is_of_an_instance(request) for request in proxy.requests)


def is_over(witness: StorageWitness, instance_id: str) -> bool:
    """Whether an instance's row says that it has ended, and no queue holds a message any more."""
    stored = witness.instances().get(instance_id)
    has_ended = stored is not None and stored.row.get("RuntimeStatus") == "Completed"
    return has_ended and not any(witness.message_counts().values())


def _is_of_an_instance(request: StorageRequest) -> bool:
    """Whether a request is part of running instances, and neither of owning partitions nor a receipt of nothing."""
    if "Partitions" in request.path or "applease" in request.path:
        return False
    is_receipt = request.service == "queue" and request.method == "GET"
    return not is_receipt or "<QueueMessage>" in request.reply


BENCHMARKS: Final[Mapping[str, Callable[[bool], Row]]] = {
    "post_to_completed": post_to_completed,
    "host_start": host_start,
    "storage_operations_per_activity": storage_operations_per_activity,
}


def rows(quick: bool = False) -> list[Row]:
    """Measure everything."""
    return [measure(quick) for measure in BENCHMARKS.values()]
