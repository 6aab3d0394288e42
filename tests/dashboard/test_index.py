"""The index of instances, the pages of a list and the filters, on summaries that a test makes up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from durable_engine import TICKS_PER_SECOND, Ticks, ticks_from_text
from durable_host.dashboard import index as index_module
from durable_host.dashboard.index import InstanceIndex
from durable_host.dashboard.listing import Filter, indexed_list, table_list
from durable_host.task_hub.hub.client import InstanceQuery, TaskHubClient
from durable_host.task_hub.tables.instance_summaries import InstanceSummary, SummaryPage

NOON = ticks_from_text("2026-01-01T12:00:00Z")


def _summary(number: int, status: str = "Completed", *, name: str = "chain", prefix: str = "i") -> InstanceSummary:
    at = NOON + number * TICKS_PER_SECOND
    return InstanceSummary(
        instance_id=f"{prefix}{number}",
        name=name,
        runtime_status=status,
        created_at=at,
        last_updated_at=at,
        completed_at=at,
        changed_at=at,
    )


@dataclass
class Table:
    """A table of summaries that counts how it is read; scans wait for ``go_on``, where it is there."""

    rows: dict[str, InstanceSummary] = field(default_factory=dict)
    asked: list[Ticks | None] = field(default_factory=list)
    go_on: asyncio.Event | None = None
    hub_name: str = "Hub"
    queries: list[tuple[InstanceQuery, int, Mapping[str, str] | None]] = field(default_factory=list)

    def put(self, *summaries: InstanceSummary) -> None:
        self.rows |= {one.instance_id: one for one in summaries}

    async def summaries(self, *, since: Ticks | None = None) -> AsyncIterator[tuple[InstanceSummary, ...]]:
        self.asked.append(since)
        found = [one for one in self.rows.values() if since is None or one.changed_at >= since]
        yield tuple(found[:1])
        if self.go_on is not None:
            await self.go_on.wait()
        yield tuple(found[1:])

    async def summary_page(
        self, query: InstanceQuery, *, top: int, continuation: Mapping[str, str] | None = None
    ) -> SummaryPage:
        self.queries.append((query, top, continuation))
        ordered = sorted(self.rows.values(), key=lambda one: one.instance_id)
        start = int(continuation["PartitionKey"]) if continuation else 0
        end = start + min(top, 20)
        more = {"PartitionKey": str(end), "RowKey": ""} if end < len(ordered) else None
        return SummaryPage(summaries=tuple(ordered[start:end]), continuation=more)


def _client(table: Table) -> TaskHubClient:
    return cast(TaskHubClient, table)


@pytest.fixture(autouse=True)
def _always_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "_FRESH_SECONDS", -1.0)


async def test_index_scans_once_and_then_asks_for_what_changed() -> None:
    table = Table()
    table.put(_summary(1), _summary(2))
    index = InstanceIndex(_client(table))

    await index.refresh(patience=5)
    table.put(_summary(3))
    await index.refresh(patience=5)

    assert [one.instance_id for one in index.newest_first] == ["i3", "i2", "i1"]
    assert table.asked == [None, NOON]  # two seconds before the newest that it had


async def test_list_is_there_before_a_long_scan_has_ended() -> None:
    table = Table(go_on=asyncio.Event())
    table.put(_summary(1), _summary(2))
    index = InstanceIndex(_client(table))

    await index.refresh(patience=0.05)
    shown = indexed_list(index, Filter())
    assert table.go_on is not None
    table.go_on.set()
    await index.refresh(patience=5)

    assert (shown.is_complete, len(shown.rows)) == (False, 1)
    assert (index.is_complete, len(index.newest_first)) == (True, 2)


async def test_what_was_purged_elsewhere_leaves_with_the_next_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Table()
    table.put(_summary(1), _summary(100))
    index = InstanceIndex(_client(table))
    await index.refresh(patience=5)
    del table.rows["i1"]
    monkeypatch.setattr(index_module, "_SWEEP_SECONDS", -1.0)
    monkeypatch.setattr(index_module, "_SWEEP_SHARE", -1)

    await index.refresh(patience=5)
    while len(index.newest_first) > 1:
        await asyncio.sleep(0)

    assert [one.instance_id for one in index.newest_first] == ["i100"]
    await index.stop()


async def test_scan_that_fails_is_told_to_who_asks_and_tried_again() -> None:
    table = Table()
    table.put(_summary(1))
    index = InstanceIndex(_client(table))

    async def broken(*, since: Ticks | None = None) -> AsyncIterator[Any]:
        if since is None:
            raise OSError("storage is away")
        yield ()

    working, table.summaries = table.summaries, broken  # type: ignore[method-assign]  # storage that is away
    with pytest.raises(OSError, match="storage is away"):
        await index.refresh(patience=5)
    table.summaries = working  # type: ignore[method-assign]

    await index.refresh(patience=5)

    assert len(index.newest_first) == 1


async def test_pages_have_fifty_rows_and_counts_of_everything() -> None:
    table = Table()
    table.put(
        *(_summary(number) for number in range(100)), *(_summary(number, "Running") for number in range(100, 120))
    )
    index = InstanceIndex(_client(table))
    await index.refresh(patience=5)

    first = indexed_list(index, Filter())
    last = indexed_list(index, Filter(page=99))
    running = indexed_list(index, Filter(status="Running"))

    assert (len(first.rows), first.total, first.next_link, first.previous_link) == (50, 120, "?page=2", None)
    assert (len(last.rows), last.first, last.next_link, last.previous_link) == (20, 101, None, "?page=2")
    assert (len(running.rows), running.counts) == (20, {"Running": 20, "Completed": 100})


async def test_table_is_paged_by_its_own_order_until_a_page_is_full() -> None:
    table = Table()
    table.put(*(_summary(number, prefix="a") for number in range(10, 90)))

    first = await table_list(_client(table), Filter(status="Completed", name="chain", prefix="a"))
    assert first.next_link is not None
    token = dict(pair.split("=", 1) for pair in first.next_link[1:].split("&"))["after"].replace("%3D", "=")
    second = await table_list(_client(table), Filter(after=token))

    assert [one.instance_id for one in first.rows] == [f"a{number}" for number in range(10, 60)]
    assert [one.instance_id for one in second.rows] == [f"a{number}" for number in range(60, 90)]
    query = table.queries[0][0]
    assert (query.statuses, query.name, query.id_prefix) == (("Completed",), "chain", "a")
    assert (first.counts, first.total) == (None, None)


@pytest.mark.parametrize("token", ["", "nonsense", "W10=", "eyJhIjogMX0="])
async def test_token_that_is_none_begins_with_the_first_page(token: str) -> None:
    table = Table()
    table.put(_summary(1))

    page = await table_list(_client(table), Filter(after=token))

    assert len(page.rows) == 1


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, Filter()),
        ({"status": "Failed", "page": "3"}, Filter(status="Failed", page=3)),
        ({"status": "Odd", "page": "-1", "kind": "odd", "from": "yesterday"}, Filter()),
        ({"page": "9" * 50}, Filter()),
    ],
)
def test_filter_takes_what_it_can_read(query: dict[str, str], expected: Filter) -> None:
    assert Filter.of(query) == expected


def test_time_filter_takes_in_the_whole_of_the_last_minute() -> None:
    asked = Filter.of({"from": "2026-01-01T12:00", "to": "2026-01-01T12:01"})

    assert asked.created_from == NOON
    assert asked.created_to == NOON + 120 * TICKS_PER_SECOND - 1


def test_link_keeps_the_filter_and_begins_with_the_first_page() -> None:
    asked = replace(Filter(), name="a b", status="Failed", page=4)

    assert asked.link(status="Running") == "?status=Running&name=a+b"
