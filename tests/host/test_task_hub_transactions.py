"""The quick table client gives the answers and the errors that the official one gives."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
)
from azure.core.pipeline.transport import AioHttpTransport
from azure.data.tables import TableTransactionError, UpdateMode
from azure.data.tables.aio import TableClient

from durable_host.clock import new_id
from durable_host.task_hub.account.batch_client import QuickBatchTableClient


def entity(row_key: str, **columns: Any) -> dict[str, Any]:
    return {"PartitionKey": "p", "RowKey": row_key, **columns}


async def error_of(work: Any) -> tuple[str, object, object]:
    """How a call fails: the error's class, status and code."""
    with pytest.raises(AzureError) as failed:
        await work
    error: Any = failed.value
    return type(error).__name__, getattr(error, "status_code", None), getattr(error, "error_code", None)


async def seen_by(client: type[TableClient], connection_string: str) -> AsyncIterator[Any]:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        transport = AioHttpTransport(session=session, session_owner=False, use_env_settings=False)
        async with client.from_connection_string(connection_string, f"T{new_id()}", transport=transport) as table:
            yield await error_of(table.get_entity("p", "r"))
            await table.create_table()
            yield await error_of(table.create_table())
            answers = await table.submit_transaction(
                [
                    ("create", entity("a", Text="ü\r\n--boundary")),
                    ("upsert", entity("b", Number=1), {"mode": UpdateMode.REPLACE}),
                ]
            )
            yield [sorted(answer) for answer in answers]
            rows = [row async for row in table.query_entities("PartitionKey eq 'p'")]
            yield [dict(row) for row in rows]
            assert [row.metadata["etag"] for row in rows] == [answer["etag"] for answer in answers]
            yield await error_of(table.submit_transaction([("upsert", entity("c")), ("create", entity("a"))]))
            condition: dict[str, Any] = {"etag": 'W/"stale"', "match_condition": MatchConditions.IfNotModified}
            yield await error_of(
                table.submit_transaction([("create", entity("c")), ("update", entity("a"), condition)])
            )
            yield await error_of(table.submit_transaction([("delete", entity("nobody")), ("delete", entity("a"))]))
            yield await error_of(table.update_entity(entity("a"), **condition))
            yield await error_of(table.create_entity(entity("d", Text="x" * 40_000)))
            yield [dict(row) async for row in table.list_entities()]


async def test_transactions_answer_as_the_official_clients_do(connection_string: str) -> None:
    quick = [seen async for seen in seen_by(QuickBatchTableClient, connection_string)]

    plain = [seen async for seen in seen_by(TableClient, connection_string)]

    assert quick == plain
    assert (plain[4][0], plain[4][1]) == (TableTransactionError.__name__, 409)
    assert (plain[5][1], plain[6][1], plain[7][1]) == (412, 404, 412)
