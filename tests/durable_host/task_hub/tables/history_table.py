"""The history table: what each instance has been through, appended one checkpoint at a time.

Loads an execution's events and appends new ones, with the sentinel row's ETag as the guard against two writers.
Invariant: of two workers that loaded the same history only one can append to it; the other gets ``SplitBrainError``. A
long checkpoint is written in several transactions, each readable on its own, the sentinel last in every one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.data.tables import TableTransactionError, UpdateMode
from azure.data.tables.aio import TableClient

from durable_engine import HistoryError, HistoryEvent, Ticks
from durable_host.task_hub.account.large_payloads import LargePayloads, is_large_property, property_blob_name
from durable_host.task_hub.base.attempt_note import NOTE, AttemptNote, note_of, note_text
from durable_host.task_hub.base.errors import SplitBrainError
from durable_host.task_hub.base.names import SENTINEL, escape_key, quoted
from durable_host.task_hub.tables.history_rows import (
    LARGE_COLUMNS,
    Row,
    applied_in,
    event_to_row,
    row_to_event,
    sentinel_row,
)

__all__ = ["HistoryTable", "LoadedHistory", "WrittenHistory"]

# With the sentinel a transaction holds 100 rows, the service's limit. Its other one, of 4 MiB, is not reached: aiohttp
# warns of a body of 1 MiB, which would be sent in one piece between which nothing else has its turn.
MAX_EVENTS: Final = 99
MAX_BYTES: Final = 768 * 1024
ROW_BYTES: Final = 1024
_CONFLICT: Final = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedHistory:
    """The history of one execution, and what is needed to append to it.

    ``etag`` is None if the instance has no rows; it is there without events if the rows are of an earlier execution, or
    if there is nothing but the note of an attempt at the first episode.
    ``blob_names`` are the blobs that the rows refer to, and ``moved_out`` is the same by event type and column; of
    several, the last.
    """

    instance_id: str
    execution_id: str | None
    events: tuple[HistoryEvent, ...] = ()
    etag: str | None = None
    blob_names: tuple[str, ...] = ()
    moved_out: Mapping[tuple[str, str], str] = field(default_factory=dict)
    applied: tuple[str, ...] = ()
    """For an entity, the ids of the requests that it has applied last."""
    attempt: AttemptNote | None = None
    """The episode that was about to ask others for something, and was not saved."""
    may_overwrite: bool = False
    """Whether rows of an earlier execution may stand where the next events go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenHistory(LoadedHistory):
    """The history after an append, as loading it would give it; but ``moved_out`` has what this append wrote alone."""


