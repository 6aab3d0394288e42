"""The transport shows the clients what azure-core's own shows them, answers in parts and failures included."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    ResourceExistsError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.core.pipeline.transport import AioHttpTransport
from azure.core.rest import HttpRequest
from azure.data.tables import TableTransactionError, UpdateMode
from azure.data.tables.aio import TableClient
from azure.storage.queue.aio import QueueClient

from durable_host.clock import new_id
from durable_host.task_hub.account.batch_client import QuickBatchTableClient
from durable_host.task_hub.account.transport import LARGE_BODY, WholeAnswerTransport


async def with_both(use: Callable[[Any], AsyncIterator[Any]]) -> list[list[Any]]:
    """What happens with the two transports, in turn."""
    outcomes = []
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        theirs = AioHttpTransport(session=session, session_owner=False, use_env_settings=False)
        for transport in (WholeAnswerTransport(session), theirs):
            outcomes.append([outcome async for outcome in use(transport)])
    return outcomes


def entity(row_key: str, **columns: Any) -> dict[str, Any]:
    return {"PartitionKey": "p", "RowKey": row_key, **columns}


async def error_of(work: Any) -> tuple[str, object, object]:
    """How a call fails: the error's class, status and code."""
    with pytest.raises(AzureError) as failed:
        await work
    error: Any = failed.value
    return type(error).__name__, getattr(error, "status_code", None), getattr(error, "error_code", None)


@pytest.mark.parametrize("ours", [TableClient, QuickBatchTableClient])
async def test_tables_answer_alike(connection_string: str, ours: type[TableClient]) -> None:
    async def use(transport: Any) -> AsyncIterator[Any]:
        client = ours if isinstance(transport, WholeAnswerTransport) else TableClient
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

    quick, plain = await with_both(use)

    assert quick == plain
    assert (plain[4][0], plain[4][1]) == (TableTransactionError.__name__, 409)
    assert (plain[5][1], plain[6][1], plain[7][1]) == (412, 404, 412)


async def test_queues_answer_alike(connection_string: str) -> None:
    async def use(transport: Any) -> AsyncIterator[Any]:
        async with QueueClient.from_connection_string(
            connection_string, f"q{new_id()}", api_version="2025-11-05", transport=transport
        ) as queue:
            yield await error_of(queue.send_message("x"))
            await queue.create_queue()
            yield await error_of(queue.create_queue())
            await queue.send_message("<é&\u2028>", time_to_live=-1)
            received = [message async for message in queue.receive_messages(visibility_timeout=30)]
            yield [(message.content, message.dequeue_count) for message in received]
            yield await error_of(queue.delete_message(received[0].id, "bm9uZQ=="))
            await queue.delete_message(received[0])
            yield await error_of(queue.delete_message(received[0]))
            yield [message.content async for message in queue.receive_messages()]

    ours, theirs = await with_both(use)

    assert ours == theirs
    assert ours[0][0] == ResourceNotFoundError.__name__
    assert ours[1][0] == ResourceExistsError.__name__
    assert ours[2] == [("<é&\u2028>", 1)]


async def test_an_address_where_nobody_listens_is_a_request_that_was_not_sent() -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(ServiceRequestError):
            await WholeAnswerTransport(session).send(HttpRequest("GET", "http://127.0.0.1:1/"))


async def test_a_connection_that_breaks_off_is_a_request_that_may_have_been_carried_out() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, aiohttp.ClientSession() as session:
        with pytest.raises(ServiceResponseError):
            await WholeAnswerTransport(session).send(HttpRequest("POST", f"http://127.0.0.1:{port}/", content=b"x"))


async def test_a_body_of_some_megabytes_arrives_whole() -> None:
    received = 0

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal received
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        received = len(await reader.readexactly(length))
        writer.write(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(count, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, aiohttp.ClientSession() as session:
        body = b"x" * (3 * LARGE_BODY)
        answer = await WholeAnswerTransport(session).send(
            HttpRequest("POST", f"http://127.0.0.1:{port}/", content=body)
        )

    assert (answer.status_code, received) == (204, len(body))
