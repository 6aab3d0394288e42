"""Listeners of timers and queues go on, whatever storage or somebody else has put in their way."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueServiceClient

from durable_host.app.index import FunctionIndex
from durable_host.app.worker import Worker
from durable_host.bindings.accounts import Accounts
from durable_host.config.host_json import QueueOptions
from durable_host.http.client_binding import ClientBinding
from durable_host.triggers import listeners
from durable_host.triggers.queue_reader import Handled, QueueReader
from durable_host.triggers.schedule import parse_schedule
from durable_host.triggers.singleton import host_blob
from durable_host.triggers.timer import TimerListener
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

    running = asyncio.create_task(listeners._again_and_again("queue 'q'", work))
    await soon(lambda: len(begun) == 2, "it begins again")
    running.cancel()
    await asyncio.wait([running])

    assert "has failed, and begins anew" in caplog.text


TIMER_APP = """
import azure.functions as func

app = func.FunctionApp()


@app.timer_trigger(arg_name="timer", schedule="0 0 * * * *")
def hourly(timer: func.TimerRequest) -> None:
    pass
"""


@pytest.mark.parametrize("status", [b"[1]", b'{"Last": 5}', b"\xff", b"{"])
async def test_timer_whose_status_cannot_be_read_begins_anew(
    connection_string: str, hub_name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, status: bytes
) -> None:
    (tmp_path / f"app_{hub_name}.py").write_text(TIMER_APP, encoding="utf-8")
    index = FunctionIndex.load(tmp_path, environment={"PYTHON_SCRIPT_FILE_NAME": f"app_{hub_name}.py"})
    sys.path.remove(str(tmp_path))
    worker = Worker(index, client_text=ClientBinding(hub_name=hub_name).text_for, environment={})
    async with Accounts(connection_string, {"AzureWebJobsStorage": connection_string}) as accounts:
        blobs, schedule = await accounts.blobs(None), parse_schedule("0 0 * * * *", {})
        timer = TimerListener(index.functions[0], schedule, worker, blobs, hub_name)
        blob = await host_blob(blobs, f"timers/{hub_name}/Host.Functions.hourly/status")
        await blob.upload_blob(status, overwrite=True)

        trigger = await timer.by_hand(None)

    assert trigger.data is not None
    assert "cannot be read and is made anew" in caplog.text


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
