"""History rows: one event as the columns of a table row, and back.

The layout of the history table, derived from the engine's description of events' members.
Invariant: a row that we write reads back as the event it was made from, and a row of the real host, of any version,
reads as the event it means: absent columns are defaults, unknown ones are ignored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, Final

from azure.data.tables import EdmType, EntityProperty

from durable_engine import (
    EVENT_CLASSES,
    NEVER,
    ORCHESTRATION_STATUS,
    HistoryError,
    HistoryEvent,
    Member,
    Ticks,
    event_from_json,
    event_to_json,
    members_of,
    ticks_from_datetime,
    ticks_from_text,
    ticks_to_full_text,
)
from durable_host.task_hub.base.names import SENTINEL, row_key, unescape_key
from durable_host.task_hub.queues.messages import compact_json

__all__ = ["LARGE_COLUMNS", "Row", "event_to_row", "row_to_event", "sentinel_row", "table_time", "ticks_of"]

Row = dict[str, Any]

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

_CLASSES: Final = {cls.__name__: cls for cls in EVENT_CLASSES.values()}
_AS_JSON: Final = ("json", "parent", "instance")
# What .NET reads where a column is absent, for members that cannot be null and for those that can.
_ABSENT: Final[dict[str, Any]] = {"text": "", "int": 0, "bool": False, "time": ticks_to_full_text(NEVER)}
_OPTIONAL: Final[dict[str, Any]] = {"bool": False}
_REQUIRED: Final = frozenset(
    (cls, field.name) for cls in EVENT_CLASSES.values() for field in fields(cls) if field.default is MISSING
)


def table_time(ticks: Ticks) -> EntityProperty:
    """A time as a table keeps it: to the last of seven digits, which Python's datetime cannot hold."""
    return EntityProperty(ticks_to_full_text(ticks), EdmType.DATETIME)


def ticks_of(value: Any) -> Ticks:
    """The time in a column that was read, to the last digit."""
    return ticks_from_text(_time_text(value))


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


def sentinel_row(*, partition_key: str, execution_id: str, completed_at: Ticks | None) -> Row:
    """The row that carries the ETag of a history; ``completed_at`` is None while more of its checkpoint follows."""
    row: Row = {
        "PartitionKey": partition_key,
        "RowKey": SENTINEL,
        "ExecutionId": execution_id,
        "IsCheckpointComplete": completed_at is not None,
    }
    if completed_at is not None:
        row["CheckpointCompletedTimestamp"] = table_time(completed_at)
    return row


def row_to_event(row: Mapping[str, Any]) -> HistoryEvent:
    """The event of a row whose large columns have been filled in."""
    cls = _CLASSES.get(str(row.get("EventType")))
    try:
        if cls is None:
            raise ValueError(f"its event type is none of {', '.join(sorted(_CLASSES))}")
        return event_from_json(
            {
                "EventType": cls.event_type,
                "EventId": row.get("EventId", -1),
                "IsPlayed": row.get("IsPlayed", False),
                "Timestamp": _time_text(row["_Timestamp"]),
                **{member.wire: _member_of(row, cls, member) for member in members_of(cls) if member.attribute},
            }
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise HistoryError(
            f"History row {row.get('RowKey')!r} of instance {unescape_key(row.get('PartitionKey', ''))!r}, a "
            f"{row.get('EventType')!r}, cannot be read ({type(error).__name__}: {error}). If a newer host wrote it, "
            "let that one finish the instance; otherwise purge the instance."
        ) from error


def _member_of(row: Mapping[str, Any], cls: type[HistoryEvent], member: Member) -> Any:
    """One member as the event's JSON has it."""
    value = row.get(member.wire)
    if member.kind in _AS_JSON:
        value = json.loads(value) if value else None
        if value is None and member.kind == "instance":
            return {"InstanceId": unescape_key(row["PartitionKey"]), "ExecutionId": row.get("ExecutionId")}
        return value
    if value is None:
        return _ABSENT.get(member.kind) if (cls, member.attribute) in _REQUIRED else _OPTIONAL.get(member.kind)
    if member.kind == "time":
        return _time_text(value)
    return ORCHESTRATION_STATUS.index(value) if member.kind == "status" else value


def _time_text(value: Any) -> str:
    return getattr(value, "tables_service_value", "") or ticks_to_full_text(ticks_from_datetime(value))
