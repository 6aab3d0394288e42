"""An episode that runs again asks entities under the same ids as before; what stays at least once is pinned."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import azure.durable_functions as df
import pytest
from azure.core.exceptions import ServiceRequestError

from durable_engine import EventRaised, ExecutionStarted, Message, TaskCompleted
from durable_host.dispatch.orchestrations import OrchestrationDispatcher
from durable_host.dispatch.sessions import Session
from durable_host.task_hub import TaskHub
from durable_host.task_hub.base.attempt_note import AttemptNote
from durable_host.task_hub.base.errors import SplitBrainError
from durable_host.task_hub.queues.messages import CLIENT
from host.dispatch_steps import SDK_WARNINGS, SmallHost, Steps, running
from host.task_hub_steps import first_episode, new_instance, save, short_options
from host_process import soon

pytestmark = SDK_WARNINGS
COUNTER = "@counter@k"
ENTITY = df.EntityId("counter", "k")
TRIED = AttemptNote(at=1, execution_id="e", episode=2, messages=("a", "b"))


def counter(context: df.DurableEntityContext) -> None:
    value = context.get_state(lambda: 0) + int(context.get_input())
    context.set_state(value)
    context.set_result(value)


def counts(context: df.DurableOrchestrationContext) -> Steps:
    """A signal, a call, and a signal once an event has come."""
    context.signal_entity(ENTITY, "add", 1)
    seen = yield context.call_entity(ENTITY, "add", 10)
    amount = yield context.wait_for_external_event("go")
    context.signal_entity(ENTITY, "add", amount)
    return seen


def fail_after(host: SmallHost, monkeypatch: pytest.MonkeyPatch, is_due: Callable[[Any], bool]) -> list[str]:
    """Have the histories that ``is_due`` names not be written once, when the messages are out."""
    write, failed = host.hub.write_history, list[str]()

    async def write_or_fail(checkpoint: Any, *given: Any) -> Any:
        if is_due(checkpoint) and not failed:
            failed.append(checkpoint.instance.instance_id)
            raise ServiceRequestError("storage is away")
        return await write(checkpoint, *given)

    monkeypatch.setattr(host.hub, "write_history", write_or_fail)
    return failed


async def state(host: SmallHost) -> int | None:
    """What the entity has counted."""
    row = await host.client.get_instance(COUNTER)
    found = json.loads(row.input or "{}") if row is not None else {}
    return json.loads(found["state"]) if found.get("state") else None


@pytest.mark.parametrize("episode", [1, 3])
async def test_episode_that_could_not_be_saved_counts_once(
    connection_string: str, hub_name: str, monkeypatch: pytest.MonkeyPatch, episode: int
) -> None:
    async with running(connection_string, hub_name, [counts], entities=[counter]) as host:
        failed = fail_after(host, monkeypatch, lambda one: one.instance.instance_id == "i" and one.episode == episode)
        await host.start("counts", "i")
        await host.has_event("i", "EventRaised")
        await host.raise_event("i", "go", 100)
        row = await host.reaches("i")
        # What would be counted twice has been sent before this, and so is counted before it.
        await host.start("counts", "after")
        await host.has_event("after", "EventRaised")
        await soon(lambda: not host.held, "the entity, which answers before it saves, has saved that as well")

        assert (failed, row.output) == (["i"], "11")
        assert await state(host) == 111 + 11


async def test_next_host_makes_the_requests_of_one_that_died_before_it_could_save(
    connection_string: str, hub_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(connection_string, hub_name, [counts], entities=[counter]) as host:
        died = asyncio.Event()

        async def die(checkpoint: Any, *given: Any) -> Any:
            died.set()
            await asyncio.Event().wait()

        write = host.hub.write_history
        monkeypatch.setattr(
            host.hub, "write_history", lambda c, *rest: (write if c.instance.instance_id == COUNTER else die)(c, *rest)
        )
        await host.start("counts", "i")
        await died.wait()
        await soon(lambda: is_counted(host, 11), "the entity has done what it was asked for")
    async with running(connection_string, hub_name, [counts], entities=[counter]) as host:
        await host.raise_event("i", "go", 100)

        assert (await host.reaches("i")).output == "11"
        await soon(lambda: is_counted(host, 111), "the last signal is counted")


async def is_counted(host: SmallHost, value: int) -> bool:
    return await state(host) == value


async def test_start_that_storage_took_twice_asks_under_the_ids_of_the_attempt_that_was_made_with_its_other_half(
    connection_string: str, hub_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(connection_string, hub_name, [counts], entities=[counter]) as host:
        starts = list[ExecutionStarted]()
        write = host.hub.write_history

        async def die(checkpoint: Any, *given: Any) -> Any:
            if checkpoint.instance.instance_id != COUNTER:
                starts.extend(event for event in checkpoint.events if isinstance(event, ExecutionStarted))
                await asyncio.Event().wait()
            return await write(checkpoint, *given)

        monkeypatch.setattr(host.hub, "write_history", die)
        await host.start("counts", "i")
        await soon(lambda: is_counted(host, 11), "the entity has done what it was asked for")
    again = Message(event=replace(starts[0], is_played=False), target=starts[0].instance)
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        # Nobody holds it, so that the next host sees it before the one that the dead host held.
        await hub.queue_of("i").send(again, sender=CLIENT, episode=None)
    async with running(connection_string, hub_name, [counts], entities=[counter]) as host:
        await host.raise_event("i", "go", 100)

        assert (await host.reaches("i")).output == "11"
        await soon(lambda: is_counted(host, 111), "the last signal is counted")


async def test_episode_whose_partition_was_lost_sends_nothing(
    connection_string: str, hub_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another host may be at the same episode: what both send would be done twice."""
    async with running(connection_string, hub_name, [counts], entities=[counter]) as host:
        looks, sent = iter([True]), list[int]()
        send = host.hub.send_messages

        async def count_and_send(checkpoint: Any) -> None:
            sent.append(len(checkpoint.messages))
            await send(checkpoint)

        monkeypatch.setattr(host.hub.partitions, "has_lost", lambda index: next(looks, False))
        monkeypatch.setattr(host.hub, "send_messages", count_and_send)
        await host.start("counts", "i")
        await host.raise_event("i", "go", 100)
        row = await host.reaches("i")

        assert next(looks, None) is None
        assert (row.output, sent.count(2)) == ("11", 1)  # two requests in the first episode, which is sent once


