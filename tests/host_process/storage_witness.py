"""A witness that knows nothing of our host: it reads a task hub with the storage clients alone.

Reconstructs every instance from its history rows, its own row and its blobs, and says who owns the partitions and what
waits in the queues.
Invariant: nothing of ours is imported here, so that an error of ours in reading or writing cannot hide itself. The
layout is that of the Durable extension 3.x on Azure Storage, with the table partition manager.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import unquote, urlsplit

from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableServiceClient
from azure.storage.blob import ContainerClient
from azure.storage.queue import QueueServiceClient

__all__ = ["InconsistentHistoryError", "StorageWitness", "StoredInstance"]

Row = Mapping[str, Any]

_SENTINEL: Final = "sentinel"
_UNESCAPED: Final = {"^": "^", "0": "/", "1": "\\", "2": "#", "3": "?"}
_STATUS_EVENTS: Final = {"ExecutionSuspended": "Suspended", "ExecutionResumed": "Running"}


class InconsistentHistoryError(Exception):
    """The history of an instance is not one that a correct host can have written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredInstance:
    """One instance, as its history tells it; ``row`` is its row in the instances table.

    ``output`` is the text that the instance ended with, or the reason of its suspension.
    """

    instance_id: str
    execution_id: str
    name: str
    input: str | None
    runtime_status: str
    output: str | None
    event_types: tuple[str, ...]
    events: tuple[Row, ...]
    row: Row

    @property
    def input_value(self) -> Any:
        """The input as JSON, or as text where it is not JSON."""
        return _value_of(self.input)

    @property
    def output_value(self) -> Any:
        """The output as JSON, or as text where it is not JSON."""
        return _value_of(self.output)

    @property
    def custom_status(self) -> Any:
        """The custom status as JSON."""
        return _value_of(self.row.get("CustomStatus"))