class HistoryTable:
    """The history of all instances of one hub."""

    def __init__(
        self,
        client: TableClient,
        payloads: LargePayloads,
        *,
        now: Callable[[], Ticks],
        new_guid: Callable[[], str],
    ) -> None:
        self.client, self._payloads = client, payloads
        self._now, self._new_guid = now, new_guid

    async def load(self, instance_id: str, execution_id: str | None) -> LoadedHistory:
        """The events of this execution, or of the current one. Rows that an earlier execution left are not read."""
        query = f"PartitionKey eq {quoted(escape_key(instance_id))}"
        if execution_id is not None:
            query += f" and (RowKey eq '{SENTINEL}' or ExecutionId eq {quoted(execution_id)})"
        rows: list[Row] = []
        sentinel: Row = {}
        etag: str | None = None
        async for row in self.client.query_entities(query):
            if row["RowKey"] == SENTINEL:
                sentinel, etag = row, row.metadata["etag"]
            else:
                rows.append(row)
        current = sentinel.get("ExecutionId") or (rows[0].get("ExecutionId") if rows else None)
        if execution_id is not None and current is not None and execution_id != current:
            return LoadedHistory(instance_id=instance_id, execution_id=execution_id, etag=etag, may_overwrite=True)
        if execution_id is None and rows and rows[0].get("ExecutionId") not in (None, current):
            raise HistoryError(
                f"The history of instance {instance_id!r} says that it is of execution {current!r}, and begins with "
                f"{rows[0].get('ExecutionId')!r}. Purge the instance."
            )
        found = len(rows)
        rows = _leading_rows_of(current, rows)
        moved_out = _moved_out(rows)
        blob_names = [name for row in rows for name in _blobs_of(row).values()]
        await asyncio.gather(*(self._fill_in(row) for row in rows if _blobs_of(row)))
        return LoadedHistory(
            instance_id=instance_id,
            applied=applied_in(sentinel),
            attempt=note_of(sentinel.get(NOTE)),
            execution_id=execution_id or current,
            events=tuple(row_to_event(row) for row in rows),
            etag=etag,
            blob_names=tuple(blob_names),
            moved_out=moved_out,
            may_overwrite=len(rows) < found,
        )

    async def rows(self, instance_id: str) -> list[Mapping[str, Any]]:
        """All rows of an instance as they are in the table, the sentinel last."""
        query = f"PartitionKey eq {quoted(escape_key(instance_id))}"
        return [dict(row) async for row in self.client.query_entities(query)]

    async def append(
        self,
        loaded: LoadedHistory,
        execution_id: str,
        events: Sequence[HistoryEvent],
        *,
        replaces_history: bool = False,
        applied: Sequence[str] = (),
        before: Callable[[Sequence[HistoryEvent]], Awaitable[None]] | None = None,
    ) -> WrittenHistory:
        """Write the events of one checkpoint after the loaded ones; or from the first row on, if they are the whole
        history of another execution. ``applied`` is remembered with them, and ``before`` is awaited with the events of
        each transaction before it is written."""
        instance_id, etag = loaded.instance_id, loaded.etag
        past = () if replaces_history or loaded.execution_id != execution_id else loaded.events
        may_overwrite = loaded.may_overwrite or (not past and bool(loaded.events))
        key = escape_key(instance_id)
        rows = [
            event_to_row(event, partition_key=key, position=len(past) + index, execution_id=execution_id)
            for index, event in enumerate(events)
        ]
        await asyncio.gather(*(self._move_out(row) for row in rows))
        batches, done = list(_batches(rows)), 0
        for batch in batches:
            if before is not None:
                await before(events[done : done + len(batch)])
            done += len(batch)
            completed_at = self._now() if batch is batches[-1] else None
            sentinel = sentinel_row(
                partition_key=key, execution_id=execution_id, completed_at=completed_at, applied=applied
            )
            # With its checkpoint whole, what was noted of the attempt goes.
            clears = completed_at is not None and loaded.attempt is not None
            with _one_writer(instance_id, execution_id, etag):
                mode = UpdateMode.REPLACE if clears else UpdateMode.MERGE
                etag, may_overwrite = await self._write(batch, sentinel, etag, mode, may_overwrite=may_overwrite)
        return WrittenHistory(
            instance_id=instance_id,
            applied=tuple(applied),
            execution_id=execution_id,
            events=past + tuple(events),
            etag=etag,
            blob_names=(loaded.blob_names if past else ()) + tuple(n for row in rows for n in _blobs_of(row).values()),
            moved_out=_moved_out(rows),
            may_overwrite=may_overwrite,
        )

    async def note_attempt(self, loaded: LoadedHistory, note: AttemptNote) -> LoadedHistory:
        """Note that the episode after a history is about to be tried; returns the history with its new ETag.

        Where there is no history yet, the sentinel is the first of its rows, and as yet of no execution. (The start
        message is no place for the note: it is there twice if storage took it and answered with an error.)

        Raises:
            SplitBrainError: Somebody else wrote since it was loaded: what the episode asks for must not be sent.
        """
        row = {"PartitionKey": escape_key(loaded.instance_id), "RowKey": SENTINEL, NOTE: note_text(note)}
        with _one_writer(loaded.instance_id, note.execution_id, loaded.etag):
            if loaded.etag is None:
                answer = await self.client.create_entity(row)
            else:
                answer = await self.client.update_entity(
                    row, mode=UpdateMode.MERGE, etag=loaded.etag, match_condition=MatchConditions.IfNotModified
                )
        return replace(loaded, etag=str(answer["etag"]), attempt=note)

    async def delete_all(self, instance_id: str) -> None:
        """Remove every row of an instance, of all its executions, the sentinel last."""
        query = f"PartitionKey eq {quoted(escape_key(instance_id))}"
        rows = [row async for row in self.client.query_entities(query, select=["PartitionKey", "RowKey"])]
        for start in range(0, len(rows), MAX_EVENTS + 1):
            batch = rows[start : start + MAX_EVENTS + 1]
            try:
                await self.client.submit_transaction([("delete", row) for row in batch])
            except TableTransactionError as error:
                if error.status_code != 404:
                    raise
                # Another purge is at work: one missing row undoes the whole batch.
                await asyncio.gather(*(self._delete(row) for row in batch))

    async def _delete(self, row: Row) -> None:
        with contextlib.suppress(ResourceNotFoundError):
            await self.client.delete_entity(row["PartitionKey"], row["RowKey"])

    async def _write(
        self, rows: Sequence[Row], sentinel: Row, etag: str | None, mode: UpdateMode, *, may_overwrite: bool
    ) -> tuple[str, bool]:
        """Write one transaction; returns the new ETag, and whether rows may have stood there already."""
        condition: dict[str, Any] = {"mode": mode, "etag": etag, "match_condition": MatchConditions.IfNotModified}
        last = ("create", sentinel) if etag is None else ("update", sentinel, condition)
        # Azurite looks twice for a row that it is to replace or insert, at all rows of the instance each time.
        if not may_overwrite:
            try:
                answers = await self.client.submit_transaction([*(("create", row) for row in rows), last])
                return str(answers[-1]["etag"]), False
            except TableTransactionError as error:
                if error.status_code != _CONFLICT:
                    raise
        replace_or_insert = [("upsert", row, {"mode": UpdateMode.REPLACE}) for row in rows]
        answers = await self.client.submit_transaction([*replace_or_insert, last])
        return str(answers[-1]["etag"]), True

    async def _move_out(self, row: Row) -> None:
        """Put the large texts of a row into blobs."""
        for column in LARGE_COLUMNS:
            text = row.get(column)
            if not isinstance(text, str) or not is_large_property(text):
                continue
            name = property_blob_name(
                row["PartitionKey"], row["RowKey"], row["EventType"], column, guid=self._new_guid()
            )
            await self._payloads.write(name, text)
            row[column], row[f"{column}BlobName"] = "", name

    async def _fill_in(self, row: Row) -> None:
        """Get the large texts of a row back."""
        for column, name in _blobs_of(row).items():
            row[column] = await self._payloads.read(name)


