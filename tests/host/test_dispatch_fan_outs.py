"""Large fan-outs: their history grows while their work items are sent, and a crash in between loses nothing."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError
from azure.durable_functions import DurableOrchestrationContext as Context

from durable_engine import EventRaised, Message, TaskScheduled
from durable_host.clock import now
from durable_host.task_hub import SplitBrainError, TaskHub
from host.dispatch_steps import SDK_WARNINGS, Steps, running
from host.task_hub_steps import checkpoint_of, first_episode, new_instance, save, short_options
from host_process import soon

pytestmark = SDK_WARNINGS

COUNT = 150


def fans_out(context: Context) -> Steps:
    """Square many numbers."""
    squares = yield context.task_all([context.call_activity("square", n) for n in range(COUNT)])
    return sum(squares)


async def stored(hub: TaskHub) -> int:
    """How many calls the history has."""
    events = (await hub.history.load("i", None)).events
    return sum(isinstance(event, TaskScheduled) for event in events)


async def test_rows_are_written_as_soon_as_their_work_items_are_out_and_not_before(
    connection_string: str, hub_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        send, may_go_on = hub.send, asyncio.Event()

        async def send_or_wait(message: Message, **about: Any) -> None:
            if isinstance(message.event, TaskScheduled) and message.event.event_id >= 120:
                await may_go_on.wait()
            await send(message, **about)

        monkeypatch.setattr(hub, "send", send_or_wait)
        applying = asyncio.create_task(save(hub, first_episode(new_instance("i"), *["act"] * COUNT)))

        async def has_begun() -> bool:
            return await stored(hub) > 0

        await soon(has_begun, "the first rows are there")
        await asyncio.sleep(0.2)
        rows_so_far = await stored(hub)
        may_go_on.set()
        await applying

        assert rows_so_far == 97
        assert await stored(hub) == COUNT


async def test_a_work_item_that_cannot_be_sent_keeps_its_row_and_the_later_ones_from_being_written(
    connection_string: str, hub_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        send = hub.send

        async def send_or_fail(message: Message, **about: Any) -> None:
            if isinstance(message.event, TaskScheduled) and message.event.event_id == 120:
                raise ServiceRequestError("storage is away")
            await send(message, **about)

        monkeypatch.setattr(hub, "send", send_or_fail)
        with pytest.raises(ServiceRequestError):
            await save(hub, first_episode(new_instance("i"), *["act"] * COUNT))

        assert await stored(hub) in (0, 97)


async def test_no_more_is_sent_once_another_host_has_written(
    connection_string: str, hub_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (first_episode(new_instance("i"), *["act"] * 2000) for _ in range(2))
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        loaded, sent, send = await hub.history.load("i", None), list[Message](), hub.send
        await hub.write_history(first, loaded)

        async def send_and_count(message: Message, **about: Any) -> None:
            sent.append(message)
            await send(message, **about)

        monkeypatch.setattr(hub, "send", send_and_count)
        with pytest.raises(SplitBrainError):
            await hub.apply_checkpoint(second, loaded)

    assert len(sent) < 2000


async def test_an_episode_that_took_an_event_sends_everything_first(connection_string: str, hub_name: str) -> None:
    """Of an event nothing tells whether it is the same one: half of such an episode must not be in the history."""
    instance, written = new_instance("i"), list[int]()
    calls = first_episode(instance, *["act"] * COUNT)
    event = EventRaised(timestamp=now(), name="go")
    checkpoint = checkpoint_of(instance, (*calls.events[1:-1], event), messages=calls.messages, started=None)
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        put = hub.put

        async def put_and_look(*message: Any, **about: Any) -> Any:
            if len(written) % 50 == 0:
                written.append(await stored(hub))
            return await put(*message, **about)

        hub.put = put_and_look  # type: ignore[method-assign]
        await save(hub, checkpoint)

    assert set(written) == {0}


async def test_a_fan_out_whose_history_is_half_written_asks_for_the_rest_and_completes(
    connection_string: str, hub_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a crash between two of its transactions leaves: the start is over, and results alone go on with it."""
    runs = Counter[int]()

    def square(number: int) -> int:
        runs[number] += 1
        return number * number

    longer: dict[str, Any] = {"control_visibility_seconds": 30, "work_item_visibility_seconds": 30}
    async with running(connection_string, hub_name, [fans_out], {"square": square}, **longer) as host:
        submit, calls = host.hub.history.client.submit_transaction, list[int]()

        async def submit_or_fail(operations: Any, **options: Any) -> Any:
            calls.append(len(list(operations)))
            if len(calls) == 2:
                raise ServiceRequestError("storage is away")
            return await submit(operations, **options)

        monkeypatch.setattr(host.hub.history.client, "submit_transaction", submit_or_fail)
        await host.start("fans_out", "i")
        row = await host.reaches("i", seconds=60.0)

    assert row.runtime_status == "Completed"
    assert json.loads(row.output or "") == sum(n * n for n in range(COUNT))
    assert set(runs) == set(range(COUNT))
