"""Orchestrators that keep their thread: draining, a stop, a lost partition do not wait and lose nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from azure.durable_functions import DurableOrchestrationContext as Context

from durable_engine import EventRaised, Message, OrchestrationInstance
from durable_host.clock import new_guid, now
from durable_host.task_hub.queues.messages import CLIENT
from host.dispatch_steps import SDK_WARNINGS, Steps, quick, register, running, waits
from host_process import soon

pytestmark = SDK_WARNINGS


class Blocker:
    """An orchestrator's code that keeps its thread until it is let go."""

    def __init__(self) -> None:
        self.runs = 0
        self._entered, self._may_go = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.runs += 1
        self._entered.set()
        assert self._may_go.wait(20)

    async def entered(self) -> None:
        assert await asyncio.to_thread(self._entered.wait, 10)

    def let_go(self) -> None:
        self._may_go.set()


def blocked_by(blocker: Blocker) -> Callable[[Any], Any]:
    def blocked(context: Context) -> Steps:
        """Block the first time, then wait for an event."""
        if blocker.runs == 0:
            blocker()
        data = yield context.wait_for_external_event("go")
        return data

    return blocked


async def test_partition_is_drained_when_its_episodes_have_ended_and_what_waits_is_given_back(
    connection_string: str, hub_name: str
) -> None:
    blocker = Blocker()
    async with running(connection_string, hub_name, [blocked_by(blocker)]) as host:
        await host.start("blocked", "i")
        await blocker.entered()
        await host.raise_event("i", "go", 5)
        queue, partition = host.hub.queue_of("i"), host.hub.partition_of("i")
        draining = asyncio.create_task(host.readers.drain_partition(partition))
        await soon(lambda: host.hub.control_queue(partition).reader is None, "nothing new is taken")
        (given_back,) = [message for message in await _received(queue) if message]
        assert not draining.done()
        blocker.let_go()
        await draining

        assert (await host.row("i")).runtime_status == "Running"
        assert isinstance(given_back.data.message.event, EventRaised)
        assert await queue.receive(32) == []
        await queue.release(given_back)
        host.readers.partition_acquired(partition)
        assert (await host.reaches("i")).output == "5"


async def _received(queue: Any) -> list[Any]:
    messages: list[Any] = []
    while not messages:
        messages = await queue.receive(32)
    return messages


async def test_partition_that_was_lost_and_taken_back_while_an_episode_ran_loses_nothing(
    connection_string: str, hub_name: str
) -> None:
    blocker = Blocker()
    async with running(connection_string, hub_name, [blocked_by(blocker)]) as host:
        await host.start("blocked", "i")
        await blocker.entered()
        await host.raise_event("i", "go", 5)
        partition = host.hub.partition_of("i")
        host.readers.partition_lost(partition)
        await soon(lambda: host.hub.control_queue(partition).reader is None, "it is lost")
        await asyncio.sleep(0.05)
        host.readers.partition_acquired(partition)
        blocker.let_go()

        assert (await host.reaches("i")).output == "5"


async def test_message_that_reaches_a_stopping_dispatcher_is_given_back_at_once(
    connection_string: str, hub_name: str
) -> None:
    async with running(connection_string, hub_name, [waits], reads=False) as host:
        host.keep_own_messages()
        event = Message(
            event=EventRaised(timestamp=now(), name="go"),
            target=OrchestrationInstance(instance_id="i", execution_id=None),
        )
        sent = await host.hub.put(event, sender=CLIENT, episode=None)
        stopping = asyncio.create_task(host.orchestrations.stop(1.0))
        await asyncio.sleep(0)
        sent.hand_over()
        await stopping

        await soon(lambda: len(host.held) == 0, "it is given back")
        assert len(await host.hub.queue_of("i").receive(32)) == 1


async def test_stop_does_not_wait_for_an_orchestrator_that_never_returns(
    connection_string: str, hub_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    blocker = Blocker()
    async with running(connection_string, hub_name, [blocked_by(blocker)]) as host:
        await host.start("blocked", "i")
        await blocker.entered()
        host.orchestrations.hurry(0.1)
        await host.readers.drain_partition(host.hub.partition_of("i"))
        blocker.let_go()

    assert "1 episodes were still running; the next host runs them again." in caplog.text


async def test_orchestrator_that_keeps_its_thread_is_reported(
    connection_string: str, hub_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    blocker = Blocker()
    async with running(connection_string, hub_name, [blocked_by(blocker)]) as host:
        await host.start("blocked", "i")
        await soon(lambda: "has been running for" in caplog.text, "it is reported")
        blocker.let_go()
        await host.reaches("i", "Running")

    (record,) = caplog.records
    assert "Instance 'i'" in record.getMessage()
    assert "move that into an activity" in record.getMessage()


async def test_orchestrations_that_are_stuck_do_not_keep_entities_from_running(
    connection_string: str, hub_name: str
) -> None:
    blocker = Blocker()
    async with running(connection_string, hub_name, [blocked_by(blocker)], entities=[register], at_a_time=1) as host:
        await host.start("blocked", "i")
        await blocker.entered()
        request = '{"op":"set","signal":true,"input":"5","id":"' + new_guid() + '"}'
        await host.send("@register@k", EventRaised(timestamp=now(), name="op", input=request))
        await host.reaches("@register@k", "Running")
        blocker.let_go()
        await host.reaches("i", "Running")


async def test_orchestrator_that_ends_its_thread_ends_nothing_else(
    connection_string: str, hub_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    def leaves(context: Context) -> None:
        raise SystemExit("bye")

    async with running(connection_string, hub_name, [leaves, quick]) as host:
        await host.start("leaves", "i")
        await soon(lambda: "raised SystemExit, which is no Exception: bye" in caplog.text, "it is reported")
        await host.start("quick", "j")
        await host.reaches("j")
