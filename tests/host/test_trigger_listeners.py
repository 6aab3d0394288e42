"""Listeners of timers and queues go on, whatever storage or somebody else has put in their way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueServiceClient

from durable_host.bindings.accounts import Accounts
from durable_host.config.host_json import QueueOptions
from durable_host.triggers import listeners
from durable_host.triggers.queue_reader import Handled, QueueReader
from host_process import soon


@asynccontextmanager
async def queues_of(connection_string: str) -> AsyncIterator[QueueServiceClient]:
    async with Accounts(connection_string, {"AzureWebJobsStorage": connection_string}) as accounts:
        yield await accounts.queues(None)


async def test_listener_that_fails_begins_anew_and_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listeners, "_AGAIN_SECONDS", 0.0)
    begun: list[int] = []

    async def work() -> None:
        begun.append(1)
        if len(begun) == 1:
            raise ValueError("a status that is none")
        await asyncio.Event().wait()

    running = asyncio.create_task(listeners._again_and_again(work))
    await soon(lambda: len(begun) == 2, "it begins again")
    running.cancel()
    await asyncio.wait([running])

    assert "A listener has failed, and begins anew" in caplog.text


async def test_message_that_cannot_be_handled_is_put_aside_after_as_many_attempts_as_any_other(
    connection_string: str, hub_name: str
) -> None:
    attempts: list[str | None] = []

    async def fail(message: QueueMessage) -> Handled:
        attempts.append(message.content)
        raise KeyError("FunctionId")

    async with queues_of(connection_string) as service:
        name, poison = hub_name.lower(), f"{hub_name.lower()}-poison"
        queue = service.get_queue_client(name)
        await queue.create_queue()
        await service.create_queue(poison)
        await queue.send_message("{}")
        reader = QueueReader(service, name, fail, QueueOptions(), poison=poison, most_attempts=2)
        reading = asyncio.create_task(reader.run_for_ever())

        async def put_aside() -> list[str]:
            return [message.content for message in await service.get_queue_client(poison).peek_messages()]

        await soon(put_aside, "it is in the poison queue")
        reading.cancel()
        await asyncio.wait([reading])

        assert await put_aside() == ["{}"]
    assert attempts == ["{}", "{}"]
