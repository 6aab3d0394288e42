"""Orchestrations on storage: messages that come early, late, twice, for nothing, or while something goes wrong."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.durable_functions import DurableOrchestrationContext as Context
from azure.durable_functions import EntityId

from durable_engine import (
    ExecutionResumed,
    ExecutionStarted,
    ExecutionSuspended,
    ExecutionTerminated,
    Message,
    OrchestrationInstance,
)
from durable_host.clock import new_guid, now
from durable_host.task_hub.queues.messages import CLIENT, reference_text
from host.dispatch_steps import SDK_WARNINGS, SmallHost, Steps, quick, register, running, waits
from host_process import soon

pytestmark = SDK_WARNINGS


def waits_twice(context: Context) -> Steps:
    """Complete with the data of two events."""
    first = yield context.wait_for_external_event("first")
    second = yield context.wait_for_external_event("second")
    return [first, second]


async def start_on_its_way(host: SmallHost, instance_id: str, name: str) -> Message:
    """An instance whose row is there, and whose start message is not yet."""
    instance = OrchestrationInstance(instance_id=instance_id, execution_id=new_guid())
    event = ExecutionStarted(timestamp=now(), instance=instance, name=name, generation=0)
    assert await host.hub.instances.start_row(event, now=now(), message_blob=None, replaces=None)
    return Message(event=event, target=instance)


async def test_event_that_overtakes_the_start_is_delivered_after_it(connection_string: str, hub_name: str) -> None:
    async with running(connection_string, hub_name, [waits]) as host:
        start = await start_on_its_way(host, "i", "waits")
        await host.raise_event("i", "go", 5)
        await asyncio.sleep(0.3)
        await host.hub.queue_of("i").send(start, sender=CLIENT, episode=None)

        row = await host.reaches("i")

    assert (row.runtime_status, row.output) == ("Completed", "5")


async def test_event_for_nobody_is_dropped(connection_string: str, hub_name: str) -> None:
    async with running(connection_string, hub_name, [waits]) as host:
        await host.raise_event("nobody", "go", 5)

        await soon(lambda: len(host.held) == 0, "it is dropped")

        assert await host.client.get_instance("nobody") is None


async def test_instance_that_is_terminated_before_it_began_never_begins(connection_string: str, hub_name: str) -> None:
    async with running(connection_string, hub_name, [waits]) as host:
        start = await start_on_its_way(host, "i", "waits")
        await host.send("i", ExecutionTerminated(timestamp=now(), input="enough"))
        row = await host.reaches("i", "Terminated")
        await host.hub.queue_of("i").send(start, sender=CLIENT, episode=None)
        await host.start("waits", "other")
        await host.reaches("other", "Running")

        await soon(lambda: len(host.held) == 0, "the start is dropped")

        assert await host.client.get_history("i") == ()
        assert (row.output, (await host.row("i")).runtime_status) == ("enough", "Terminated")


async def test_event_whose_name_is_a_guid_reaches_an_instance_that_knows_entities(
    connection_string: str, hub_name: str
) -> None:
    name = new_guid()

    def signals_and_waits(context: Context) -> Steps:
        context.signal_entity(EntityId("register", "k"), "set", 1)
        data = yield context.wait_for_external_event(name)
        return data

    async with running(connection_string, hub_name, [signals_and_waits], entities=[register]) as host:
        await host.start("signals_and_waits", "i")
        await host.has_event("i", "EventSent")
        await host.raise_event("i", name, 5)

        assert (await host.reaches("i")).output == "5"


async def fail_once(host: SmallHost, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Let the next write of an instance's row fail."""
    apply = host.hub.instances.apply

    async def fails(*arguments: Any, **options: Any) -> None:
        monkeypatch.setattr(host.hub.instances, "apply", apply)
        raise error

    monkeypatch.setattr(host.hub.instances, "apply", fails)


