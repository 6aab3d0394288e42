"""What reads the queue of a queue trigger: when it looks, what it tries again, and what it leaves behind."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from durable_host.clock import new_id
from durable_host.config.host_json import QueueOptions
from durable_host.triggers.queue_reader import Handled, QueueReader, poison_of
from host_process import StorageProxy, StorageRequest, soon

DONE, FAILED = Handled(is_done=True), Handled(is_done=False)
RARELY = 100.0


@contextlib.asynccontextmanager
async def queue_of(connection_string: str) -> AsyncIterator[tuple[QueueServiceClient, QueueClient]]:
    """A queue that no other test uses."""
    async with QueueServiceClient.from_connection_string(connection_string) as service:
        queue = service.get_queue_client(f"q-{new_id()}")
        await queue.create_queue()
        yield service, queue


def reader_of(
    service: QueueServiceClient,
    queue: QueueClient,
    handle: Callable[[QueueMessage], Awaitable[Handled]],
    *,
    has_poison: bool = True,
    most_attempts: int = 5,
    **options: float,
) -> QueueReader:
    settings = QueueOptions(max_polling_interval_seconds=RARELY, **options)  # type: ignore[arg-type]
    name = queue.queue_name
    poison = f"{name}-poison" if has_poison else None
    return QueueReader(service, name, handle, settings, poison=poison, most_attempts=most_attempts)


@contextlib.asynccontextmanager
async def running(reader: QueueReader) -> AsyncIterator[None]:
    task = asyncio.create_task(reader.run_for_ever())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        await reader.finish(5)


async def test_attempts_at_a_message_have_a_pause_between_them(connection_string: str) -> None:
    # quiet/queue_poison of fixtures/recordings/triggers: a tenth of a second from one to the next.
    began, ended = list[float](), list[float]()
    is_over = asyncio.Event()

    async def handle(message: QueueMessage) -> Handled:
        began.append(time.monotonic())
        await asyncio.sleep(0.05)
        ended.append(time.monotonic())
        if len(ended) < 4:
            return FAILED
        is_over.set()
        return DONE

    async with queue_of(connection_string) as (service, queue):
        await queue.send_message("m")
        async with running(reader_of(service, queue, handle)):
            await asyncio.wait_for(is_over.wait(), 20)

    pauses = [after - before for before, after in zip(ended, began[1:], strict=False)]
    assert [pause >= 0.1 for pause in pauses] == [True, True, True]


@pytest.mark.parametrize("hidden_seconds", [0, 1])
async def test_a_message_that_fails_late_is_tried_again_soon_though_the_queue_was_empty_for_long(
    connection_string: str, hidden_seconds: int
) -> None:
    attempts: list[float] = []
    is_over = asyncio.Event()

    async def handle(message: QueueMessage) -> Handled:
        attempts.append(time.monotonic())
        if len(attempts) == 2:
            is_over.set()
            return DONE
        await asyncio.sleep(3)  # by now the next look is more than 3 s away
        return FAILED

    async with queue_of(connection_string) as (service, queue):
        await queue.send_message("m")
        async with running(reader_of(service, queue, handle, visibility_timeout_seconds=hidden_seconds)):
            await asyncio.wait_for(is_over.wait(), 20)

    assert attempts[1] - attempts[0] < 3 + hidden_seconds + 1.5


async def test_a_reader_that_is_woken_looks_at_once(connection_string: str) -> None:
    seen = asyncio.Event()

    async def handle(message: QueueMessage) -> Handled:
        seen.set()
        return DONE

    async with queue_of(connection_string) as (service, queue):
        reader = reader_of(service, queue, handle)
        async with running(reader):
            await asyncio.sleep(3)
            await queue.send_message("m")
            reader.wake()

            await asyncio.wait_for(seen.wait(), 1)


@pytest.mark.parametrize(("queue", "poison"), [("q", "q-poison"), ("q-poison", None), ("q" * 57, None)])
def test_a_poison_queue_and_one_of_a_long_name_have_no_poison_queue(queue: str, poison: str | None) -> None:
    # QueuesOptions.MaxDequeueCount of the Storage extension.
    assert poison_of(queue) == poison


async def test_a_message_that_fails_in_a_queue_without_a_poison_queue_stays_hidden(connection_string: str) -> None:
    # QueueProcessor.CompleteProcessingMessageAsync of the Storage extension: a poison queue has no poison queue itself.
    attempts = 0

    async def handle(message: QueueMessage) -> Handled:
        nonlocal attempts
        attempts += 1
        return FAILED

    async with queue_of(connection_string) as (service, queue):
        await queue.send_message("m")
        async with running(reader_of(service, queue, handle, has_poison=False, most_attempts=1)):
            await asyncio.sleep(1)

        assert attempts == 1
        assert (await queue.get_queue_properties()).approximate_message_count == 1
        assert list(await queue.peek_messages()) == []


async def test_a_message_whose_host_died_in_its_last_attempt_is_put_aside(connection_string: str) -> None:
    # QueueProcessor.BeginProcessingMessageAsync of the Storage extension.
    async with queue_of(connection_string) as (service, queue):
        await queue.send_message("m")
        async for _ in queue.receive_messages(visibility_timeout=1):
            pass  # the attempt of the host that died
        poison = service.get_queue_client(f"{queue.queue_name}-poison")

        async with running(reader_of(service, queue, handled_by_nobody, most_attempts=1)):
            await soon(poison_has_messages(poison), "it is put aside")

        assert [message.content for message in await poison.peek_messages()] == ["m"]


def poison_has_messages(poison: QueueClient) -> Callable[[], Awaitable[bool]]:
    async def has_messages() -> bool:
        try:
            return bool(await poison.peek_messages())
        except ResourceNotFoundError:
            return False

    return has_messages


@pytest.mark.parametrize("is_cut_off", [False, True])
async def test_a_reader_that_is_stopped_while_it_receives_ends_and_hides_no_message(
    connection_string: str, is_cut_off: bool
) -> None:
    is_asked = asyncio.Event()

    def notice(request: StorageRequest) -> None:
        if request.method == "GET" and "/messages" in request.path and "peekonly" not in request.path:
            is_asked.set()  # and the answer is still to come
            if is_cut_off:
                proxy.cut_after(0)

    async with (
        StorageProxy(connection_string, fault=notice) as proxy,
        queue_of(proxy.connection_string) as (service, queue),
        QueueServiceClient.from_connection_string(connection_string) as direct,
    ):
        await queue.send_message("m")
        task = asyncio.create_task(reader_of(service, queue, handled_by_nobody).run_for_ever())
        await asyncio.wait_for(is_asked.wait(), 20)

        task.cancel()
        await asyncio.wait([task], timeout=10)

        assert task.cancelled()
        left = [message.content for message in await direct.get_queue_client(queue.queue_name).peek_messages()]
        assert left == ([] if is_cut_off else ["m"])


async def handled_by_nobody(message: QueueMessage) -> Handled:
    raise AssertionError("it is handed over after the stop")
