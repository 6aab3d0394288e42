"""Activities: how many run, how many are held beyond those, and what becomes of them whatever user code does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from durable_engine import Message, TaskCompleted, TaskFailed, TaskScheduled
from durable_host.clock import now
from durable_host.dispatch import activities, reading
from durable_host.task_hub import ReceivedMessage
from host.dispatch_steps import SmallHost, running
from host.task_hub_steps import new_instance
from host_process import soon

INSTANCE = new_instance("i")


def work(number: int, name: str = "act") -> Message:
    event = TaskScheduled(timestamp=now(), event_id=number, name=name, input=f'["{number}"]')
    return Message(event=event, target=INSTANCE)


async def put(host: SmallHost, count: int, *, keep: bool = True, name: str = "act") -> None:
    """Send work items: as this host does, or as another one does."""
    messages = [work(number, name) for number in range(count)]
    if keep:
        await asyncio.gather(*(host.hub.send(message, sender=INSTANCE, episode=1) for message in messages))
    else:
        for message in messages:
            await host.hub.work_items.send(message, sender=INSTANCE, episode=1)


async def results(host: SmallHost, count: int) -> list[ReceivedMessage]:
    """So many results, out of their control queue, which nobody else reads."""
    found: list[ReceivedMessage] = []
    deadline = asyncio.get_running_loop().time() + 10
    while len(found) < count:
        assert asyncio.get_running_loop().time() < deadline, f"only {len(found)} of {count} results came"
        found += await host.hub.queue_of("i").receive(32)
    return found


class Gate:
    """An activity that runs until it is let go."""

    def __init__(self) -> None:
        self.begun, self.most, self.under_way = 0, 0, 0
        self.open = asyncio.Event()

    async def __call__(self, value: Any) -> Any:
        self.begun += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await self.open.wait()
        self.under_way -= 1
        return value


@pytest.mark.parametrize("times", [1, 6])
async def test_reader_of_work_items_that_has_failed_reads_on(
    connection_string: str, hub_name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, times: int
) -> None:
    """After some failures it rests for a while first."""
    monkeypatch.setattr(reading, "_PAUSE_SECONDS", 0)
    monkeypatch.setattr(activities, "_REST_SECONDS", 0)
    async with running(connection_string, hub_name, activities={"act": lambda v: v}, reads=False) as host:
        room, failures = host.activities._room, iter(range(times))

        def fail_at_first() -> int:
            if next(failures, None) is not None:
                raise RuntimeError("a fault of the reader's own")
            return room()

        monkeypatch.setattr(host.activities, "_room", fail_at_first)
        await put(host, 2, keep=False)

        assert len(await results(host, 2)) == 2
    assert caplog.text.count("The work-item queue could not be read on") == times
    assert caplog.text.count("Activities are not read here") == times // 5


@pytest.mark.parametrize("keep", [True, False])
async def test_no_more_activities_run_at_a_time_than_the_limit_says(
    connection_string: str, hub_name: str, keep: bool
) -> None:
    gate = Gate()
    async with running(connection_string, hub_name, activities={"act": gate}, at_a_time=3, reads=False) as host:
        await put(host, 10, keep=keep)
        await soon(lambda: gate.begun == 3, "as many run as may")
        gate.open.set()
        completed = await results(host, 10)

    assert gate.most == 3
    events = [message.data.message.event for message in completed]
    assert sorted(e.task_scheduled_id for e in events if isinstance(e, TaskCompleted)) == list(range(10))
    assert {e.result for e in events if isinstance(e, TaskCompleted)} == {f"{n}" for n in range(10)}


async def test_long_activities_are_left_to_other_hosts_and_short_ones_are_fetched_ahead(
    connection_string: str, hub_name: str
) -> None:
    """What is held here while all places are taken: one or two at first, and many once activities prove short."""
    gate = Gate()
    async with running(connection_string, hub_name, activities={"act": gate}, at_a_time=2, reads=False) as host:
        await put(host, 10)
        await soon(lambda: gate.begun == 2, "both places are taken")
        assert [await host.activities.reserve() for _ in range(3)] == [False, False, False]
        await asyncio.sleep(0.2)  # for a request that was under way when the places were taken
        held_of_long_ones = len(host.held)
        gate.open.set()
        await results(host, 10)
        await put(host, 60)
        await results(host, 60)
        gate.open.clear()
        await put(host, 60)
        await soon(lambda: gate.under_way == 2, "both places are taken again")

        assert held_of_long_ones <= 4
        assert len(host.held) > 10
        gate.open.set()
        await results(host, 60)


async def test_work_items_wait_for_a_place_while_it_is_storage_that_keeps_the_places(
    connection_string: str, hub_name: str
) -> None:
    """Another host, with the same storage, would not be faster, and what is not taken has to be received."""
    may_send = asyncio.Event()
    async with running(connection_string, hub_name, activities={"act": lambda v: v}, at_a_time=2, reads=False) as host:
        send = host.hub.send

        async def send_slowly(message: Message, **about: Any) -> None:
            if isinstance(message.event, TaskCompleted):
                await may_send.wait()
            await send(message, **about)

        host.hub.send = send_slowly  # type: ignore[method-assign]  # storage is as slow as we say
        putting = asyncio.create_task(put(host, 10))
        await soon(lambda: len(host.held) == 3, "the places, and the one ahead, are taken")
        assert not putting.done()
        may_send.set()
        await putting

        assert len(await results(host, 10)) == 10
        assert await host.hub.work_items.receive(32) == []


async def test_a_work_item_does_not_wait_for_slow_storage_for_long(connection_string: str, hub_name: str) -> None:
    may_send = asyncio.Event()
    async with running(connection_string, hub_name, activities={"act": lambda v: v}, at_a_time=2, reads=False) as host:
        send = host.hub.send

        async def send_later(message: Message, **about: Any) -> None:
            if isinstance(message.event, TaskCompleted):
                await may_send.wait()
            await send(message, **about)

        host.hub.send = send_later  # type: ignore[method-assign]
        async with asyncio.timeout(5):
            await put(host, 10)

        may_send.set()
        assert len(await results(host, 10)) == 10


class OddError(BaseException):
    """Not an Exception."""


def raises_once(error: BaseException) -> Callable[[Any], Any]:
    """An activity that raises the first time and then gives its input."""
    errors = [error]

    def act(value: Any) -> Any:
        if errors:
            raise errors.pop()
        return value

    return act


async def test_whatever_keeps_an_activity_from_its_end_is_its_failure_and_leaves_its_place_free(
    connection_string: str, hub_name: str
) -> None:
    """Failures of user code are results; this is what should not happen, such as a worker that is broken."""
    activities = {
        "value": raises_once(ValueError("v")),
        "odd": raises_once(OddError("o")),
        "exit": raises_once(SystemExit(3)),
    }
    async with running(connection_string, hub_name, activities=activities, at_a_time=1, reads=False) as host:
        for name in activities:
            await put(host, 1, name=name)
        completed = await results(host, 3)
        await soon(lambda: len(host.held) == 0, "nothing is held")
        await put(host, 1, name="value")
        completed += await results(host, 1)

    assert [message.data.message.event.kind for message in completed] == ["TaskFailed"] * 3 + ["TaskCompleted"]
    failures = [message.data.message.event for message in completed[:3]]
    assert [failure.reason for failure in failures if isinstance(failure, TaskFailed)] != [None] * 3


async def test_a_work_item_that_is_no_activity_is_left_alone(
    connection_string: str, hub_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(connection_string, hub_name, reads=False) as host:
        event = TaskCompleted(timestamp=now(), task_scheduled_id=0)
        await host.hub.work_items.send(Message(event=event, target=INSTANCE), sender=INSTANCE, episode=1)

        await soon(lambda: "is left alone" in caplog.text, "it is named")

        assert len(host.held) == 0
    assert "A work item holds a TaskCompleted where a TaskScheduled belongs" in caplog.text


async def test_a_result_repeats_the_episode_and_the_sender_of_what_asked_for_it(
    connection_string: str, hub_name: str
) -> None:
    async with running(connection_string, hub_name, activities={"act": lambda v: v}, reads=False) as host:
        await host.hub.send(work(7), sender=INSTANCE, episode=5)
        (result,) = await results(host, 1)

    assert (result.data.episode, result.data.sender, result.data.message.target) == (5, INSTANCE, INSTANCE)


async def test_call_http_is_run_by_the_host_itself(connection_string: str, hub_name: str) -> None:
    async with running(connection_string, hub_name, reads=False) as host:
        request = '[{"method": "GET", "uri": "http://127.0.0.1:9/", "content": null, "headers": {}}]'
        event = TaskScheduled(timestamp=now(), event_id=0, name="BuiltIn::HttpActivity", input=request)
        await host.hub.send(Message(event=event, target=INSTANCE), sender=INSTANCE, episode=1)
        (result,) = await results(host, 1)

    failed = result.data.message.event
    assert isinstance(failed, TaskFailed)
    assert failed.reason == "Connection refused (127.0.0.1:9)"


async def test_a_stop_lets_running_activities_end_and_gives_the_others_back(
    connection_string: str, hub_name: str
) -> None:
    gate = Gate()
    async with running(connection_string, hub_name, activities={"act": gate}, at_a_time=2, reads=False) as host:
        await put(host, 3)
        await soon(lambda: gate.begun == 2, "both places are taken")
        host.work_items.stop()
        stopping = asyncio.create_task(host.activities.stop(5.0))
        await asyncio.sleep(0)
        gate.open.set()
        await stopping
        completed = await results(host, 2)
        rest = await host.hub.work_items.receive(32)

    assert (len(completed), len(rest), gate.begun) == (2, 1, 2)


async def test_a_stop_does_not_wait_for_ever(
    connection_string: str, hub_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Gate()
    async with running(connection_string, hub_name, activities={"act": gate}, reads=False) as host:
        await put(host, 1)
        await soon(lambda: gate.begun == 1, "it runs")
        await host.activities.stop(0.05)

    assert "1 activities were still running and will be run again by the next host." in caplog.text
