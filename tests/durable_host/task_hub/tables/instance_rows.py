"""Instance rows: an instance as a whole, its columns in the table, and queries for it.

The layout of the instances table, and the values that stand for its rows and for questions about them.
Invariant: every column that a writing names is one that the real host writes in that situation, and no other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from durable_engine import NEVER, ExecutionStarted, InstanceUpdate, JsonObject, Ticks, ticks_to_full_text
from durable_host.task_hub.base.names import escape_key, prefix_end, quoted, unescape_key
from durable_host.task_hub.queues.messages import compact_json
from durable_host.task_hub.tables.history_rows import Row, table_time, ticks_of

__all__ = [
    "COLUMNS_WITHOUT_INPUT",
    "InstancePage",
    "InstanceQuery",
    "InstanceRow",
    "filter_of",
    "rewound_row",
    "row_to_instance",
    "started_row",
    "terminated_row",
    "updated_row",
]

COLUMNS_WITHOUT_INPUT: Final = (
    "ExecutionId",
    "Name",
    "Version",
    "Output",
    "CustomStatus",
    "CreatedTime",
    "LastUpdatedTime",
    "CompletedTime",
    "RuntimeStatus",
    "ScheduledStartTime",
    "Generation",
    "Tags",
    "ParentInstanceId",
    "PartitionKey",
    "RowKey",
)
_NULL: Final = "null"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceRow:
    """An instance. ``input``, ``output`` and ``custom_status`` are texts as stored, fetched from blobs if need be."""

    instance_id: str
    execution_id: str | None
    name: str
    version: str | None
    input: str | None
    output: str | None
    custom_status: str | None
    runtime_status: str
    created_at: Ticks
    last_updated_at: Ticks
    completed_at: Ticks | None
    generation: int | None
    scheduled_start_at: Ticks | None
    tags: JsonObject | None
    parent_instance_id: str | None
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceQuery:
    """Which instances are asked for. Times are of creation, which for an entity is its last batch; both ends count.

    ``entities_only`` and ``entity_name`` ask for entities; otherwise everything is listed, entities too, as the real
    host does.
    """

    created_from: Ticks | None = None
    created_to: Ticks | None = None
    statuses: tuple[str, ...] = ()
    id_prefix: str | None = None
    name: str | None = None
    entities_only: bool = False
    entity_name: str | None = None
    with_input: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class InstancePage:
    """Some of the instances asked for, by ascending id, and the text that asks for the next ones."""

    rows: tuple[InstanceRow, ...]
    continuation: str | None


def started_row(
    event: ExecutionStarted, *, hub: str, now: Ticks, input: str | None, input_blob_name: str | None
) -> Row:
    """The whole row of an instance whose start message has just been sent."""
    return _without_nothing(
        {
            "PartitionKey": escape_key(event.instance.instance_id),
            "RowKey": "",
            "Input": input,
            "InputBlobName": input_blob_name,
            "CreatedTime": table_time(event.timestamp),
            "Name": event.name,
            "Version": event.version,
            "RuntimeStatus": "Pending",
            "LastUpdatedTime": table_time(now),
            "TaskHubName": hub,
            "ScheduledStartTime": _optional_time(event.scheduled_start_at),
            "ExecutionId": event.instance.execution_id,
            "Generation": event.generation,
            "Tags": compact_json(event.tags),
            "ParentInstanceId": _parent_id(event),
        }
    )


def updated_row(
    instance_id: str,
    update: InstanceUpdate,
    *,
    hub: str,
    completed_at: Ticks,
    input: str | None,
    output: str | None,
) -> Row:
    """What an episode merges into the row. ``input`` and ``output`` are the texts, or the URLs of their blobs."""
    row: Row = {
        "PartitionKey": escape_key(instance_id),
        "RowKey": "",
        "CustomStatus": _NULL if update.custom_status is None else update.custom_status,
        "ExecutionId": update.execution_id,
        "LastUpdatedTime": table_time(update.last_updated_at),
        "TaskHubName": hub,
    }
    started = update.started
    if started is not None:
        row |= {
            "Name": started.name,
            "Version": started.version,
            "CreatedTime": table_time(started.timestamp),
            "RuntimeStatus": "Running",
            "ScheduledStartTime": _optional_time(started.scheduled_start_at),
            "Tags": compact_json(started.tags),
            "ParentInstanceId": _parent_id(started),
            "Generation": started.generation,
            "Input": input,
        }
    if update.runtime_status is not None:
        row |= {"RuntimeStatus": update.runtime_status, "Output": output}
    if update.is_completed:
        row["CompletedTime"] = table_time(completed_at)
    return _without_nothing(row)


def rewound_row(instance_id: str, now: Ticks) -> Row:
    """What a rewind merges into the row of each instance that it touches."""
    return {
        "PartitionKey": escape_key(instance_id),
        "RowKey": "",
        "RuntimeStatus": "Pending",
        "LastUpdatedTime": table_time(now),
    }


def terminated_row(instance_id: str, reason: str | None, *, terminated_at: Ticks, now: Ticks) -> Row:
    """What is merged into the row of an instance that was terminated before its first episode."""
    return _without_nothing(
        {
            "PartitionKey": escape_key(instance_id),
            "RowKey": "",
            "RuntimeStatus": "Terminated",
            "LastUpdatedTime": table_time(terminated_at),
            "CompletedTime": table_time(now),
            "Output": reason,
        }
    )


def row_to_instance(row: Mapping[str, Any], *, etag: str) -> tuple[InstanceRow, tuple[str, ...]]:
    """The instance of a row, input and output still being what the cells hold, and what is wrong with the row."""
    problems: list[str] = []

    def read(column: str, kind: type[Any], default: Any = None) -> Any:
        value = row.get(column)
        if value is None or isinstance(value, kind):
            return default if value is None else value
        problems.append(f"Column {column} holds {value!r:.60}.")
        return default

    def time(column: str) -> Ticks | None:
        value = read(column, datetime)
        return None if value is None else ticks_of(value)

    custom_status = read("CustomStatus", str)
    return InstanceRow(
        instance_id=unescape_key(row["PartitionKey"]),
        execution_id=read("ExecutionId", str),
        name=read("Name", str, ""),
        version=read("Version", str),
        input=read("Input", str),
        output=read("Output", str),
        custom_status=None if custom_status == _NULL else custom_status,
        runtime_status=read("RuntimeStatus", str, ""),
        created_at=time("CreatedTime") or NEVER,
        last_updated_at=time("LastUpdatedTime") or NEVER,
        completed_at=time("CompletedTime"),
        generation=read("Generation", int),
        scheduled_start_at=time("ScheduledStartTime"),
        tags=_tags_of(read("Tags", str), problems),
        # A root has an empty text; rows of extensions before 3.19 have no such column.
        parent_instance_id=read("ParentInstanceId", str) or None,
        etag=etag,
    ), tuple(problems)


def _tags_of(text: str | None, problems: list[str]) -> JsonObject | None:
    try:
        tags = json.loads(text) if text else None
    except (RecursionError, ValueError) as error:
        problems.append(f"Column Tags is no JSON: {error}.")
        return None
    return tags if isinstance(tags, dict) else None


def filter_of(query: InstanceQuery) -> str:
    """The query as the table understands it; ids are compared in their escaped form, as keys."""
    clauses: list[str] = []
    if query.created_from is not None:
        clauses.append(f"CreatedTime ge datetime'{ticks_to_full_text(query.created_from)}'")
    if query.created_to is not None:
        clauses.append(f"CreatedTime le datetime'{ticks_to_full_text(query.created_to)}'")
    if query.statuses:
        clauses.append(" or ".join(f"RuntimeStatus eq {quoted(status)}" for status in query.statuses))
    if query.name is not None:
        clauses.append(f"Name eq {quoted(query.name)}")
    prefix = escape_key(query.id_prefix or "")
    if query.entity_name is not None:
        prefix = escape_key(f"@{query.entity_name.lower()}@{query.id_prefix or ''}")
    elif query.entities_only:
        prefix = prefix or "@"
    if prefix:
        clauses += [f"PartitionKey ge {quoted(prefix)}", f"PartitionKey lt {quoted(prefix_end(prefix))}"]
    return " and ".join(f"({clause})" for clause in clauses) or "RowKey eq ''"


def _parent_id(event: ExecutionStarted) -> str:
    return event.parent.instance.instance_id if event.parent is not None else ""


def _optional_time(ticks: Ticks | None) -> object:
    return None if ticks is None else table_time(ticks)


def _without_nothing(row: Row) -> Row:
    return {column: value for column, value in row.items() if value is not None}