def _blobs_of(row: Mapping[str, Any]) -> dict[str, str]:
    return {column: str(row[f"{column}BlobName"]) for column in LARGE_COLUMNS if row.get(f"{column}BlobName")}


def _moved_out(rows: Sequence[Row]) -> dict[tuple[str, str], str]:
    return {(row["EventType"], column): name for row in rows for column, name in _blobs_of(row).items()}


@contextlib.contextmanager
def _one_writer(instance_id: str, execution_id: str, etag: str | None) -> Iterator[None]:
    """Tell a write that somebody else was faster with from every other error."""
    try:
        yield
    except HttpResponseError as error:
        # 404: the rows were purged, and the sentinel with them.
        if error.status_code in (404, 409, 412):
            raise SplitBrainError(instance_id=instance_id, execution_id=execution_id, etag=etag) from error
        raise


def _leading_rows_of(execution_id: str | None, rows: Sequence[Row]) -> list[Row]:
    """The rows up to the first of another execution, which a longer history left behind."""
    leading: list[Row] = []
    for row in rows:
        if row.get("ExecutionId") not in (None, execution_id):
            break
        leading.append(row)
    return leading


def _batches(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    start, size = 0, 0
    for index, row in enumerate(rows):
        row_size = _size_of(row)
        if index > start and (index - start == MAX_EVENTS or size + row_size > MAX_BYTES):
            yield rows[start:index]
            start, size = index, 0
        size += row_size
    if start < len(rows):
        yield rows[start:]


def _size_of(row: Row) -> int:
    """About how many bytes a row takes on its way: the client writes JSON with all but ASCII escaped."""
    return ROW_BYTES + sum(len(json.dumps(row[column])) for column in LARGE_COLUMNS if row.get(column))
