"""Summaries: the few columns of instance rows that a list of instances shows.

Reads them page by page: all of them, those that changed since a moment, or those of a query.
Invariant: no text of an app is read, so that a page of summaries costs the same however large inputs and outputs are.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from azure.data.tables.aio import TableClient

from durable_engine import NEVER, Ticks, ticks_from_datetime, ticks_to_full_text
from durable_host.task_hub.base.names import unescape_key
from durable_host.task_hub.tables.history_rows import ticks_of

__all__ = ["InstanceSummary", "SummaryPage", "changed_since", "every_summary", "summary_page"]

_COLUMNS: Final = (
    "PartitionKey",
    "Name",
    "RuntimeStatus",
    "CreatedTime",
    "LastUpdatedTime",
    "CompletedTime",
    "Timestamp",
)
_MOST: Final = 1000
"""What the service gives in one answer."""
_EVERYTHING: Final = "RowKey eq ''"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceSummary:
    """What a list shows of an instance. ``changed_at`` is when its row was written, by the clock of the table."""

    instance_id: str
    name: str
    runtime_status: str
    created_at: Ticks
    last_updated_at: Ticks
    completed_at: Ticks | None
    changed_at: Ticks

    @property
    def is_entity(self) -> bool:
        """Whether this is an entity, and no orchestration."""
        return self.instance_id.startswith("@")

    @property
    def function(self) -> str:
        """The name of the function that it runs; an entity's row has its whole id as the name."""
        return self.instance_id[1:].partition("@")[0] if self.is_entity else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryPage:
    """Some summaries, by ascending id, and where the table goes on; None at its end."""

    summaries: tuple[InstanceSummary, ...]
    continuation: Mapping[str, str] | None


def changed_since(moment: Ticks) -> str:
    """The filter for rows that were written since then. The table's own clock orders all writers, whose clocks may
    differ, and finds those, too, that leave the time of the last update alone."""
    return f"Timestamp ge datetime'{ticks_to_full_text(moment)}'"


async def every_summary(client: TableClient, where: str = _EVERYTHING) -> AsyncIterator[tuple[InstanceSummary, ...]]:
    """All summaries for which the filter holds, as the pages come."""
    pages = client.query_entities(where, results_per_page=_MOST, select=list(_COLUMNS)).by_page()
    async for page in pages:
        yield tuple([_summary(row) async for row in page])


async def summary_page(
    client: TableClient, where: str, *, top: int, continuation: Mapping[str, str] | None
) -> SummaryPage:
    """One page of the summaries for which the filter holds; it may be short, or empty, and not be the last."""
    start: Any = dict(continuation) if continuation else None
    pages: Any = client.query_entities(where, results_per_page=top, select=list(_COLUMNS)).by_page(start)
    async for page in pages:
        summaries = tuple([_summary(row) async for row in page])
        following = pages.continuation_token
        return SummaryPage(summaries=summaries, continuation=dict(following) if following else None)
    return SummaryPage(summaries=(), continuation=None)


def _summary(row: Any) -> InstanceSummary:
    completed_at = _time_in(row, "CompletedTime")
    return InstanceSummary(
        instance_id=unescape_key(row["PartitionKey"]),
        name=_text_in(row, "Name"),
        runtime_status=_text_in(row, "RuntimeStatus"),
        created_at=_time_in(row, "CreatedTime") or NEVER,
        last_updated_at=_time_in(row, "LastUpdatedTime") or NEVER,
        completed_at=completed_at,
        changed_at=ticks_from_datetime(row.metadata["timestamp"]),
    )


def _text_in(row: Any, column: str) -> str:
    """The text in a column; none where it holds something else, for one bad row must spoil no list."""
    value = row.get(column)
    return value if isinstance(value, str) else ""


def _time_in(row: Any, column: str) -> Ticks | None:
    value = row.get(column)
    return ticks_of(value) if isinstance(value, datetime) else None
