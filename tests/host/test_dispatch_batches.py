"""Of the messages that wait for one instance: which make its next episode, which are dropped, and which wait on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from durable_engine import (
    TICKS_PER_SECOND,
    EventRaised,
    ExecutionStarted,
    ExecutionTerminated,
    HistoryEvent,
    Message,
    OrchestrationInstance,
    ParentInstance,
    SubOrchestrationInstanceCompleted,
    TaskCompleted,
)
from durable_host.clock import now
from durable_host.dispatch.sorting import Batch, sort_messages
from durable_host.task_hub import LoadedHistory, ReceivedMessage, TaskHub
from durable_host.task_hub.base.attempt_note import AttemptNote, short_id
from durable_host.task_hub.queues.messages import CLIENT
from host.task_hub_steps import first_episode, last_episode, new_instance, save, short_options, started

FIRST, SECOND = new_instance("i"), new_instance("i")
ANY = OrchestrationInstance(instance_id="i", execution_id=None)


class Sorter:
    """Sorts messages of the instance ``i`` in a hub; events stand for the messages that carry them."""

    def __init__(self, hub: TaskHub) -> None:
        self.hub = hub

    async def message(
        self,
        event: HistoryEvent,
        target: OrchestrationInstance = FIRST,
        *,
        is_own: bool = False,
        count: int = 1,
        sender: OrchestrationInstance = CLIENT,
        minutes_ago: int = 0,
    ) -> ReceivedMessage:
        queue = self.hub.queue_of("i")
        kept = await queue.send_and_keep(Message(event=event, target=target), sender=sender, episode=None)
        kept.is_own, kept.dequeue_count = is_own, count
        kept.inserted_at -= minutes_ago * 60 * TICKS_PER_SECOND
        return kept

    async def sort(self, messages: Sequence[ReceivedMessage], loaded: LoadedHistory | None = None) -> Batch:
        nothing = LoadedHistory(instance_id="i", execution_id=None)
        batch = await sort_messages(self.hub, messages, loaded or nothing)
        sorted_ones = [*batch.take, *batch.drop, *batch.later]
        assert sorted(m.message_id for m in sorted_ones) == sorted(m.message_id for m in messages)
        return batch

    async def write_row(self, event: ExecutionStarted) -> None:
        assert await self.hub.instances.start_row(event, now=now(), message_blob=None, replaces=None)


@asynccontextmanager
async def sorter(connection_string: str, hub_name: str) -> AsyncIterator[Sorter]:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        yield Sorter(hub)


def raised(name: str = "go") -> EventRaised:
    return EventRaised(timestamp=now(), name=name)


def completed(task_id: int) -> TaskCompleted:
    return TaskCompleted(timestamp=now(), task_scheduled_id=task_id, result="1")


def child_completed() -> SubOrchestrationInstanceCompleted:
    return SubOrchestrationInstanceCompleted(timestamp=now(), task_scheduled_id=0, result="1")


async def test_a_start_takes_along_what_came_with_it(connection_string: str, hub_name: str) -> None:
    async with sorter(connection_string, hub_name) as one:
        await one.write_row(started(FIRST))
        messages = [await one.message(raised(), ANY), await one.message(started(FIRST))]

        batch = await one.sort(messages)

    assert (batch.take, batch.past) == (messages, ())


async def test_a_start_without_its_row_waits_and_so_does_what_came_with_it(
    connection_string: str, hub_name: str
) -> None:
    async with sorter(connection_string, hub_name) as one:
        start, result = await one.message(started(FIRST)), await one.message(completed(0))

        batch = await one.sort([start, result])

    assert (batch.take, batch.drop) == ([], [])
    assert {id(message) for message in batch.later} == {id(start), id(result)}


async def test_our_own_start_needs_no_look_at_its_row(connection_string: str, hub_name: str) -> None:
    async with sorter(connection_string, hub_name) as one:
        start = await one.message(started(FIRST), is_own=True)

        assert (await one.sort([start])).take == [start]


async def test_a_start_that_came_twice_is_taken_once(connection_string: str, hub_name: str) -> None:
    async with sorter(connection_string, hub_name) as one:
        await one.write_row(started(FIRST))
        first, again = await one.message(started(FIRST)), await one.message(started(FIRST))

        batch = await one.sort([first, again])

    assert (batch.take, batch.drop) == ([first], [again])


async def test_of_a_start_that_came_twice_the_one_is_taken_with_which_an_attempt_was_made(
    connection_string: str, hub_name: str
) -> None:
    async with sorter(connection_string, hub_name) as one:
        await one.write_row(started(FIRST))
        again, first = await one.message(started(FIRST)), await one.message(started(FIRST))
        note = AttemptNote(at=now(), execution_id="e", episode=1, messages=(short_id(first.message_id),))

        batch = await one.sort([again, first], LoadedHistory(instance_id="i", execution_id=None, attempt=note))

    assert (batch.take, batch.drop) == ([first], [again])


@pytest.mark.parametrize("event", [raised(), ExecutionTerminated(timestamp=1, input="enough")])
@pytest.mark.parametrize(
    ("count", "minutes_ago", "waits"), [(1, 0, True), (99, 9, True), (1, 99, True), (6, 11, False)]
)
async def test_event_to_an_instance_that_was_saved_since_its_history_was_read_waits(
    connection_string: str, hub_name: str, event: HistoryEvent, count: int, minutes_ago: int, waits: bool
) -> None:
    """The partition's last owner had its first episode under way, and saved it after this one had found nothing."""
    async with sorter(connection_string, hub_name) as one:
        found = await one.hub.history.load("i", None)
        await save(one.hub, first_episode(FIRST, "a"))
        message = await one.message(event, ANY, count=count, minutes_ago=minutes_ago)

        batch = await one.sort([message], found)

    assert (batch.later if waits else batch.drop) == [message]


