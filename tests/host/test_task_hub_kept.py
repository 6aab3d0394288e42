"""Sending: what this process would receive anyway it keeps, and what it keeps is in the queue all the same."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from durable_engine import TICKS_PER_SECOND, EventRaised, Message, TaskScheduled, TimerFired
from durable_host.clock import now
from durable_host.task_hub import HubQueue, ReceivedMessage, TaskHub
from host.task_hub_steps import new_instance, short_options

SENDER = new_instance("i")


@dataclass
class Receiver:
    """Takes over as many messages as it has room for."""

    room: int = 100
    taken: list[ReceivedMessage] = field(default_factory=list)

    async def reserve(self) -> bool:
        self.room -= 1
        return self.room >= 0

    def take(self, message: ReceivedMessage) -> None:
        self.taken.append(message)

    def give_up(self) -> None:
        self.room += 1


def work_item(number: int = 0) -> Message:
    return Message(event=TaskScheduled(timestamp=now(), event_id=number, name="a", input='["1"]'), target=SENDER)


def timer(seconds: float) -> Message:
    due = now() + round(seconds * TICKS_PER_SECOND)
    return Message(event=TimerFired(timestamp=now(), timer_id=0, fire_at=due), target=SENDER, deliver_at=due)


def reads_instances(hub: TaskHub, reader: Receiver) -> Receiver:
    """Let a reader have what is sent to all instances."""
    for queue in hub.control_queues:
        queue.reader = reader
    return reader


def reads_work_items(hub: TaskHub, reader: Receiver) -> Receiver:
    hub.work_items.reader = reader
    return reader


async def visible_in(queue: HubQueue) -> int:
    return len(await queue.receive(32))


async def test_what_is_sent_goes_to_the_readers_of_its_queues(connection_string: str, hub_name: str) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        activities, instances = reads_work_items(hub, Receiver()), reads_instances(hub, Receiver())
        event = Message(event=EventRaised(timestamp=now(), name="e"), target=SENDER)

        for message in (work_item(), event):
            await hub.send(message, sender=SENDER, episode=3)

        assert [m.data.message for m in instances.taken] == [event]
        (item,) = activities.taken
        assert (item.data.episode, item.data.sender, item.is_own) == (3, SENDER, True)
        assert (await visible_in(hub.work_items), await visible_in(hub.queue_of("i"))) == (0, 0)


async def test_a_kept_message_that_nobody_deletes_is_seen_by_others_in_the_end(
    connection_string: str, hub_name: str
) -> None:
    async with TaskHub(connection_string, short_options(hub_name, work_item_visibility_seconds=1)) as hub:
        activities = reads_work_items(hub, Receiver())
        await hub.send(work_item(), sender=SENDER, episode=1)
        activities.taken.clear()

        await asyncio.sleep(1.2)

        assert await visible_in(hub.work_items) == 1


async def test_what_nobody_has_room_for_is_left_in_the_queue(connection_string: str, hub_name: str) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        activities = reads_work_items(hub, Receiver(room=2))

        for number in range(5):
            await hub.send(work_item(number), sender=SENDER, episode=1)

        assert (len(activities.taken), await visible_in(hub.work_items)) == (2, 3)


@pytest.mark.parametrize(("seconds", "is_kept"), [(-5.0, True), (0.9, True), (1.05, False), (100.0, False)])
async def test_a_timer_is_kept_only_if_its_delay_is_cut_to_nothing(
    connection_string: str, hub_name: str, seconds: float, is_kept: bool
) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        instances = reads_instances(hub, Receiver())

        await hub.send(timer(seconds), sender=SENDER, episode=1)

        assert len(instances.taken) == is_kept
        assert await visible_in(hub.queue_of("i")) == 0


async def test_a_message_too_large_for_the_queue_is_kept_and_its_blob_is_named(
    connection_string: str, hub_name: str
) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        instances = reads_instances(hub, Receiver())
        large = Message(event=EventRaised(timestamp=now(), name="e", input="x" * 50_000), target=SENDER)

        sent = await hub.put(large, sender=SENDER, episode=None)

        assert instances.taken == []
        sent.hand_over()
        (kept,) = instances.taken
        assert kept.data.message == large
        assert kept.blob_name == sent.blob_name
        assert sent.blob_name is not None


async def test_a_place_is_given_back_when_the_message_cannot_be_put(connection_string: str, hub_name: str) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        activities = reads_work_items(hub, Receiver(room=1))
        sending = asyncio.create_task(hub.send(work_item(), sender=SENDER, episode=1))
        while activities.room:
            await asyncio.sleep(0)

        sending.cancel()
        await asyncio.wait([sending])

        assert (activities.room, activities.taken) == (1, [])