class StorageWitness:
    """Reads one task hub. Close it, or use it in a ``with`` block."""

    def __init__(self, connection_string: str, hub: str) -> None:
        self._hub = hub
        self._resources = contextlib.ExitStack()
        enter = self._resources.enter_context
        self._tables = enter(TableServiceClient.from_connection_string(connection_string))
        self._queues = enter(QueueServiceClient.from_connection_string(connection_string))
        self._blobs = enter(ContainerClient.from_connection_string(connection_string, f"{hub.lower()}-largemessages"))

    def close(self) -> None:
        """Close the connections."""
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def instances(self) -> dict[str, StoredInstance]:
        """Every instance of the hub that has a history, by its id."""
        rows = {row["PartitionKey"]: row for row in self._rows("Instances")}
        histories: dict[str, list[Row]] = {}
        for row in self._history():
            histories.setdefault(row["PartitionKey"], []).append(row)
        found = [self._instance(key, history, rows.get(key, {})) for key, history in histories.items()]
        return {instance.instance_id: instance for instance in found}

    def instance(self, instance_id: str) -> StoredInstance:
        """One instance, by its id, whose characters must be ones that a key can hold."""
        query = f"PartitionKey eq '{instance_id}'"
        rows = list(self._rows("Instances", query))
        return self._instance(instance_id, list(self._history(query)), rows[0] if rows else {})

    def rows_without_history(self) -> set[str]:
        """The ids of instances that were started and have not run an episode."""
        keys = {row["PartitionKey"] for row in self._rows("Instances")}
        return {_unescaped(key) for key in keys - {row["PartitionKey"] for row in self._history()}}

    def owners(self) -> dict[str, str | None]:
        """Who owns each control queue; None where nobody does."""
        return {row["RowKey"]: row.get("CurrentOwner") for row in self._rows("Partitions")}

    def message_counts(self) -> dict[str, int]:
        """How many messages each queue holds, those that somebody has taken, and those that are not due, included."""
        counts = {}
        for properties in self._queues.list_queues(name_starts_with=f"{self._hub.lower()}-"):
            with self._queues.get_queue_client(properties) as queue:
                counts[queue.queue_name] = queue.get_queue_properties().approximate_message_count or 0
        return counts

    def _history(self, query: str | None = None) -> Iterator[Row]:
        """All but what is only a note on an attempt at a first episode: a sentinel of no execution."""
        return (row for row in self._rows("History", query) if "ExecutionId" in row)

    def _rows(self, table: str, query: str | None = None) -> Iterator[Row]:
        with self._tables.get_table_client(f"{self._hub}{table}") as client:
            try:
                yield from client.query_entities(query) if query else client.list_entities()
            except ResourceNotFoundError:
                return  # no hub yet

    def _instance(self, key: str, history: Sequence[Row], row: Row) -> StoredInstance:
        sentinel = next((one for one in history if one["RowKey"] == _SENTINEL), None)
        if sentinel is None:
            raise InconsistentHistoryError(f"The history of {key!r} has {len(history)} rows and no sentinel.")
        execution_id = sentinel["ExecutionId"]
        events = [self._with_blobs(one) for one in _leading(execution_id, history)]
        if not events:
            raise InconsistentHistoryError(f"The history of {key!r} holds no event of its execution {execution_id!r}.")
        positions = [int(one["RowKey"], 16) for one in events]
        if positions != list(range(len(events))):
            raise InconsistentHistoryError(f"The history of {key!r} has gaps: its rows are {positions}.")
        started = [one for one in events if one["EventType"] == "ExecutionStarted"]
        if len(started) != 1:
            raise InconsistentHistoryError(f"The history of {key!r} has {len(started)} starts.")
        status, output = _outcome(events)
        return StoredInstance(
            instance_id=_unescaped(key),
            execution_id=execution_id,
            name=started[0]["Name"],
            input=started[0].get("Input"),
            runtime_status=status,
            output=output,
            event_types=tuple(one["EventType"] for one in events),
            events=tuple(events),
            row={column: self._text_of(cell) for column, cell in row.items()},
        )

    def _with_blobs(self, row: Row) -> Row:
        """The row with the texts of its blobs in the columns that they were moved out of."""
        named = {column.removesuffix("BlobName"): cell for column, cell in row.items() if column.endswith("BlobName")}
        return {**row, **{column: self._blob(name) for column, name in named.items()}}

    def _text_of(self, cell: object) -> object:
        """The cell of an instance row, which may be the URL of a blob."""
        marker = f"/{self._hub.lower()}-largemessages/"
        if not isinstance(cell, str) or not cell.startswith("http") or marker not in cell:
            return cell
        name = unquote(urlsplit(cell).path.partition(marker)[2])
        text = self._blob(name)
        if name.endswith("ExecutionStarted.json.gz"):
            return json.loads(text)["TaskMessage"]["Event"]["Input"]
        return text

    def _blob(self, name: str) -> str:
        return gzip.decompress(self._blobs.download_blob(name).readall()).decode()


def _leading(execution_id: str, history: Sequence[Row]) -> Iterator[Row]:
    """The events of the current execution: an earlier one may have left longer garbage behind them."""
    for row in history:
        if row["RowKey"] == _SENTINEL or row["ExecutionId"] != execution_id:
            return
        yield row


def _outcome(events: Sequence[Row]) -> tuple[str, str | None]:
    status, output = "Running", None
    for event in events:
        kind = event["EventType"]
        status = _STATUS_EVENTS.get(kind, status)
        if kind in _STATUS_EVENTS:
            output = event.get("Reason", output)
        elif kind == "ExecutionCompleted":
            status, output = event["OrchestrationStatus"], event.get("Result", output)
    return status, output


def _value_of(text: object) -> Any:
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _unescaped(key: str) -> str:
    return re.sub(r"\^(.)", lambda match: _UNESCAPED.get(match[1]) or chr(ord(match[1]) - 0xC0), key)
