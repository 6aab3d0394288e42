"""Histories from what users have: the history table's rows, a payload's events, the management API's JSON.

Reads each of them into events.
Invariant: a history that was read is the one that was recorded, or the reading fails and says what to use instead.

Rows are taken as ``azure-data-tables`` gives them (times as datetimes, whole numbers as int), as that gives them after
a way through JSON, or as the table service's own JSON. Rows of earlier executions, which continue-as-new leaves
behind, are passed over.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from datetime import datetime
from typing import Any, Final

from durable_engine.histories.episodes import RecordedHistory
from durable_engine.histories.management_history import history_from_status
from durable_engine.model.errors import HistoryError
from durable_engine.model.event_json import Member, event_from_json, members_of
from durable_engine.model.events import EVENT_CLASSES, ORCHESTRATION_STATUS, HistoryEvent, JsonObject
from durable_engine.model.ticks import NEVER, ticks_from_datetime, ticks_to_full_text
from durable_engine.orchestration.episode import App

__all__ = ["HistorySource", "event_from_row", "history_from_payload", "history_from_rows", "read_history", "row_time"]


HistorySource = RecordedHistory | Sequence[HistoryEvent] | Sequence[Mapping[str, Any]] | Mapping[str, Any] | str | bytes
"""A history in any form that ``read_history`` knows; texts are JSON."""

_CLASSES: Final = {cls.__name__: cls for cls in EVENT_CLASSES.values()}
_AS_JSON: Final = ("json", "parent", "instance")
_SENTINEL: Final = "sentinel"
# What .NET reads where a column is absent, for members that cannot be null and for those that can.
_ABSENT: Final[Mapping[str, Any]] = {"text": "", "int": 0, "bool": False, "time": ticks_to_full_text(NEVER)}
_OPTIONAL: Final[Mapping[str, Any]] = {"bool": False}
_REQUIRED: Final = frozenset(
    (cls, one.name) for cls in EVENT_CLASSES.values() for one in fields(cls) if one.default is MISSING
)
_KNOWN_FORMS: Final = (
    "Known are: the rows of one instance in the history table (a list of objects with RowKey), the events of a payload "
    "(a list of objects with a number as EventType, or the payload itself), and what the management API answers to "
    "GET .../instances/{id}?showHistory=true&showHistoryOutput=true&showInput=true."
)


def read_history(source: HistorySource, app: App | None = None) -> RecordedHistory:
    """The history in whatever form it comes. ``app`` helps where ids have to be found by running its code."""
    if isinstance(source, RecordedHistory):
        return source
    if isinstance(source, str | bytes):
        return read_history(_parsed(source), app)
    if isinstance(source, Mapping):
        if "historyEvents" in source or "runtimeStatus" in source:
            return history_from_status(source, app)
        if "history" in source:
            return RecordedHistory(events=history_from_payload(source["history"]))
        if "value" in source:
            return read_history(source["value"], app)  # the table service's own answer
        raise HistoryError(f"An object with the members {', '.join(map(str, source))} is no history. {_KNOWN_FORMS}")
    events = [event for event in source if isinstance(event, HistoryEvent)]
    rows = [row for row in source if isinstance(row, Mapping)]
    if not events and not rows:
        raise HistoryError(f"A history of {len(source)} entries, none of which is an event. {_KNOWN_FORMS}")
    if events:
        return RecordedHistory(events=tuple(events))
    if any("RowKey" in row for row in rows):
        return RecordedHistory(events=history_from_rows(rows))
    return RecordedHistory(events=history_from_payload(rows))


def history_from_payload(events: Sequence[JsonObject]) -> tuple[HistoryEvent, ...]:
    """The events of a payload's ``history``, as the worker gets them."""
    read = []
    for index, event in enumerate(events):
        if not isinstance(event.get("EventType"), int):
            raise HistoryError(
                f"Entry {index} of the history has the EventType {event.get('EventType')!r}, not a number. "
                f"{_KNOWN_FORMS}"
            )
        try:
            read.append(event_from_json(event))
        except (KeyError, TypeError, ValueError) as error:
            raise HistoryError(
                f"Entry {index} of the history, of type {event['EventType']}, cannot be read "
                f"({type(error).__name__}: {error}). Use the payload as the worker got it."
            ) from error
    return tuple(read)