async def test_row_of_an_episode_whose_partition_was_lost_is_left_to_its_new_owner(
    connection_string: str, hub_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that was stopped after it had written the history wrote the row when the instance had long ended."""

    def ends(context: df.DurableOrchestrationContext) -> Steps:
        return (yield context.call_activity("echo", 1))

    async with running(connection_string, hub_name, [ends], {"echo": str}) as host:
        written, rows = asyncio.Event(), list[str]()
        write_history, write_instance = host.hub.write_history, host.hub.write_instance

        async def write_and_lose(*given: Any) -> Any:
            history = await write_history(*given)
            if not written.is_set():
                written.set()
                monkeypatch.setattr(host.hub.partitions, "has_lost", lambda index: True)
            return history

        async def write_row(checkpoint: Any, history: Any) -> None:
            rows.append(checkpoint.update.runtime_status)
            await write_instance(checkpoint, history)

        monkeypatch.setattr(host.hub, "write_history", write_and_lose)
        monkeypatch.setattr(host.hub, "write_instance", write_row)
        await host.start("ends", "i")
        await written.wait()
        await soon(lambda: not host.held, "its messages are given back")
        before = list(rows)
        monkeypatch.setattr(host.hub.partitions, "has_lost", lambda index: False)

        row = await host.reaches("i")

    assert (before, row.output) == ([], '"1"')


async def test_child_of_an_episode_that_could_not_be_saved_runs_once(
    connection_string: str, hub_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parent(context: df.DurableOrchestrationContext) -> Steps:
        return (yield context.call_sub_orchestrator("child", None, "the-child"))

    def child(context: df.DurableOrchestrationContext) -> Steps:
        return (yield context.call_activity("count", None))

    runs: list[int] = []

    def count(_: Any) -> int:
        runs.append(1)
        return len(runs)

    async with running(connection_string, hub_name, [parent, child], {"count": count}) as host:
        failed = fail_after(host, monkeypatch, lambda one: one.instance.instance_id == "i")
        await host.start("parent", "i")
        row = await host.reaches("i")

        assert (failed, row.output, len(runs)) == (["i"], "1", 1)


async def test_row_of_an_execution_that_continued_as_new_is_brought_up_to_its_history(
    connection_string: str, hub_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a crash between history and row: the messages that come again are of an execution that is over."""

    def again(context: df.DurableOrchestrationContext) -> Steps:
        yield context.wait_for_external_event("go")
        if context.get_input() == 1:
            context.continue_as_new(2)
            return None
        return "done"

    def ends_at_once(context: df.DurableOrchestrationContext) -> Steps:
        if context.get_input() == 2:
            return "done"
        yield context.call_activity("echo", 1)
        context.continue_as_new(2)
        return None

    async with running(connection_string, hub_name, [again, ends_at_once], {"echo": str}) as host:
        write, failed = host.hub.write_instance, list[str]()

        async def write_or_fail(checkpoint: Any, written: Any) -> None:
            if checkpoint.replaces_history and checkpoint.instance.instance_id not in failed:
                failed.append(checkpoint.instance.instance_id)
                raise ServiceRequestError("storage is away")
            await write(checkpoint, written)

        monkeypatch.setattr(host.hub, "write_instance", write_or_fail)
        await host.start("ends_at_once", "i", 1)
        await host.start("again", "j", 1)
        await host.raise_event("j", "go")
        ended = await host.reaches("i")
        await host.has_event("j", "OrchestratorCompleted")
        await host.raise_event("j", "go")

        assert (ended.runtime_status, ended.output) == ("Completed", '"done"')
        assert (await host.reaches("j")).output == '"done"'
        assert sorted(failed) == ["i", "j"]


async def test_result_that_came_twice_waits_for_the_one_that_an_attempt_was_made_with(
    connection_string: str, hub_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Storage that takes a message and answers with an error has it twice; the other half must not make an attempt of
    its own, at another time and with other ids."""

    def notes_result(context: df.DurableOrchestrationContext) -> Steps:
        amount = yield context.call_activity("one", None)
        context.signal_entity(ENTITY, "add", amount)
        yield context.wait_for_external_event("go")
        return (yield context.call_entity(ENTITY, "add", 0))

    async with running(connection_string, hub_name, [notes_result], {"one": lambda _: 1}, [counter]) as host:
        write, sent = host.hub.write_history, list[TaskCompleted]()

        async def send_again_and_fail(checkpoint: Any, *given: Any) -> Any:
            results = [event for event in checkpoint.events if isinstance(event, TaskCompleted)]
            if results and not sent:
                sent.extend(results)
                message = Message(event=results[0], target=checkpoint.instance)
                await host.hub.queue_of("i").send(message, sender=checkpoint.instance, episode=1)
                raise ServiceRequestError("storage is away")
            return await write(checkpoint, *given)

        monkeypatch.setattr(host.hub, "write_history", send_again_and_fail)
        await host.start("notes_result", "i")
        await host.has_event("i", "TaskCompleted")
        await host.raise_event("i", "go")

        assert (await host.reaches("i")).output == "1"
        assert len(sent) == 1


async def test_attempt_whose_other_messages_do_not_come_is_given_up_and_its_requests_are_made_once_more(
    connection_string: str, hub_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By design: what is at least once rather than never."""

    def tells(context: df.DurableOrchestrationContext) -> Steps:
        context.signal_entity(ENTITY, "add", 1)
        return (yield context.wait_for_external_event("go"))

    monkeypatch.setattr(OrchestrationDispatcher, "_gather_seconds", lambda dispatcher, session: 0.5)
    async with running(connection_string, hub_name, [tells], entities=[counter], reads=False) as host:
        write, lost = host.hub.write_history, list[str]()

        async def lose_event_and_fail(checkpoint: Any, *given: Any) -> Any:
            if checkpoint.instance.instance_id == "i" and not lost:
                mine = [one for one in host.held._held.values() if one.data.message.target.instance_id == "i"]
                event = next(one for one in mine if isinstance(one.data.message.event, EventRaised))
                lost.append(event.message_id)
                await event.queue.delete(event)
                raise ServiceRequestError("storage is away")
            return await write(checkpoint, *given)

        monkeypatch.setattr(host.hub, "write_history", lose_event_and_fail)
        await host.start("tells", "i")
        await host.raise_event("i", "go", "lost")
        for partition in range(4):
            host.readers.partition_acquired(partition)
        await host.reaches("i", "Running")
        await soon(lambda: is_counted(host, 2), "both signals are counted")
        await host.raise_event("i", "go", "well")

        assert ((await host.reaches("i")).output, len(lost)) == ('"well"', 1)


async def test_messages_of_an_attempt_wait_six_minutes_for_each_other(connection_string: str, hub_name: str) -> None:
    """What a killed host held comes again before that, and a message that is lost holds nothing up for ever."""
    async with running(connection_string, hub_name, control_visibility_seconds=30) as host:
        assert host.orchestrations._gather_seconds(Session("i", 0)) == 360


async def test_attempt_on_a_history_that_another_has_written_since_is_not_made(
    connection_string: str, hub_name: str
) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        loaded = await save(hub, first_episode(new_instance("i"), "a"))
        noted = await hub.history.note_attempt(loaded, TRIED)

        assert (await hub.history.load("i", None)).attempt == TRIED == noted.attempt
        with pytest.raises(SplitBrainError):
            await hub.history.note_attempt(loaded, TRIED)


async def test_attempt_at_a_first_episode_is_noted_once_and_goes_with_its_rows(
    connection_string: str, hub_name: str
) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        nothing = await hub.history.load("i", None)
        await hub.history.note_attempt(nothing, TRIED)
        noted = await hub.history.load("i", None)

        assert (noted.events, noted.execution_id, noted.attempt) == ((), None, TRIED)
        with pytest.raises(SplitBrainError):
            await hub.history.note_attempt(nothing, TRIED)

        instance = new_instance("i")
        events = first_episode(instance, "a").events
        written = await hub.history.append(noted, str(instance.execution_id), events)
        loaded = await hub.history.load("i", None)
        assert (loaded.events, loaded.attempt, written.may_overwrite) == (tuple(events), None, False)
