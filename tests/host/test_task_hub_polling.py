"""A queue's reader rests longer the longer nothing comes, is woken by what is sent, and ends when it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from durable_engine import (
    Message,
    TaskScheduled,
)
from durable_host.clock import now
from durable_host.task_hub import Poller, ReceivedMessage, TaskHub
from durable_host.task_hub.queues.control_queue import ControlQueue
from durable_host.task_hub.queues.messages import CLIENT
from host.task_hub_steps import SENDER, name_of, raised, raw_queue, short_options


async def test_sending_wakes_the_reader_of_the_queue(connection_string: str, hub_name: str) -> None:
    async with TaskHub(connection_string, short_options(hub_name, max_polling_interval_seconds=100)) as hub:
        queue = hub.queue_of("i")
        poller = hub.poller(queue)
        waiting = asyncio.create_task(poller.next_batch(32))
        while poller.pause() < 1.0:
            await asyncio.sleep(0.05)

        await queue.send(raised("now"), sender=CLIENT, episode=None)
        (received,) = await asyncio.wait_for(waiting, 0.9)

    assert name_of(received) == "now"


async def test_a_stopped_poller_returns_nothing(connection_string: str, hub_name: str) -> None:
    async with TaskHub(connection_string, short_options(hub_name, max_polling_interval_seconds=100)) as hub:
        poller = hub.poller(hub.work_items)
        waiting = asyncio.create_task(poller.next_batch(1))
        await asyncio.sleep(0)

        poller.stop()

        assert await asyncio.wait_for(waiting, 5) == []


class Empty(ControlQueue):
    """A queue that says how often it was asked, and stops its poller in time."""

    def __init__(self, on_asked: Callable[[], None]) -> None:
        self.on_sent = lambda delay: None
        self._on_asked = on_asked

    async def receive(self, limit: int) -> list[ReceivedMessage]:
        self._on_asked()
        return []


class Failing(Empty):
    """A queue that cannot be received from twice, for no reason of storage's, and then brings something."""

    name = "queue"

    def __init__(self, batch: list[ReceivedMessage]) -> None:
        super().__init__(lambda: None)
        self._errors, self._batch = [RuntimeError("a fault"), RuntimeError("the same fault")], batch

    async def receive(self, limit: int) -> list[ReceivedMessage]:
        if self._errors:
            raise self._errors.pop(0)
        return self._batch


async def test_receiving_that_fails_for_any_reason_is_tried_again_and_reported_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    batch: list[Any] = [object()]

    assert await Poller(Failing(batch), max_interval=0.01).next_batch(1) is batch
    assert [record.message for record in caplog.records] == [
        "Queue queue cannot be read, and is tried again and again."
    ]
    assert "RuntimeError: a fault" in caplog.text


async def test_pauses_grow_as_the_real_hosts_do() -> None:
    pauses: list[float] = []

    def note() -> None:
        pauses.append(round(poller.pause(), 3))
        poller._empty_answers += 1
        if len(pauses) == 8:
            poller.stop()

    poller = Poller(Empty(note), max_interval=1.0)
    poller.wake()
    while len(pauses) < 8:
        await poller._ask(1)

    assert pauses == [0.0, 0.05, 0.1, 0.15, 0.25, 0.45, 0.85, 1.0]


async def test_a_queue_that_is_lost_is_made_again_and_reported_once(
    hub_name: str, connection_string: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        with raw_queue(connection_string, hub.work_items) as raw:
            raw.delete_queue()
        poller = hub.poller(hub.work_items)
        waiting = asyncio.create_task(poller.next_batch(1))
        await hub.send(
            Message(event=TaskScheduled(timestamp=now(), name="act"), target=SENDER), sender=SENDER, episode=1
        )

        assert len(await asyncio.wait_for(waiting, 5)) == 1
    told = [record.message for record in caplog.records]
    assert ["cannot be read" in text for text in told] == [True, False]
    assert "has been created again" in told[1]
