"""Recorded rows of the history and instances tables, as the JSON that our own events have.

Turns a row's columns, all of which are texts in a recording, into an event's members or an instance's fields.
Invariant: a column that a row does not have is null.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from durable_engine.model.event_json import members_of
from durable_engine.model.events import EVENT_CLASSES, ORCHESTRATION_STATUS

__all__ = ["IN_A_BLOB", "event_of_row", "value_of"]

IN_A_BLOB = "<in a blob>"
"""Stands for a value that the row does not have because it is too large."""

_CLASSES = {cls.__name__: cls for cls in EVENT_CLASSES.values()}

Row = Mapping[str, Any]


def value_of(row: Row, column: str) -> str | None:
    """A column's text; ``IN_A_BLOB`` where the row has only the blob's name or address."""
    if f"{column}BlobName" in row:
        return IN_A_BLOB
    value = row.get(column, [None, None])[1]
    return IN_A_BLOB if isinstance(value, str) and value.startswith("<storage>/") else value


def event_of_row(row: Row) -> dict[str, Any]:
    """A history row as the event's JSON, with tokens for ids and times."""
    cls = _CLASSES[row["EventType"][1]]
    event: dict[str, Any] = {}
    for member in members_of(cls):
        text = value_of(row, member.wire)
        match member.kind:
            case "event_type":
                event["EventType"] = cls.event_type
            case _ if text is None or text == IN_A_BLOB:
                event[member.wire] = text
            case "int":
                event[member.wire] = int(text)
            case "bool":
                event[member.wire] = text == "True"
            case "status":
                event[member.wire] = ORCHESTRATION_STATUS.index(text)
            case "time":
                event[member.wire] = _time(text)
            case "json" | "instance" | "parent":
                event[member.wire] = json.loads(text)
            case _:
                event[member.wire] = text
    event["EventId"] = int(row["EventId"][1])
    event["IsPlayed"] = row["IsPlayed"][1] == "True"
    event["Timestamp"] = _time(row["_Timestamp"][1])
    return event


def _time(text: str) -> str:
    """A table's time as events have it: the same instant in another notation."""
    return text.replace("<time .f+00:00>", "<timeT.fZ>")
