"""Thousands at once: what is held by the hundreds is renewed less often, and rows are written where none can be."""

from __future__ import annotations

import asyncio

import pytest

from durable_engine import TICKS_PER_SECOND, EventRaised, HistoryEvent, Message, TaskCompleted
from durable_host.clock import now
from durable_host.task_hub import TaskHub
from durable_host.task_hub.queues.messages import CLIENT
from host.task_hub_steps import checkpoint_of, first_episode, last_episode, new_instance, save, short_options


@pytest.mark.parametrize(("seconds", "longest"), [(30, 150), (150, 300), (600, 600)])
async def test_a_result_of_hundreds_is_held_longer_but_not_longer_than_the_real_host_holds_every_one(
    connection_string: str, hub_name: str, seconds: int, longest: int
) -> None:
    async with TaskHub(connection_string, short_options(hub_name, control_visibility_seconds=seconds)) as hub:
        queue = hub.queue_of("i")

        async def keep(event: HistoryEvent | None = None) -> float:
            result = TaskCompleted(timestamp=now(), task_scheduled_id=0)
            message = Message(event=event or result, target=new_instance("i"))
            kept = await queue.send_and_keep(message, sender=CLIENT, episode=None)
            crowd.append(kept)
            return (kept.next_visible_at - now()) / TICKS_PER_SECOND

        crowd: list[object] = []
        first = await keep()
        for _ in range(25):
            await asyncio.gather(*(keep() for _ in range(8)))
        last, of_another_kind = await keep(), await keep(EventRaised(timestamp=now(), name="e"))
        crowd.clear()

        assert await keep() == pytest.approx(seconds, abs=2.0)
    assert first == pytest.approx(seconds, abs=2.0)
    assert of_another_kind == pytest.approx(seconds, abs=2.0)
    assert last == pytest.approx(longest, abs=2.0)


async def test_rows_of_an_earlier_execution_of_which_nothing_is_known_are_replaced(
    connection_string: str, hub_name: str
) -> None:
    old, new = new_instance("i"), new_instance("i")
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        await save(hub, first_episode(old, "a", "b", "c", "d"), last_episode(old, ["1", "2", "3", "4"], "5"))
        await hub.apply_checkpoint(first_episode(new, "a", "b"), await hub.history.load("i", new.execution_id))
        loaded = await hub.history.load("i", new.execution_id)
        result = TaskCompleted(timestamp=now(), task_scheduled_id=0, result="1", is_played=True)

        written = await hub.apply_checkpoint(checkpoint_of(new, [result], episode=2), loaded)

        found = await hub.history.load("i", None)
    assert not loaded.may_overwrite
    assert (found.events, found.etag, found.may_overwrite) == (written.events, written.etag, True)
    assert [event.kind for event in found.events[-3:]] == [
        "OrchestratorStarted",
        "TaskCompleted",
        "OrchestratorCompleted",
    ]
