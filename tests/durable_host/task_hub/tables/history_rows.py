"""History rows: one event as the columns of a table row, and back.

The layout of the history table, derived from the engine's description of events' members.
Invariant: a row that we write reads back as the event it was made from, and a row of the real host, of any version,
reads as the event it means: absent columns are defaults, unknown ones are ignored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from azure.data.tables import EdmType, EntityProperty

from durable_engine import (
    HistoryEvent,
    Ticks,
    event_from_row,
    event_to_json,
    members_of,
    row_time,
    ticks_from_text,
    ticks_to_full_text,
)
from durable_host.task_hub.base.names import SENTINEL, row_key, unescape_key
from durable_host.task_hub.queues.messages import compact_json

__all__ = [
    "LARGE_COLUMNS",
    "Row",
    "applied_in",
    "event_to_row",
    "row_to_event",
    "sentinel_row",
    "table_time",
    "ticks_of",
]

Row = dict[str, Any]
_APPLIED: Final = "AppliedRequests"

LARGE_COLUMNS: Final = (
    "Name",
    "Input",
    "Result",
    "Output",
    "Reason",
    "Details",
    "Correlation",
    "FailureDetails",
    "Tags",
)
"""The columns whose text may be in a blob instead."""

_AS_JSON: Final = ("json", "parent", "instance")


def table_time(ticks: Ticks) -> EntityProperty:
    """A time as a table keeps it: to the last of seven digits, which Python's datetime cannot hold."""
    return EntityProperty(ticks_to_full_text(ticks), EdmType.DATETIME)


def ticks_of(value: Any) -> Ticks:
    """The time in a column that was read, to the last digit."""
    return ticks_from_text(row_time(value))


def event_to_row(event: HistoryEvent, *, partition_key: str, position: int, execution_id: str) -> Row:
    """The row of one event. Absent values take no column, but absent objects are the text ``null``."""
    row: Row = {}
    as_json = event_to_json(event)
    instance: Row = {}
    for member in members_of(type(event)):
        if member.kind == "event_type":
            continue
        if member.kind in _AS_JSON:
            # The extension writes the instance after the event's other members.
            (instance if member.kind == "instance" else row)[member.wire] = compact_json(as_json[member.wire])
            continue
        value = getattr(event, member.attribute)
        if value is not None:
            row[member.wire] = table_time(value) if member.kind == "time" else value
    return {
        **row,
        **instance,
        "EventId": event.event_id,
        "IsPlayed": event.is_played,
        "_Timestamp": table_time(event.timestamp),
        "EventType": event.kind,
        "PartitionKey": partition_key,
        "RowKey": row_key(position),
        "ExecutionId": execution_id,
    }


def sentinel_row(
    *, partition_key: str, execution_id: str, completed_at: Ticks | None, applied: Sequence[str] = ()
) -> Row:
    """The row that carries the ETag of a history; ``completed_at`` is None while more of its checkpoint follows, and
    ``applied`` is what the real host has no column for, and passes over: the requests that an entity has applied."""
    row: Row = {
        "PartitionKey": partition_key,
        "RowKey": SENTINEL,
        "ExecutionId": execution_id,
        "IsCheckpointComplete": completed_at is not None,
    }
    if completed_at is not None:
        row["CheckpointCompletedTimestamp"] = table_time(completed_at)
    if applied:
        row[_APPLIED] = compact_json(list(applied))
    return row


def applied_in(sentinel: Mapping[str, Any]) -> tuple[str, ...]:
    """The requests that a sentinel row remembers; none where it holds something else."""
    try:
        found = json.loads(sentinel.get(_APPLIED) or "[]")
    except (RecursionError, TypeError, ValueError):
        return ()
    return tuple(found) if isinstance(found, list) and all(isinstance(one, str) for one in found) else ()


def row_to_event(row: Mapping[str, Any]) -> HistoryEvent:
    """The event of a row whose large columns have been filled in; HistoryError where it is none."""
    return event_from_row(row, instance_id=unescape_key(str(row.get("PartitionKey", ""))))
