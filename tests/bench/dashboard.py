"""Benchmarks of the dashboard: the list of a hub with 10,500 instances, and an instance with 2,000 events.

A host as a process on a hub that has been filled beforehand, asked over HTTP as a browser asks.
Invariant: beside each page stands the bare query of the same rows, by the official client, in this process.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from azure.data.tables.aio import TableClient

from bench.host import new_hub, start_host
from bench.table import Row
from durable_engine import (
    TICKS_PER_SECOND,
    ExecutionCompleted,
    ExecutionStarted,
    HistoryEvent,
    OrchestrationInstance,
    OrchestratorCompleted,
    OrchestratorStarted,
    TaskCompleted,
    TaskScheduled,
    Ticks,
    compact_json,
)
from durable_host.azurite import Azurite
from durable_host.clock import now
from durable_host.task_hub import LoadedHistory, TaskHub, TaskHubOptions
from durable_host.task_hub.account.storage import StorageAccount
from durable_host.task_hub.tables.history_rows import table_time
from host_process import HostClient

__all__ = ["BENCHMARKS", "rows"]

AT_ONCE: Final = 24
CALLS: Final = 666
"""A fan-out of so many has 2,000 events, those of its episodes included."""
PAGES: Final = (
    "?page=2",
    "?page=100",
    "?status=Running",
    "?name=fan&page=3",
    "?prefix=instance-004",
    "?kind=entities",
    "",
)
SCAN: Final = "one bare scan of the same rows"
QUERY: Final = "one bare query of the same rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledHost:
    """A host whose hub was filled before it started."""

    client: HostClient
    connection_string: str
    hub: str
    long_instances: tuple[str, ...]

    def page_seconds(self, path: str) -> float:
        """How long one page takes."""
        began = time.perf_counter()
        answer = self.client.call("GET", f"/durable{path}")
        seconds = time.perf_counter() - began
        if answer.status != 200:
            raise AssertionError(f"{path!r} was answered {answer.status}: {answer.body[:500]!r}")
        return seconds

    def complete_list_seconds(self) -> float:
        """How long it takes until the list shows everything: of a long scan it shows at first what was read so far."""
        began = time.perf_counter()
        while b"Still reading" in self.client.call("GET", "/durable").body:
            time.sleep(0.01)
        return time.perf_counter() - began

    def query_seconds(self, table: str, where: str, *, most: int | None = None) -> float:
        """How long the rows take that a filter asks for."""
        return asyncio.run(_query_seconds(self.connection_string, f"{self.hub}{table}", where, most))


@contextlib.contextmanager
def filled_host(*, finished: int, running: int, long_instances: int) -> Iterator[FilledHost]:
    """A host on a hub with so many instances, on an Azurite of its own."""
    hub = new_hub()
    with Azurite.start() as azurite:
        ids = asyncio.run(_fill(azurite.connection_string, hub, finished, running, long_instances))
        with start_host(azurite.connection_string, hub) as host, host.client() as client:
            yield FilledHost(
                client=client, connection_string=azurite.connection_string, hub=hub, long_instances=tuple(ids)
            )


def dashboard_first_list(quick: bool = False) -> Row:
    """The first list, for which the whole table is read, beside a scan of the table."""
    return _list_rows(quick)[0]


def dashboard_later_page(quick: bool = False) -> Row:
    """The slowest of the pages after it, filtered ones among them."""
    return _list_rows(quick)[1]


def _list_rows(quick: bool) -> tuple[Row, Row]:
    finished, running = (500, 25) if quick else (10_000, 500)
    with filled_host(finished=finished, running=running, long_instances=0) as host:
        scan = host.query_seconds("Instances", "RowKey eq ''")
        first = host.complete_list_seconds()
        later = max(host.page_seconds(path) for _ in range(1 if quick else 5) for path in PAGES)
        query = host.query_seconds("Instances", "RuntimeStatus eq 'Running'", most=50)
    return (
        Row(name="dashboard_first_list", value=first, unit="s", peer=SCAN, peer_value=scan, ratio=scan / first),
        Row(
            name="dashboard_later_page",
            value=1000 * later,
            unit="ms",
            peer=QUERY,
            peer_value=1000 * query,
            ratio=query / later,
        ),
    )


def dashboard_long_instance(quick: bool = False) -> Row:
    """The page of an instance with 2,000 events that nobody has looked at before; the median."""
    with filled_host(finished=0, running=0, long_instances=1 if quick else 5) as host:
        host.page_seconds("")
        seconds = statistics.median(host.page_seconds(f"/instance?id={one}") for one in host.long_instances)
        query = statistics.median(
            host.query_seconds("History", f"PartitionKey eq '{one}'") for one in host.long_instances
        )
    return Row(
        name="dashboard_long_instance",
        value=1000 * seconds,
        unit="ms",
        peer=QUERY,
        peer_value=1000 * query,
        ratio=query / seconds,
    )


async def _query_seconds(connection_string: str, table: str, where: str, most: int | None) -> float:
    async with StorageAccount(connection_string) as account:
        client = account.table(table)
        async for _ in client.query_entities("PartitionKey eq 'warm'"):
            break
        began, count = time.perf_counter(), 0
        async for _ in client.query_entities(where, results_per_page=most or 1000):
            count += 1
            if count == most:
                break
        return time.perf_counter() - began


async def _fill(connection_string: str, hub: str, finished: int, running: int, long_instances: int) -> list[str]:
    options = TaskHubOptions(hub_name=hub, partition_count=4)
    async with TaskHub(connection_string, options) as task_hub, StorageAccount(connection_string) as account:
        table = account.table(f"{hub}Instances")
        places, start = asyncio.Semaphore(AT_ONCE), now()
        await asyncio.gather(
            *(_put_row(table, places, number, start, number < finished) for number in range(finished + running))
        )
        ids = [f"long-{number}" for number in range(long_instances)]
        for instance_id in ids:
            events = _long_history(instance_id, start)
            loaded = LoadedHistory(instance_id=instance_id, execution_id=None)
            await task_hub.history.append(loaded, "e", events)
            await table.create_entity(_row(instance_id, start, is_finished=True))
    return ids


async def _put_row(table: TableClient, places: asyncio.Semaphore, number: int, start: Ticks, is_finished: bool) -> None:
    async with places:
        created_at = start - number * TICKS_PER_SECOND
        await table.create_entity(_row(f"instance-{number:05d}", created_at, is_finished=is_finished))


def _row(instance_id: str, created_at: Ticks, *, is_finished: bool) -> dict[str, Any]:
    row = {
        "PartitionKey": instance_id,
        "RowKey": "",
        "Name": "fan_out",
        "ExecutionId": "e",
        "Input": f'"{CALLS}"',
        "CustomStatus": "null",
        "TaskHubName": "Bench",
        "RuntimeStatus": "Completed" if is_finished else "Running",
        "CreatedTime": table_time(created_at),
        "LastUpdatedTime": table_time(created_at + TICKS_PER_SECOND),
    }
    done = {
        "CompletedTime": table_time(created_at + TICKS_PER_SECOND),
        "Output": compact_json([n * n for n in range(40)]),
    }
    return row | done if is_finished else row


def _long_history(instance_id: str, start: Ticks) -> list[HistoryEvent]:
    """A fan-out whose results came two at a time."""
    step = TICKS_PER_SECOND // 50
    instance = OrchestrationInstance(instance_id=instance_id, execution_id="e")
    events: list[HistoryEvent] = [
        OrchestratorStarted(timestamp=start),
        ExecutionStarted(timestamp=start, instance=instance, name="fan_out", input=f'"{CALLS}"'),
    ]
    events += [TaskScheduled(event_id=n, timestamp=start + n, name="square", input=f"[{n}]") for n in range(CALLS)]
    events.append(OrchestratorCompleted(timestamp=start + CALLS))
    for n in range(0, CALLS, 2):
        at = start + (n + 1) * step
        events.append(OrchestratorStarted(timestamp=at))
        events += [TaskCompleted(timestamp=at, task_scheduled_id=m, result=str(m * m)) for m in (n, n + 1)]
        if n + 2 < CALLS:
            events.append(OrchestratorCompleted(timestamp=at))
    result = compact_json([m * m for m in range(CALLS)])
    end = events[-1].timestamp
    events.append(ExecutionCompleted(timestamp=end, event_id=CALLS, orchestration_status="Completed", result=result))
    events.append(OrchestratorCompleted(timestamp=end))
    return events


BENCHMARKS: Final[Mapping[str, Callable[[bool], Row]]] = {
    "dashboard_first_list": dashboard_first_list,
    "dashboard_later_page": dashboard_later_page,
    "dashboard_long_instance": dashboard_long_instance,
}


def rows(quick: bool = False) -> list[Row]:
    """Measure everything; the list's two figures are of one hub."""
    return [*_list_rows(quick), dashboard_long_instance(quick)]
