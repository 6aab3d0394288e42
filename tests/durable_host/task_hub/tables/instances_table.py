"""The instances table: one row for each instance, which is what clients see of it.

Writes, reads, lists and removes instance rows, and fetches the texts that are in blobs.
Invariant: a start never replaces a row that changed since it was looked at; an episode's merge never removes a column.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, Final

from azure.core import MatchConditions
from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
from azure.data.tables import UpdateMode
from azure.data.tables.aio import TableClient

from durable_engine import ExecutionStarted, InstanceUpdate, Ticks
from durable_host.task_hub.account.large_payloads import LargePayloads, is_large_property, property_blob_name
from durable_host.task_hub.base.errors import ContinuationError, MessageFormatError, PayloadMissingError
from durable_host.task_hub.base.names import escape_key, quoted
from durable_host.task_hub.queues.messages import read_message
from durable_host.task_hub.tables.instance_rows import (
    COLUMNS_WITHOUT_INPUT,
    InstancePage,
    InstanceQuery,
    InstanceRow,
    filter_of,
    rewound_row,
    row_to_instance,
    started_row,
    terminated_row,
    updated_row,
)
from durable_host.task_hub.tables.instance_summaries import (
    InstanceSummary,
    SummaryPage,
    changed_since,
    every_summary,
    summary_page,
)

__all__ = ["InstancesTable"]

_log = logging.getLogger(__name__)
_FIRST_PAGE: Final = ["", ""]
# The history columns that a row's input and output come from.
_INPUTS: Final = (("ExecutionStarted", "Input"),)
_OUTPUTS: Final = (
    ("ExecutionCompleted", "Result"),
    ("ExecutionTerminated", "Input"),
    ("ExecutionSuspended", "Reason"),
    ("ExecutionResumed", "Reason"),
)


class InstancesTable:
    """The instances of one hub."""

    def __init__(self, client: TableClient, payloads: LargePayloads, *, hub: str, new_guid: Callable[[], str]) -> None:
        self._client, self._payloads = client, payloads
        self._hub, self._new_guid = hub, new_guid
        self._complained: set[str] = set()

    async def get(self, instance_id: str, *, with_input: bool = True) -> InstanceRow | None:
        """One instance, or None. Without the input this is the cheaper question that starts ask."""
        rows = self._client.query_entities(
            f"PartitionKey eq {quoted(escape_key(instance_id))}",
            results_per_page=1,
            select=None if with_input else list(COLUMNS_WITHOUT_INPUT),
        )
        async for row in rows:
            if row["RowKey"] == "":  # beside it, something else may have put rows of its own
                return await self._instance(row, with_input=with_input)
        return None

    async def query(self, query: InstanceQuery, *, top: int = 100, continuation: str | None = None) -> InstancePage:
        """One page of instances, by ascending id. With ``top`` 0 it is empty, and leads to the first one."""
        start: Any = None if continuation is None else _from_continuation(continuation)
        if top == 0:
            return InstancePage(rows=(), continuation=continuation or _to_continuation(_FIRST_PAGE))
        pages = self._client.query_entities(
            filter_of(query),
            results_per_page=top,
            select=None if query.with_input else list(COLUMNS_WITHOUT_INPUT),
        ).by_page(start)
        async for page in pages:
            rows = [row async for row in page if row["RowKey"] == ""]
            instances = await asyncio.gather(*(self._instance(row, with_input=query.with_input) for row in rows))
            following: Any = pages.continuation_token  # type: ignore[attr-defined]  # typed as any async iterator
            token = _to_continuation([following["PartitionKey"], following["RowKey"] or ""]) if following else None
            return InstancePage(rows=tuple(instances), continuation=token)
        return InstancePage(rows=(), continuation=None)

    def summaries(self, *, since: Ticks | None = None) -> AsyncIterator[tuple[InstanceSummary, ...]]:
        """Every instance in brief, or those whose rows were written since this moment of the table's clock."""
        return every_summary(self._client) if since is None else every_summary(self._client, changed_since(since))

    async def summary_page(
        self, query: InstanceQuery, *, top: int, continuation: Mapping[str, str] | None
    ) -> SummaryPage:
        """One page of instances in brief, by ascending id."""
        return await summary_page(self._client, filter_of(query), top=top, continuation=continuation)

    async def start_row(
        self, event: ExecutionStarted, *, now: Ticks, message_blob: str | None, replaces: InstanceRow | None
    ) -> bool:
        """Write the row of an instance whose start message was sent. If another start was faster, its row stays and
        the answer is False: the message of this one then finds a row that is not its own, and is dropped."""
        input, input_blob_name = event.input, None
        if message_blob is not None:
            input = self._payloads.url_of(message_blob)
        elif input is not None and is_large_property(input):
            key = escape_key(event.instance.instance_id)
            input_blob_name = property_blob_name(key, "", "Input", "Input", guid=self._new_guid())
            await self._payloads.write(input_blob_name, input)
            input = ""
        row = started_row(event, hub=self._hub, now=now, input=input, input_blob_name=input_blob_name)
        try:
            if replaces is None:
                await self._client.create_entity(row)
            else:
                await self._client.update_entity(
                    row,
                    mode=UpdateMode.REPLACE,
                    etag=replaces.etag,
                    match_condition=MatchConditions.IfNotModified,
                )
        except (ResourceExistsError, ResourceModifiedError):
            return False
        return True

    async def apply(
        self,
        instance_id: str,
        update: InstanceUpdate,
        *,
        completed_at: Ticks,
        moved_out: Mapping[tuple[str, str], str],
    ) -> None:
        """Merge what an episode changed. ``moved_out`` names the blobs that its history wrote: the row has their URLs
        where its own texts are too large."""

        def cell(text: str | None, places: Collection[tuple[str, str]]) -> str | None:
            if text is None or not is_large_property(text):
                return text
            return next((self._payloads.url_of(moved_out[place]) for place in places if place in moved_out), text)

        row = updated_row(
            instance_id,
            update,
            hub=self._hub,
            completed_at=completed_at,
            input=cell(update.started.input, _INPUTS) if update.started else None,
            output=cell(update.output, _OUTPUTS),
        )
        await self._client.upsert_entity(row, mode=UpdateMode.MERGE)

    async def mark_rewound(self, instance_id: str, now: Ticks) -> None:
        """Show an instance as pending again; its old output stays until the new run ends."""
        await self._client.update_entity(rewound_row(instance_id, now), mode=UpdateMode.MERGE)

    async def mark_terminated(self, instance_id: str, reason: str | None, *, terminated_at: Ticks, now: Ticks) -> None:
        """Show an instance as terminated that has no history to say so: it was terminated before it began."""
        row = terminated_row(instance_id, reason, terminated_at=terminated_at, now=now)
        with contextlib.suppress(ResourceNotFoundError):
            await self._client.update_entity(row, mode=UpdateMode.MERGE)

    async def delete(self, instance_id: str) -> None:
        """Remove the row; one that is gone already is fine."""
        with contextlib.suppress(ResourceNotFoundError):
            await self._client.delete_entity(escape_key(instance_id), "")

    async def _instance(self, row: Any, *, with_input: bool) -> InstanceRow:
        """The instance of a row. What cannot be read of it is left out, so that one bad row spoils no list, and can
        still be found and purged by its id."""
        instance, problems = row_to_instance(row, etag=row.metadata["etag"])
        input_blob = row.get("InputBlobName")
        input, output = None, None
        try:
            output = await self._text_of(instance.output)
            if with_input:
                has_blob = isinstance(input_blob, str) and input_blob and not instance.input
                input = await (self._payloads.read(input_blob) if has_blob else self._text_of(instance.input))
        except (PayloadMissingError, MessageFormatError, UnicodeError, OSError) as error:
            problems = (*problems, str(error))
        if problems and instance.instance_id not in self._complained:
            self._complained.add(instance.instance_id)
            _log.warning("Instance %r is shown without a part: %s", instance.instance_id, " ".join(problems))
        return replace(instance, input=input, output=output)

    async def _text_of(self, cell: str | None) -> str | None:
        """The text of a cell, which may be the URL of a blob: of a property, or of a whole start message."""
        name = self._payloads.name_in(cell) if cell else None
        if name is None:
            return cell
        text = await self._payloads.read(name)
        if not name.endswith("ExecutionStarted.json.gz"):
            return text
        data = read_message(text)
        event = None if isinstance(data, str) else data.message.event
        return event.input if isinstance(event, ExecutionStarted) else None


def _to_continuation(keys: list[str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(keys).encode()).decode()


def _from_continuation(token: str) -> dict[str, str] | None:
    try:
        keys = json.loads(base64.urlsafe_b64decode(token))
        partition_key, row = (str(key) for key in keys)
    except (TypeError, ValueError) as error:
        raise ContinuationError(
            f"{token!r} is not a continuation token of this host. Pass on the x-ms-continuation-token header of the "
            "last answer as it came, or leave it out to begin with the first page."
        ) from error
    return None if keys == _FIRST_PAGE else {"PartitionKey": partition_key, "RowKey": row}