async def test_row_that_could_not_be_written_is_made_good(
    connection_string: str, hub_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a crash between history and row, too, the instance would be shown as it was for ever."""
    text = "x" * 40_000
    async with running(connection_string, hub_name, [quick]) as host:
        await fail_once(host, monkeypatch, HttpResponseError("storage is away"))
        await host.start("quick", "i", text)

        row = await host.reaches("i")

    assert (row.runtime_status, row.output) == ("Completed", f'"{text}"')
    assert row.completed_at is not None


async def test_row_of_a_resumed_instance_that_could_not_be_written_is_made_good(
    connection_string: str, hub_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(connection_string, hub_name, [waits], reads=False) as host:
        await fail_once(host, monkeypatch, HttpResponseError("storage is away"))
        await host.start("waits", "i")
        await host.send("i", ExecutionSuspended(timestamp=now(), reason="pause"))
        await host.send("i", ExecutionResumed(timestamp=now(), reason="go on"))
        host.readers.partition_acquired(host.hub.partition_of("i"))

        row = await host.reaches("i", "Running", "Suspended")

        assert row.runtime_status == "Running"
        await host.has_event("i", "ExecutionResumed")


async def test_row_of_a_sub_orchestration_that_could_not_be_written_is_made_good(
    connection_string: str, hub_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parent(context: Context) -> Steps:
        result = yield context.call_sub_orchestrator("quick", "x", "child")
        return result

    async with running(connection_string, hub_name, [parent, quick]) as host:
        await host.start("parent", "i")
        await host.has_event("i", "SubOrchestrationInstanceCreated")
        await host.reaches("i")
        apply = host.hub.instances.apply
        await host.client.purge("child")

        async def fails_for_the_child(instance_id: str, *arguments: Any, **options: Any) -> None:
            if instance_id == "child":
                monkeypatch.setattr(host.hub.instances, "apply", apply)
                raise HttpResponseError("storage is away")
            await apply(instance_id, *arguments, **options)

        monkeypatch.setattr(host.hub.instances, "apply", fails_for_the_child)
        await host.start("parent", "again")
        await host.reaches("again")
        child = await host.reaches("child")

    assert (child.name, child.runtime_status, child.output, child.input) == (
        "quick",
        "Completed",
        '"x"',
        json.dumps('"x"'),
    )


async def test_message_that_cannot_be_read_stops_nobody_else(
    connection_string: str, hub_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(connection_string, hub_name, [waits]) as host:
        await host.hub.payloads.write("some/blob.json.gz", "this is no message")
        broken = host.hub.payloads._container.get_blob_client("some/broken.json.gz")
        await broken.upload_blob(b"this is no gzip")
        for queue in (*host.hub.control_queues, host.hub.work_items):
            for text in ("{}", "?", reference_text("some/blob.json.gz"), reference_text("some/broken.json.gz")):
                await queue._client.send_message(text)
        await soon(lambda: len(caplog.records) >= 20, "all of them were complained about")
        await host.start("waits", "i")
        await host.raise_event("i", "go", 5)

        assert (await host.reaches("i")).output == "5"

    assert all("is left alone, and tried again later" in record.getMessage() for record in caplog.records)


async def test_start_with_an_input_too_large_for_the_queue_is_taken_over_at_once(
    connection_string: str, hub_name: str
) -> None:
    """Nothing is received here: only what is handed over can run."""
    async with running(connection_string, hub_name, [quick], reads=False) as host:
        host.keep_own_messages()
        await host.start("quick", "i", "x" * 100_000)

        row = await host.reaches("i")

    assert (row.runtime_status, len(row.output or "")) == ("Completed", 100_002)


async def test_history_that_another_host_has_gone_on_with_is_read_anew(
    connection_string: str, hub_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(connection_string, hub_name, [waits_twice], reads=False) as first:
        first.keep_own_messages()
        await first.start("waits_twice", "i")
        await first.reaches("i", "Running")
        async with running(connection_string, hub_name, [waits_twice], reads=False) as second:
            second.keep_own_messages()
            await second.raise_event("i", "first", 1)
            await second.has_event("i", "EventRaised")
        await first.raise_event("i", "second", 2)

        row = await first.reaches("i")

    assert row.output == "[1,2]"
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_instance_that_was_purged_while_it_ran_can_be_started_again(
    connection_string: str, hub_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(connection_string, hub_name, [waits]) as host:
        await host.start("waits", "i")
        await host.reaches("i", "Running")
        await host.client.purge("i")
        await host.raise_event("i", "go", "for nobody")
        await soon(lambda: len(host.held) == 0, "the event is dropped")
        await host.start("waits", "i")
        await host.reaches("i", "Running")
        await host.client.purge("i")
        await host.start("waits", "i")
        await host.raise_event("i", "go", "for the third")

        assert (await host.reaches("i")).output == '"for the third"'

    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_finished_instance_is_replaced_by_a_start_of_its_id(connection_string: str, hub_name: str) -> None:
    async with running(connection_string, hub_name, [quick]) as host:
        for generation, text in enumerate(("one", "two", "three")):
            await host.start("quick", "i", text)
            row = await host.reaches("i")
            assert (row.runtime_status, row.generation, row.output) == ("Completed", generation, f'"{text}"')


async def test_sub_orchestration_id_that_is_used_again_runs_again(connection_string: str, hub_name: str) -> None:
    def parent(context: Context) -> Steps:
        first = yield context.call_sub_orchestrator("quick", "one", "child")
        second = yield context.call_sub_orchestrator("quick", "two", "child")
        return [first, second]

    async with running(connection_string, hub_name, [parent, quick]) as host:
        await host.start("parent", "i")

        assert (await host.reaches("i")).output == '["one","two"]'


async def test_timer_that_fires_early_is_said_once_for_each_instance(
    connection_string: str, hub_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    def two_timers(context: Context) -> Steps:
        yield context.create_timer(context.current_utc_datetime + timedelta(milliseconds=990))
        yield context.create_timer(context.current_utc_datetime + timedelta(milliseconds=990))

    async with running(connection_string, hub_name, [two_timers]) as host:
        await host.start("two_timers", "i")
        await host.reaches("i")
        await host.start("two_timers", "j")
        await host.reaches("j")

    said = [record.getMessage() for record in caplog.records]
    assert [text.partition(":")[0] for text in said] == ["Instance 'i'", "Instance 'j'"]
    assert all("A timer that is due at 20" in text and "ask for a second more" in text for text in said)


async def test_checkpoint_that_storage_refuses_is_tried_again_with_growing_pauses(
    connection_string: str, hub_name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(connection_string, hub_name, [quick]) as host:
        moments: list[float] = []

        async def refuses(*arguments: Any, **options: Any) -> None:
            moments.append(asyncio.get_running_loop().time())
            raise HttpResponseError("it is too large")

        monkeypatch.setattr(host.hub.history, "append", refuses)
        await host.start("quick", "i")
        await soon(lambda: len(moments) == 2, "it is tried twice")

    assert moments[1] - moments[0] > 1.5
    refusals = [record for record in caplog.records if "it is too large" in record.getMessage()]
    assert len(refusals) == 2
    assert all(record.exc_info is None for record in refusals)
