"""Messages are held for as long as they are needed, given back when they are not, and asked for one thing at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest

from durable_engine import TICKS_PER_SECOND, EventRaised, Message
from durable_host.clock import now
from durable_host.dispatch.message_locks import HeldMessages
from durable_host.task_hub import ReceivedMessage, TaskHub
from durable_host.task_hub.account.concurrency import AT_A_TIME, for_each
from durable_host.task_hub.queues.messages import CLIENT
from host.task_hub_steps import new_instance, short_options
from host_process import soon


async def kept(hub: TaskHub, instance_id: str = "i") -> ReceivedMessage:
    """A message that is in its queue and held by this process."""
    message = Message(event=EventRaised(timestamp=now(), name="e"), target=new_instance(instance_id))
    return await hub.queue_of(instance_id).send_and_keep(message, sender=CLIENT, episode=None)


async def test_a_held_message_is_renewed_before_it_would_be_seen_by_others(
    connection_string: str, hub_name: str
) -> None:
    async with TaskHub(connection_string, short_options(hub_name, control_visibility_seconds=2)) as hub:
        held = HeldMessages(2)
        message = await kept(hub)
        until = message.next_visible_at
        held.add(message)
        renewing = asyncio.create_task(held.renew_for_ever())

        await soon(lambda: message.next_visible_at > until + TICKS_PER_SECOND, "it is renewed", 3.0)

        assert now() < until
        renewing.cancel()


async def test_each_message_is_renewed_by_the_time_of_its_own_queue(connection_string: str, hub_name: str) -> None:
    """One with a long time is left alone while one with a short time is renewed."""
    options = short_options(hub_name, control_visibility_seconds=60, work_item_visibility_seconds=1)
    async with TaskHub(connection_string, options) as hub:
        held = HeldMessages(1)
        long = await kept(hub)
        item = Message(event=EventRaised(timestamp=now(), name="e"), target=new_instance("i"))
        short = await hub.work_items.send_and_keep(item, sender=CLIENT, episode=None)
        receipts = long.pop_receipt, short.pop_receipt
        held.add(long)
        held.add(short)
        renewing = asyncio.create_task(held.renew_for_ever())

        await soon(lambda: short.pop_receipt != receipts[1], "the short one is renewed", 3.0)

        assert long.pop_receipt == receipts[0]
        renewing.cancel()


async def test_a_message_that_is_being_renewed_is_deleted_after_that(
    connection_string: str, hub_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The other way round the receipt would be replaced under the deletion, and the message would come again."""
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        held = HeldMessages(1)
        message = await kept(hub)
        queue, began, may_end = message.queue, asyncio.Event(), asyncio.Event()
        renew = queue.renew

        async def slow_renew(received: ReceivedMessage) -> None:
            began.set()
            await may_end.wait()
            await renew(received)

        queue.renew = slow_renew  # type: ignore[method-assign]  # the request is under way for as long as we say
        held.add(message)
        renewing = asyncio.create_task(held.renew_for_ever())
        await began.wait()
        deleting = asyncio.create_task(held.delete([message]))
        await asyncio.sleep(0)
        assert not deleting.done()
        may_end.set()
        await deleting

        await asyncio.sleep(1.2)
        assert await queue.receive(32) == []
        assert len(held) == 0
        assert caplog.records == []
        renewing.cancel()


@pytest.mark.parametrize(("at_once", "count"), [(True, 1), (False, 0)])
async def test_a_message_given_back_is_seen_at_once_or_after_a_pause(
    connection_string: str, hub_name: str, at_once: bool, count: int
) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        held = HeldMessages(1)
        message = await kept(hub)
        held.add(message)

        await (held.release([message]) if at_once else held.abandon([message]))

        assert len(held) == 0
        assert len(await message.queue.receive(32)) == count


async def test_what_storage_refuses_is_said_in_one_line_and_fails_nothing(
    connection_string: str, hub_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        held = HeldMessages(1)
        lost, fine = await kept(hub), await kept(hub)
        lost.pop_receipt = fine.pop_receipt
        held.add(lost)
        held.add(fine)

        await held.delete([lost, fine])

        await asyncio.sleep(1.2)
        assert [received.message_id for received in await fine.queue.receive(32)] == [lost.message_id]
    (record,) = [r for r in caplog.records if r.levelno >= logging.WARNING]
    assert "could not be deleted, and comes again" in record.getMessage()
    assert "\n" not in record.getMessage()


async def counted(limit: int, act: Callable[[int], None], items: int = 100) -> int:
    """Run ``act`` for so many items; returns how many were under way at a time."""
    under_way = most = 0

    async def one(item: int) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        act(item)

    await for_each(range(items), one, limit=limit)
    return most


async def test_everything_is_done_in_order_and_so_many_at_a_time() -> None:
    done: list[int] = []

    assert await counted(7, done.append) == 7
    assert done == list(range(100))
    assert await counted(AT_A_TIME, done.append, items=3) == 3
    assert await counted(AT_A_TIME, done.append, items=0) == 0


async def test_after_an_error_nothing_new_is_begun_and_what_was_begun_ends() -> None:
    done: list[int] = []

    def act(item: int) -> None:
        done.append(item)
        if item == 10:
            raise ValueError(str(item))

    with pytest.raises(ValueError, match="10"):
        await counted(4, act)

    assert set(range(11)) <= set(done) <= set(range(15))


@pytest.mark.parametrize(("is_no_fault", "seconds"), [(True, 15), (False, 512)])
async def test_message_that_storage_has_kept_from_being_done_does_not_wait_for_long(
    connection_string: str, hub_name: str, is_no_fault: bool, seconds: int
) -> None:
    """Each host that dies, and each request that fails, is another delivery, which is no fault of the message."""
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        held = HeldMessages(1)
        message = await kept(hub)
        message.dequeue_count = 9
        held.add(message)
        moment = now()

        await held.abandon([message], is_no_fault=is_no_fault)

    assert round((message.next_visible_at - moment) / TICKS_PER_SECOND) == seconds
