"""Messages go through the queues unchanged and in order, are held while they are worked on, and are never lost."""

from __future__ import annotations

import asyncio
import base64
import gc
import gzip
import json
import logging
from typing import Any

import pytest
from azure.storage.blob import ContainerClient

from durable_engine import (
    TICKS_PER_SECOND,
    HistoryEvent,
    Message,
    OrchestrationInstance,
    TaskCompleted,
    TaskScheduled,
    TimerFired,
)
from durable_host.clock import now
from durable_host.task_hub import HubQueue, Poller, ReceivedMessage, TaskHub
from durable_host.task_hub.queues.messages import CLIENT
from host.task_hub_steps import SENDER, name_of, new_instance, raised, raw_queue, short_options, started


async def receive_within(queue: HubQueue, seconds: float) -> list[ReceivedMessage]:
    """What comes within a time; the test goes on as soon as something does."""
    poller = Poller(queue, max_interval=0.05)
    try:
        async with asyncio.timeout(seconds):
            return await poller.next_batch(32)
    except TimeoutError:
        return []


@pytest.mark.parametrize(
    ("event", "is_work_item"),
    [
        (TaskScheduled(timestamp=0, name="act"), True),
        (TaskCompleted(timestamp=0, task_scheduled_id=0), False),
        (TimerFired(timestamp=0, timer_id=0, fire_at=0), False),
        (started(OrchestrationInstance(instance_id="abc", execution_id="e")), False),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
async def test_activities_go_to_the_work_items_and_all_else_to_the_receivers_partition(
    connection_string: str, hub_name: str, event: HistoryEvent, is_work_item: bool
) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        message = Message(event=event, target=OrchestrationInstance(instance_id="abc", execution_id="e"))
        queue = hub.work_items if is_work_item else hub.control_queue(3)
        await hub.send(message, sender=SENDER, episode=4)

        (received,) = await queue.receive(32)

    assert received.data.message == message
    assert (received.data.sender, received.data.episode, received.dequeue_count) == (SENDER, 4, 1)
    assert received.queue is queue


async def test_messages_come_in_the_order_in_which_they_were_sent(connection_string: str, hub_name: str) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        queue = hub.queue_of("i")
        for number in range(10):
            await queue.send(raised(str(number)), sender=CLIENT, episode=None)

        received = await queue.receive(32)

    assert [name_of(message) for message in received] == [str(number) for number in range(10)]


async def test_no_more_messages_are_taken_than_asked_for(connection_string: str, hub_name: str) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        queue = hub.queue_of("i")
        for number in range(5):
            await queue.send(raised(str(number)), sender=CLIENT, episode=None)

        assert [len(await queue.receive(2)) for _ in range(4)] == [2, 2, 1, 0]


async def test_a_deleted_message_is_gone_and_deleting_it_again_is_fine(connection_string: str, hub_name: str) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        queue = hub.queue_of("i")
        await queue.send(raised("once"), sender=CLIENT, episode=None)
        (received,) = await queue.receive(32)

        await queue.delete(received)
        await queue.delete(received)

        assert await receive_within(queue, 1.3) == []


async def test_a_held_message_comes_again_when_its_time_runs_out(connection_string: str, hub_name: str) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        queue = hub.queue_of("i")
        await queue.send(raised("again"), sender=CLIENT, episode=None)
        await queue.receive(32)  # and forgotten at once, as by a process that died
        gc.collect()

        (received,) = await receive_within(queue, 5)

    assert (name_of(received), received.dequeue_count) == ("again", 2)


async def test_a_renewed_message_stays_hidden_from_others(connection_string: str, hub_name: str) -> None:
    async with (
        TaskHub(connection_string, short_options(hub_name)) as hub,
        TaskHub(connection_string, short_options(hub_name)) as other,
    ):
        queue = hub.queue_of("i")
        await queue.send(raised("mine"), sender=CLIENT, episode=None)
        (received,) = await queue.receive(32)
        for _ in range(4):
            assert await receive_within(other.queue_of("i"), 0.4) == []
            await queue.renew(received)

        await queue.delete(received)
        assert await receive_within(other.queue_of("i"), 1.2) == []


async def test_a_message_that_comes_again_while_it_is_held_only_renews_the_hold(
    connection_string: str, hub_name: str
) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        queue = hub.queue_of("i")
        await queue.send(raised("slow"), sender=CLIENT, episode=None)
        (received,) = await queue.receive(32)
        receipt = received.pop_receipt
        for _ in range(40):
            assert await queue.receive(32) == []
            if received.pop_receipt != receipt:
                break
            await asyncio.sleep(0.05)

        assert received.dequeue_count == 2
        await queue.delete(received)
        assert await receive_within(queue, 1.2) == []


async def test_a_kept_message_is_hidden_as_if_it_had_been_received(connection_string: str, hub_name: str) -> None:
    async with (
        TaskHub(connection_string, short_options(hub_name)) as hub,
        TaskHub(connection_string, short_options(hub_name)) as other,
    ):
        queue, message = hub.queue_of("i"), raised("kept")
        kept = await queue.send_and_keep(message, sender=CLIENT, episode=None)
        before = await other.queue_of("i").receive(32)
        (after,) = await receive_within(other.queue_of("i"), 5)

    assert (kept.data.message, kept.is_own, kept.dequeue_count) == (message, True, 1)
    assert before == []
    assert after.data == kept.data


async def test_a_kept_message_can_be_renewed_and_deleted(connection_string: str, hub_name: str) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        queue = hub.queue_of("i")
        kept = await queue.send_and_keep(raised("kept"), sender=CLIENT, episode=None)
        await queue.renew(kept)

        await queue.delete(kept)

        assert await receive_within(queue, 1.3) == []


async def test_a_kept_start_is_known_to_be_new(connection_string: str, hub_name: str) -> None:
    instance = new_instance("i")
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        queue = hub.queue_of("i")
        message = Message(event=started(instance), target=instance)
        kept = await queue.send_and_keep(message, sender=CLIENT, episode=None)
        await queue.send(message, sender=CLIENT, episode=None)
        (received,) = await queue.receive(32)

    assert (kept.starts_new_instance, kept.start_is_confirmed) == (True, True)
    assert (received.starts_new_instance, received.start_is_confirmed) == (False, False)


async def test_an_abandoned_message_comes_again_after_twice_the_time(connection_string: str, hub_name: str) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        queue = hub.queue_of("i")
        await queue.send(raised("later"), sender=CLIENT, episode=None)
        (received,) = await queue.receive(32)

        await queue.abandon(received)

        assert received.next_visible_at - now() > TICKS_PER_SECOND
        assert await receive_within(queue, 1.2) == []
        (again,) = await receive_within(queue, 5)
    assert (again.dequeue_count, again is received) == (2, False)


async def test_a_released_message_comes_again_at_once(connection_string: str, hub_name: str) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        queue = hub.queue_of("i")
        await queue.send(raised("back"), sender=CLIENT, episode=None)
        (received,) = await queue.receive(32)

        await queue.release(received)

        assert [name_of(message) for message in await queue.receive(32)] == ["back"]


@pytest.mark.parametrize(
    ("seconds", "delay"), [(None, None), (-5, 0), (0.29, 0), (1.994, 1), (5.993, 5), (299.994, 299)]
)
def test_a_delay_is_cut_to_whole_seconds(seconds: float | None, delay: int | None) -> None:
    moment = 10**17
    event = TimerFired(timestamp=0, timer_id=0, fire_at=0)
    deliver_at = None if seconds is None else moment + round(seconds * TICKS_PER_SECOND)
    message = Message(event=event, target=SENDER, deliver_at=deliver_at)

    assert HubQueue.delay_seconds(message, moment) == delay


async def test_a_delayed_message_comes_when_it_is_due_however_long_the_pauses(
    connection_string: str, hub_name: str
) -> None:
    async with TaskHub(connection_string, short_options(hub_name, max_polling_interval_seconds=100)) as hub:
        queue = hub.queue_of("i")
        poller = hub.poller(queue)
        waiting = asyncio.create_task(poller.next_batch(32))
        await queue.send(raised("due", in_seconds=1.5), sender=CLIENT, episode=None)
        sent_at = now()

        (received,) = await asyncio.wait_for(waiting, 10)

    assert name_of(received) == "due"
    assert 0.9 < (now() - sent_at) / TICKS_PER_SECOND < 1.5


async def test_a_large_message_goes_through_a_blob(connection_string: str, hub_name: str) -> None:
    message = raised("big", instance_id="a#b", input='"' + "ü" * 30_000 + '"')
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        queue = hub.queue_of("a#b")
        blob_name = await queue.send(message, sender=CLIENT, episode=None)
        with raw_queue(connection_string, queue) as raw:
            text = raw.peek_messages()[0].content
        (received,) = await queue.receive(32)
        with ContainerClient.from_connection_string(
            connection_string, hub.names.large_messages_container, api_version="2025-11-05"
        ) as container:
            blob = container.get_blob_client(blob_name or "")
            content = json.loads(gzip.decompress(blob.download_blob().readall()))
            settings = blob.get_blob_properties().content_settings

    assert received.data.message == message
    assert json.loads(text)["CompressedBlobName"] == blob_name
    assert blob_name is not None
    assert blob_name.startswith("a#b/message-")
    assert blob_name.endswith("-EventRaised.json.gz")
    assert blob_name[12:44] == content["ActivityId"].replace("-", "")
    assert (content["CompressedBlobName"], settings.content_encoding) == (None, None)
    assert settings.content_type == "application/octet-stream"


async def test_a_message_too_large_for_the_service_only_in_base64_still_takes_the_blob(
    connection_string: str, hub_name: str
) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        queue = hub.queue_of("i")
        small, large = raised("s", input="x" * 45_000), raised("l", input="x" * 46_000)

        assert await queue.send(small, sender=CLIENT, episode=None) is None
        assert (await queue.send_and_keep(small, sender=CLIENT, episode=None)).blob_name is None
        assert await queue.send(large, sender=CLIENT, episode=None) is not None
        assert (await queue.send_and_keep(large, sender=CLIENT, episode=None)).blob_name is not None


async def test_a_message_that_is_received_again_while_it_is_renewed_is_renewed_with_its_new_receipt(
    connection_string: str, hub_name: str
) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        queue = hub.queue_of("i")
        kept = await queue.send_and_keep(raised("late"), sender=CLIENT, episode=None)
        await asyncio.sleep(1.1)
        update, first = queue._client.update_message, kept.pop_receipt

        async def after_another_receipt(*arguments: Any, **options: Any) -> Any:
            if kept.pop_receipt == first:
                assert await queue.receive(32) == []
            return await update(*arguments, **options)

        queue._client.update_message = after_another_receipt  # type: ignore[method-assign]  # a race, forced
        await queue.renew(kept)
        queue._client.update_message = update  # type: ignore[method-assign]  # as it was

        await queue.delete(kept)
        await asyncio.sleep(1.1)
        assert await queue.receive(32) == []


async def test_base64_messages_of_older_hosts_are_received(connection_string: str, hub_name: str) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        queue, message = hub.queue_of("i"), raised("old")
        await queue.send(message, sender=CLIENT, episode=None)
        with raw_queue(connection_string, queue) as raw:
            (plain,) = list(raw.receive_messages(visibility_timeout=30))
            raw.send_message(base64.b64encode(plain.content.encode()).decode())

        (received,) = await queue.receive(32)
    assert received.data.message == message


async def test_an_unreadable_control_message_is_put_off_and_named_once(
    connection_string: str, hub_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        queue = hub.queue_of("i")
        with raw_queue(connection_string, queue) as raw:
            raw.send_message("hello")
        await queue.send(raised("good"), sender=CLIENT, episode=None)

        with caplog.at_level(logging.WARNING):
            first = await queue.receive(32)
            for message in first:
                await queue.delete(message)
            assert await receive_within(queue, 2.6) == []  # it came again after 2 s, and was put off for 4
        with raw_queue(connection_string, queue) as raw:
            count = raw.get_queue_properties().approximate_message_count

    assert [name_of(message) for message in first] == ["good"]
    assert count == 1, "what one host cannot read another may"
    assert [record.message.count("another task hub") for record in caplog.records] == [1]


async def test_an_unreadable_work_item_is_left_until_its_time_runs_out(
    connection_string: str, hub_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        with raw_queue(connection_string, hub.work_items) as raw:
            raw.send_message('{"CompressedBlobName":"i/message-x-TaskScheduled.json.gz"}')
            assert await hub.work_items.receive(1) == []
            hidden = raw.peek_messages()
            assert await receive_within(hub.work_items, 1.2) == []
            count = raw.get_queue_properties().approximate_message_count

    assert (hidden, count) == ([], 1)
    assert [record.message.count("i/message-x-TaskScheduled.json.gz") for record in caplog.records] == [1]