def history_from_rows(
    rows: Sequence[Mapping[str, Any]], *, read_blob: Callable[[str], str] | None = None
) -> tuple[HistoryEvent, ...]:
    """The events of one instance's rows in the history table, of its current execution.

    ``read_blob`` gives the text of a large property's blob (gzipped UTF-8 in the hub's ``-largemessages`` container).
    """
    keys = {str(row.get("PartitionKey")) for row in rows if "PartitionKey" in row}
    if len(keys) > 1:
        raise HistoryError(
            f"The rows are of {len(keys)} instances ({', '.join(sorted(keys)[:3])}, ...). Give those of one: filter by "
            "PartitionKey."
        )
    sentinel = next((row for row in rows if row.get("RowKey") == _SENTINEL), None)
    ordered = sorted((row for row in rows if row.get("RowKey") != _SENTINEL), key=lambda row: str(row["RowKey"]))
    if not ordered:
        return ()
    execution_id = (sentinel or ordered[0]).get("ExecutionId")
    events: list[HistoryEvent] = []
    for row in ordered:
        if row.get("ExecutionId") not in (None, execution_id):
            break
        if int(str(row["RowKey"]), 16) != len(events):
            raise HistoryError(
                f"Row {len(events):016X} of instance {row.get('PartitionKey')!r} is missing: the next one is "
                f"{row['RowKey']}. Export all rows of the instance."
            )
        events.append(event_from_row(_with_blobs(row, read_blob)))
    return tuple(events)


def _with_blobs(row: Mapping[str, Any], read_blob: Callable[[str], str] | None) -> Mapping[str, Any]:
    names = {column.removesuffix("BlobName"): name for column, name in row.items() if column.endswith("BlobName")}
    if not names:
        return row
    if read_blob is None:
        column, name = next(iter(names.items()))
        raise HistoryError(
            f"The {column} of row {row['RowKey']} is too large for the table: it is in the blob {name!r} of the hub's "
            "container of large messages. Pass read_blob to history_from_rows, or check the hub itself with "
            "'python -m durable_host replay'."
        )
    return {**row, **{column: read_blob(name) for column, name in names.items()}}


def event_from_row(row: Mapping[str, Any], *, instance_id: str | None = None) -> HistoryEvent:
    """The event of one row whose large columns have been filled in.

    Absent columns are .NET's defaults, unknown ones are passed over, so that a row of any version reads as what it
    means. ``instance_id`` is whose row it is, where that differs from PartitionKey, in which some letters are escaped.

    Raises:
        HistoryError: the row is none of an event; the text says which row, and what is wrong with it.
    """
    cls = _CLASSES.get(str(row.get("EventType")))
    owner = str(row.get("PartitionKey", "")) if instance_id is None else instance_id
    try:
        if cls is None:
            raise ValueError(f"its event type is none of {', '.join(sorted(_CLASSES))}")
        return event_from_json(
            {
                "EventType": cls.event_type,
                "EventId": int(_value(row.get("EventId", -1))),
                "IsPlayed": _truth(row.get("IsPlayed", False)),
                "Timestamp": row_time(row["_Timestamp"]),
                **{member.wire: _member_of(row, cls, member, owner) for member in members_of(cls) if member.attribute},
            }
        )
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise HistoryError(
            f"History row {row.get('RowKey')!r} of instance {owner!r}, a {row.get('EventType')!r}, cannot be read "
            f"({type(error).__name__}: {error}). If rows were exported, export them as the table has them; if a newer "
            "host wrote them, let that one finish the instance; otherwise purge the instance."
        ) from error


def _member_of(row: Mapping[str, Any], cls: type[HistoryEvent], member: Member, owner: str) -> Any:
    """One member as the event's JSON has it."""
    value = _value(row.get(member.wire))
    if member.kind in _AS_JSON:
        value = json.loads(value) if isinstance(value, str) and value else value or None
        if value is not None and not isinstance(value, Mapping):
            raise TypeError(f"{member.wire} is {value!r:.60}, and not an object")
        if value is None and member.kind == "instance":
            return {"InstanceId": owner, "ExecutionId": row.get("ExecutionId")}
        return value
    if value is None:
        return _ABSENT.get(member.kind) if (cls, member.attribute) in _REQUIRED else _OPTIONAL.get(member.kind)
    match member.kind:
        case "time":
            return row_time(value)
        case "status":
            return ORCHESTRATION_STATUS.index(value)
        case "int":
            return int(value)
        case "bool":
            return _truth(value)
        case _ if isinstance(value, str):
            return value
        case _:
            raise TypeError(f"{member.wire} is {value!r:.60}, and not a text")


def _value(value: Any) -> Any:
    """The value of a column that ``azure-data-tables`` gives as a pair of value and type."""
    return value[0] if isinstance(value, tuple) and len(value) == 2 else value


def _truth(value: Any) -> bool:
    return value if isinstance(value, bool) else str(_value(value)).lower() == "true"


def row_time(value: Any) -> str:
    """The ISO 8601 text of a time column, to the last of seven digits where the table client has kept them."""
    value = _value(value)
    if isinstance(value, datetime):
        # The table client keeps the service's text beside the datetime, which cannot hold its seventh digit.
        exact = getattr(value, "tables_service_value", "")
        return str(exact) if exact else ticks_to_full_text(ticks_from_datetime(value))
    return str(value)


def _parsed(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise HistoryError(f"The history is not JSON: {error}. {_KNOWN_FORMS}") from error