ENTITY = OrchestrationInstance(instance_id="@e@k", execution_id="e")
CHILD = OrchestrationInstance(instance_id="i:0", execution_id="c")


@pytest.mark.parametrize(("event", "sender"), [(raised("request"), ENTITY), (child_completed(), CHILD)])
@pytest.mark.parametrize(
    ("count", "minutes_ago", "waits"), [(1, 0, True), (99, 9, True), (1, 99, True), (6, 11, False)]
)
async def test_answer_that_nobody_gives_again_waits_for_the_execution_that_asked(
    connection_string: str,
    hub_name: str,
    event: HistoryEvent,
    sender: OrchestrationInstance,
    count: int,
    minutes_ago: int,
    waits: bool,
) -> None:
    """Its episode sent the request, and its host died before it saved that; a child has no row until then."""
    async with sorter(connection_string, hub_name) as one:
        answer = await one.message(event, sender=sender, count=count, minutes_ago=minutes_ago)
        of_next = await one.message(event, SECOND, sender=sender, count=count, minutes_ago=minutes_ago)

        before_the_first = await one.sort([answer])
        loaded = await save(one.hub, first_episode(FIRST, "a"))
        before_the_next = await one.sort([of_next], loaded)

    assert (before_the_first.later, before_the_first.drop) == (([answer], []) if waits else ([], [answer]))
    assert (before_the_next.later, before_the_next.drop) == (([of_next], []) if waits else ([], [of_next]))


async def test_a_start_of_the_running_execution_is_dropped(connection_string: str, hub_name: str) -> None:
    async with sorter(connection_string, hub_name) as one:
        loaded = await save(one.hub, first_episode(FIRST, "a"))
        start, result = await one.message(started(FIRST), count=2), await one.message(completed(0))

        batch = await one.sort([start, result], loaded)

    assert (batch.take, batch.drop) == ([result], [start])
    assert batch.past == loaded.events


async def test_a_start_that_lost_to_another_is_dropped_and_the_rest_goes_on(
    connection_string: str, hub_name: str
) -> None:
    async with sorter(connection_string, hub_name) as one:
        loaded = await save(one.hub, first_episode(FIRST, "a"))
        late = await one.message(started(SECOND), SECOND, count=2)
        result = await one.message(completed(0))

        batch = await one.sort([late, result], loaded)

    assert (batch.take, batch.drop) == ([result], [late])


async def test_results_for_an_unknown_execution_wait_for_it_and_are_then_dropped(
    connection_string: str, hub_name: str
) -> None:
    """A host that has lost its partition may be about to save the execution that asked; else it is over."""
    async with sorter(connection_string, hub_name) as one:
        loaded = await save(one.hub, first_episode(FIRST, "a"))
        stale, event = await one.message(completed(0), SECOND, count=4), await one.message(raised(), ANY)
        early = await one.message(completed(0), SECOND, count=3)

        batch = await one.sort([stale, early, event], loaded)

    assert (batch.take, batch.later, batch.drop) == ([event], [early], [stale])


async def test_nothing_reaches_an_execution_that_has_ended(connection_string: str, hub_name: str) -> None:
    async with sorter(connection_string, hub_name) as one:
        loaded = await save(one.hub, first_episode(FIRST, "a"), last_episode(FIRST, ["1"], "1"))
        messages = [await one.message(raised(), ANY), await one.message(completed(0))]

        batch = await one.sort(messages, loaded)

    assert batch.drop == messages


async def test_a_new_execution_begins_over_one_that_has_ended(connection_string: str, hub_name: str) -> None:
    parent = ParentInstance(name="p", instance=new_instance("p"), task_schedule_id=0)
    async with sorter(connection_string, hub_name) as one:
        loaded = await save(one.hub, first_episode(FIRST, "a"), last_episode(FIRST, ["1"], "1"))
        stale = await one.message(completed(0))
        start = await one.message(replace(started(SECOND), parent=parent), SECOND)

        batch = await one.sort([stale, start], loaded)

    assert (batch.take, batch.drop, batch.past) == ([start], [stale], ())


async def test_a_result_that_the_history_has_not_asked_for_waits_alone(connection_string: str, hub_name: str) -> None:
    async with sorter(connection_string, hub_name) as one:
        loaded = await save(one.hub, first_episode(FIRST, "a"))
        early, due = await one.message(completed(1)), await one.message(completed(0))

        batch = await one.sort([early, due], loaded)

    assert (batch.take, batch.later) == ([due], [early])


async def test_a_result_whose_start_is_still_to_come_waits_for_it_and_not_for_ever(
    connection_string: str, hub_name: str
) -> None:
    """After a crash between the messages and the history, results can be there before the start is delivered again."""
    async with sorter(connection_string, hub_name) as one:
        waiting, orphan = await one.message(completed(0), count=5), await one.message(completed(0), count=6)

        batch = await one.sort([waiting, orphan])

    assert (batch.later, batch.drop) == ([waiting], [orphan])


async def test_an_entity_begins_with_its_first_message(connection_string: str, hub_name: str) -> None:
    async with sorter(connection_string, hub_name) as one:
        signal = await one.message(raised("op"), OrchestrationInstance(instance_id="@e@k", execution_id=None))

        assert (await one.sort([signal])).take == [signal]
