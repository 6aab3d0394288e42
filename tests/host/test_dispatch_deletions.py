"""Messages that were dealt with are deleted beside the next episode, and before their partition is another worker's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from azure.durable_functions import DurableOrchestrationContext as Context

from durable_host.dispatch.message_locks import HeldMessages
from durable_host.task_hub import HubQueue, ReceivedMessage, TaskHub
from durable_host.task_hub.queues.messages import CLIENT
from host.dispatch_steps import SDK_WARNINGS, Steps, running
from host.task_hub_steps import raised, short_options
from host_process import soon

pytestmark = SDK_WARNINGS

Deletion = Callable[[ReceivedMessage], Coroutine[Any, Any, None]]


def waits_twice(context: Context) -> Steps:
    """Complete after two events."""
    yield context.wait_for_external_event("first")
    yield context.wait_for_external_event("second")
    return "both"


def slow_deletions(queues: Iterable[HubQueue], may_delete: asyncio.Event) -> list[str]:
    """Let storage delete nothing before the event is set; returns what was deleted."""
    deleted: list[str] = []

    def slowed(delete: Deletion) -> Deletion:
        async def wait_and_delete(message: ReceivedMessage) -> None:
            await may_delete.wait()
            await delete(message)
            deleted.append(message.message_id)

        return wait_and_delete

    for queue in queues:
        queue.delete = slowed(queue.delete)  # type: ignore[assignment, method-assign]
    return deleted


async def test_an_episode_does_not_wait_for_the_deletion_of_what_the_one_before_it_took(
    connection_string: str, hub_name: str
) -> None:
    may_delete = asyncio.Event()
    async with running(connection_string, hub_name, [waits_twice]) as host:
        deleted = slow_deletions(host.hub.control_queues, may_delete)
        await host.start("waits_twice", "i")
        await host.raise_event("i", "first")
        await host.has_event("i", "EventRaised")
        await host.raise_event("i", "second")

        row = await host.reaches("i")

        assert (row.output, deleted) == ('"both"', [])
        may_delete.set()
        await soon(lambda: len(deleted) == 3, "all are deleted")


async def test_a_partition_is_drained_when_what_was_dealt_with_is_deleted(
    connection_string: str, hub_name: str
) -> None:
    may_delete = asyncio.Event()
    async with running(connection_string, hub_name, [waits_twice], control_visibility_seconds=30) as host:
        slow_deletions(host.hub.control_queues, may_delete)
        await host.start("waits_twice", "i")
        await host.reaches("i", "Running")
        draining = asyncio.create_task(host.readers.drain_partition(host.hub.partition_of("i")))
        await asyncio.sleep(0.2)
        assert not draining.done()
        may_delete.set()
        await draining

        assert len(host.held) == 0


async def test_a_stop_does_not_wait_for_deletions_for_long(connection_string: str, hub_name: str) -> None:
    async with running(connection_string, hub_name, [waits_twice]) as host:
        slow_deletions(host.hub.control_queues, asyncio.Event())
        await host.start("waits_twice", "i")
        await host.reaches("i", "Running")
        began = asyncio.get_running_loop().time()

        await host.orchestrations.stop(2.0)

        assert asyncio.get_running_loop().time() - began < 4.0
        assert len(host.held) == 0


async def test_a_message_that_waits_for_its_deletion_is_renewed(connection_string: str, hub_name: str) -> None:
    """Of thousands the last wait for longer than they are held for, and would be received once more."""
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        held, may_delete, queue = HeldMessages(1), asyncio.Event(), hub.queue_of("i")
        kept = [await queue.send_and_keep(raised("e"), sender=CLIENT, episode=None) for _ in range(8)]
        for message in kept:
            held.add(message)
        slow_deletions([queue], may_delete)
        renewing = asyncio.create_task(held.renew_for_ever())
        until = kept[-1].next_visible_at
        deleting = asyncio.create_task(held.delete(kept))

        await soon(lambda: kept[-1].next_visible_at > until, "the last is renewed", 3.0)

        may_delete.set()
        await deleting
        renewing.cancel()
        assert len(held) == 0
