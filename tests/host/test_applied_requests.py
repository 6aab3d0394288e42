"""An entity applies a request once, and an orchestration starts once, however often the message comes.

What is at least once by design is pinned.
"""

from __future__ import annotations

import json
from functools import partial

import azure.durable_functions as df
import pytest

from durable_engine import EventRaised, ExecutionStarted, Message, OrchestrationInstance, client_signal
from durable_host.clock import now
from durable_host.dispatch import applied_requests
from durable_host.dispatch.applied_requests import applied_after
from durable_host.task_hub.account.large_payloads import is_large_property
from durable_host.task_hub.queues.messages import CLIENT, compact_json
from host.dispatch_steps import SDK_WARNINGS, SmallHost, Steps, running, storage_fails_once
from host.task_hub_steps import checkpoint_of
from host_process import soon

pytestmark = SDK_WARNINGS
COUNTER = "@counter@k"


def counter(context: df.DurableEntityContext) -> None:
    value = context.get_state(lambda: 0) + int(context.get_input())
    context.set_state(value)
    context.set_result(value)


begun: list[str] = []


def goes_on_as_new(context: df.DurableOrchestrationContext) -> Steps:
    """Two executions in the first episode."""
    if context.get_input() is None:
        begun.append(context.instance_id)
        context.continue_as_new("second")
        return None
    return (yield context.wait_for_external_event("go"))


def goes_on_later(context: df.DurableOrchestrationContext) -> Steps:
    """The second execution begins in a later episode."""
    if context.get_input() == "first":
        if not context.is_replaying:
            begun.append(context.instance_id)
        yield context.wait_for_external_event("on")
        context.continue_as_new("second")
        return None
    return (yield context.wait_for_external_event("go"))


def has_child(context: df.DurableOrchestrationContext) -> Steps:
    return (yield context.call_sub_orchestrator("goes_on_later", "first", "child"))


def waits_twice(context: df.DurableOrchestrationContext) -> Steps:
    first = yield context.wait_for_external_event("go")
    return [first, (yield context.wait_for_external_event("go"))]


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


def test_request_is_remembered_while_its_entity_applies_a_thousand_others() -> None:
    """By design not longer: it is applied again if it comes again after that."""
    batch_done = checkpoint_of(OrchestrationInstance(instance_id=COUNTER, execution_id=None), ())
    applied: tuple[str, ...] = ("the request",)
    for number in range(1000):
        applied = applied_after(applied, [signal(f"{number:012}", 1).event], batch_done)

    assert "the request" in applied
    assert "the request" not in applied_after(applied, [signal("another", 1).event], batch_done)


def test_what_is_remembered_of_any_batch_fits_into_one_cell() -> None:
    batch_done = checkpoint_of(OrchestrationInstance(instance_id=COUNTER, execution_id=None), ())
    batch = [signal(f"{number:012}", 1).event for number in range(2000)]

    applied = applied_after([f"before{number:06}" for number in range(1000)], batch, batch_done)

    assert (len(applied), applied[-1]) == (1800, "000000001999")
    assert not is_large_property(compact_json(applied))


async def test_request_that_comes_again_after_so_many_others_is_applied_again(
    connection_string: str, hub_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applied_requests, "_REMEMBERED", 1)
    async with running(connection_string, hub_name, entities=[counter]) as host:
        for request, value in (("a", 1), ("b", 2), ("b", 2), ("c", 3), ("a", 4)):
            await put(host, signal(request, 1))
            await soon(partial(is_counted, host, value), f"{value} are counted")


async def test_event_that_storage_took_twice_is_two_events(connection_string: str, hub_name: str) -> None:
    """By design: unlike a request to an entity it has no id by which the second could be told from another one."""
    event = EventRaised(timestamp=now(), name="go", input="1")
    async with running(connection_string, hub_name, [waits_twice]) as host:
        await host.start("waits_twice", "i")
        for _ in range(2):
            message = Message(event=event, target=OrchestrationInstance(instance_id="i", execution_id=None))
            await host.hub.queue_of("i").send(message, sender=CLIENT, episode=None)

        assert (await host.reaches("i")).output == "[1,1]"


async def test_row_of_an_entity_that_could_not_be_written_is_made_good(
    connection_string: str, hub_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(connection_string, hub_name, entities=[counter]) as host:
        storage_fails_once(monkeypatch, host.hub.instances, "apply")

        await put(host, signal("a", 1))

        await soon(lambda: is_counted(host, 1), "the row shows it")
        row = await host.row(COUNTER)
        assert (row.runtime_status, row.custom_status) == ("Running", '{"entityExists":true}')


async def test_start_that_comes_again_after_continue_as_new_starts_nothing(
    connection_string: str, hub_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun.clear()
    async with running(connection_string, hub_name, [goes_on_as_new]) as host:
        storage_fails_once(monkeypatch, host.hub.instances, "apply")

        await host.start("goes_on_as_new", "i")
        await host.reaches("i", "Running")
        await host.raise_event("i", "go", "well")
        row = await host.reaches("i")

    assert (row.runtime_status, row.output) == ("Completed", '"well"')
    assert begun == ["i"]


async def test_start_of_a_child_that_comes_again_after_continue_as_new_starts_nothing(
    connection_string: str, hub_name: str
) -> None:
    begun.clear()
    async with running(connection_string, hub_name, [has_child, goes_on_later]) as host:
        await host.start("has_child", "i")
        await host.reaches("child", "Running")
        start = next(one for one in await host.client.get_history("child") if isinstance(one, ExecutionStarted))
        await host.raise_event("child", "on")

        async def is_second() -> bool:
            return (await host.row("child")).execution_id != start.instance.execution_id

        await soon(is_second, "the second execution has begun")
        await host.hub.queue_of("child").send(Message(event=start, target=start.instance), sender=CLIENT, episode=None)
        await host.raise_event("child", "go", "well")
        row = await host.reaches("i")

    assert (row.runtime_status, row.output) == ("Completed", '"well"')
    assert begun == ["child"]
