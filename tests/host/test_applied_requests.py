"""An entity applies a request once, however often it comes; what is at least once by design is pinned."""

from __future__ import annotations

import json

import azure.durable_functions as df

from durable_engine import EventRaised, Message, OrchestrationInstance, client_signal
from durable_host.clock import now
from durable_host.task_hub.queues.messages import CLIENT
from host.dispatch_steps import SDK_WARNINGS, SmallHost, running
from host_process import soon

pytestmark = SDK_WARNINGS
COUNTER = "@counter@k"


def counter(context: df.DurableEntityContext) -> None:
    value = context.get_state(lambda: 0) + int(context.get_input())
    context.set_state(value)
    context.set_result(value)


def signal(request: str, amount: int) -> Message:
    """One signal of a client; the same id means that it is the same signal."""
    event = EventRaised(timestamp=now(), name="op", input=client_signal("add", json.dumps(str(amount)), request))
    return Message(event=event, target=OrchestrationInstance(instance_id=COUNTER, execution_id=None))


async def put(host: SmallHost, *messages: Message) -> None:
    """Put messages into their queue as another process does."""
    for message in messages:
        await host.hub.queue_of(COUNTER).send(message, sender=CLIENT, episode=None)


async def is_counted(host: SmallHost, value: int) -> bool:
    row = await host.client.get_instance(COUNTER)
    return row is not None and f'"state":"{value}"' in (row.input or "").replace("\\", "")


async def test_signal_that_storage_took_twice_is_applied_once(connection_string: str, hub_name: str) -> None:
    async with running(connection_string, hub_name, entities=[counter]) as host:
        await put(host, signal("a", 1), signal("a", 1), signal("b", 10))
        await soon(lambda: is_counted(host, 11), "both are applied")
        await put(host, signal("b", 10), signal("c", 100))

        await soon(lambda: is_counted(host, 111), "the third is applied")


async def test_signal_that_comes_again_to_the_next_host_is_applied_once(connection_string: str, hub_name: str) -> None:
    """As after a host that died between its commit and the deletion."""
    async with running(connection_string, hub_name, entities=[counter]) as host:
        await put(host, signal("a", 1))
        await soon(lambda: is_counted(host, 1), "it is applied")
    async with running(connection_string, hub_name, entities=[counter]) as host:
        await put(host, signal("a", 1), signal("b", 10))

        await soon(lambda: is_counted(host, 11), "only the other one is applied")


async def test_the_same_wish_under_two_ids_is_two_wishes(connection_string: str, hub_name: str) -> None:
    """By design: a client that repeats its POST, or an episode that runs again at another time, makes new ids."""
    async with running(connection_string, hub_name, entities=[counter]) as host:
        await put(host, signal("a", 1), signal("b", 1))

        await soon(lambda: is_counted(host, 2), "both are applied")
