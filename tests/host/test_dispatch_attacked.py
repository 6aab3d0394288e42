"""What comes from outside, or runs for ever, harms what it is and nothing else: messages, histories, functions."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import azure.durable_functions as df
import pytest
from azure.data.tables import TableClient, UpdateMode
from azure.storage.queue import QueueClient

from durable_engine import (
    EventRaised,
    ExecutionTerminated,
    Message,
    OrchestrationInstance,
    TaskScheduled,
    client_signal,
    event_to_json,
)
from durable_host.clock import new_guid, now
from durable_host.dispatch import endings
from durable_host.task_hub.queues.messages import CLIENT, MessageData, message_text
from host.dispatch_steps import SDK_WARNINGS, SmallHost, Steps, running, storage_fails_once
from host_process import soon

pytestmark = SDK_WARNINGS


def says(context: df.DurableOrchestrationContext) -> Steps:
    value = yield context.call_activity("echo", context.get_input())
    return value


def waits(context: df.DurableOrchestrationContext) -> Steps:
    return (yield context.wait_for_external_event("go"))


def begins_again_and_again(context: df.DurableOrchestrationContext) -> Steps:
    context.continue_as_new(None)
    yield from ()


def never_returns(context: df.DurableOrchestrationContext) -> Iterator[Any]:
    STUCK.wait()
    yield from ()


STUCK = threading.Event()


@pytest.fixture(autouse=True)
def stuck_threads() -> Iterator[None]:
    """Lets functions that never return go when their test is over."""
    STUCK.clear()
    yield
    STUCK.set()


def echo(value: Any) -> Any:
    return value


def event_text(instance_id: str) -> dict[str, Any]:
    """A message as its JSON object."""
    message = Message(
        event=EventRaised(timestamp=now(), name="go", input="1"),
        target=OrchestrationInstance(instance_id=instance_id, execution_id=None),
    )
    data = MessageData(activity_id=new_guid(), message=message, sequence_number=1, episode=None, sender=CLIENT)
    text: dict[str, Any] = json.loads(message_text(data))
    return text


def put(connection_string: str, queue: str, text: dict[str, Any]) -> None:
    with QueueClient.from_connection_string(connection_string, queue, api_version="2025-11-05") as client:
        client.send_message(json.dumps(text))


BAD_VALUES: dict[str, tuple[tuple[str, ...], Any]] = {
    "id is a number": (("TaskMessage", "OrchestrationInstance", "InstanceId"), 5),
    "id is null": (("TaskMessage", "OrchestrationInstance", "InstanceId"), None),
    "id is a list": (("TaskMessage", "OrchestrationInstance", "InstanceId"), ["i"]),
    "id is half a letter": (("TaskMessage", "OrchestrationInstance", "InstanceId"), "\ud800"),
    "execution id is a number": (("TaskMessage", "OrchestrationInstance", "ExecutionId"), 5),
    "number is a text": (("SequenceNumber",), "first"),
    "number is null": (("SequenceNumber",), None),
    "episode is a text": (("Episode",), "one"),
    "sender is a list": (("Sender", "InstanceId"), []),
    "name is a number": (("TaskMessage", "Event", "Name"), 5),
    "input is an object": (("TaskMessage", "Event", "Input"), {}),
    "event is a text": (("TaskMessage", "Event"), "EventRaised"),
    "event id is a text": (("TaskMessage", "Event", "EventId"), "none"),
    "event id is too large for a table": (("TaskMessage", "Event", "EventId"), 10**30),
    "event id is just too large for a table": (("TaskMessage", "Event", "EventId"), 2**31),
    "number is too large for any host": (("SequenceNumber",), 2**63),
    "episode is too large for any host": (("Episode",), 2**31),
    "time is after the last year": (("TaskMessage", "Event", "Timestamp"), "9999-12-31T23:59:59-14:00"),
    "time is before the first year": (("TaskMessage", "Event", "Timestamp"), "0001-01-01T00:00:00+14:00"),
    "name is null": (("TaskMessage", "Event", "Name"), None),
    "name is half a letter": (("TaskMessage", "Event", "Name"), "\ud800"),
    "name is too long for a table": (("TaskMessage", "Event", "Name"), "n" * 40_000),
    "trace is too long for a table": (("TaskMessage", "Event", "ParentTraceContext"), {"TraceState": "t" * 40_000}),
    "whether it was played is a text": (("TaskMessage", "Event", "IsPlayed"), "no"),
}


async def test_messages_with_wrong_values_are_named_and_the_others_of_their_queue_are_read(
    connection_string: str, hub_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(connection_string, hub_name, [waits]) as host:
        queue = host.hub.queue_of("i").name
        await host.start("waits", "i")
        await host.reaches("i", "Running")
        for path, value in BAD_VALUES.values():
            text = event_text("i")
            place = text
            for name in path[:-1]:
                place = place[name]
            place[path[-1]] = value
            put(connection_string, queue, text)
        await soon(lambda: caplog.text.count("is left alone") == len(BAD_VALUES), "all bad ones are named")
        await host.raise_event("i", "go", 1)

        row = await host.reaches("i")

    assert (row.runtime_status, row.output) == ("Completed", "1")
    for named in (
        "InstanceId is 5",
        "InstanceId is None",
        "InstanceId '\\ud800' holds half of a surrogate pair",
        "SequenceNumber is 'first'",
        "EventId is 2147483648, and no number of 32 bits",
        "'9999-12-31T23:59:59-14:00' is in UTC not within the years 1 to 9999",
        "Name is null",
        "Name '\\ud800' holds half of a surrogate pair",
        "has 40000 characters",
    ):
        assert named in caplog.text


@pytest.mark.parametrize("name", [None, "\ud800", 5])
async def test_work_item_without_a_name_that_can_be_looked_up_is_left_alone(
    connection_string: str, hub_name: str, caplog: pytest.LogCaptureFixture, name: object
) -> None:
    text = event_text("i")
    text["TaskMessage"]["Event"] = event_to_json(TaskScheduled(timestamp=now(), name="")) | {"Name": name}
    async with running(connection_string, hub_name, [says], {"echo": echo}) as host:
        put(connection_string, host.hub.work_items.name, text)
        await soon(lambda: "is left alone" in caplog.text, "it is named")
        await host.start("says", "i", 1)

        assert (await host.reaches("i")).output == "1"


def counts(context: df.DurableEntityContext) -> None:
    context.set_state(context.get_state(lambda: 0) + 1)


async def test_event_that_is_no_request_to_an_entity_harms_none_of_those_that_come_with_it(
    connection_string: str, hub_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Anybody can raise it: the management API takes any event for any instance."""
    async with running(connection_string, hub_name, entities=[counts], reads=False) as host:
        good = client_signal("add", None, new_guid())
        for text in ("5", good):
            await host.send("@counts@k", EventRaised(timestamp=now(), name="op", input=text))
        for partition in range(4):
            host.readers.partition_acquired(partition)

        row = await host.reaches("@counts@k", "Running")

    assert '"state":"1"' in (row.input or "")
    assert "Instance '@counts@k': The event 'op' is no request to an entity" in caplog.text


async def test_message_that_cannot_be_taken_is_given_back_and_the_reader_reads_on(
    connection_string: str, hub_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(connection_string, hub_name, [waits]) as host:
        await host.start("waits", "i")
        await host.reaches("i", "Running")
        take, failures = host.orchestrations.take, iter([True])

        def fail_once(message: Any) -> None:
            if next(failures, False):
                raise RuntimeError("a fault of the reader's own")
            take(message)

        monkeypatch.setattr(host.orchestrations, "take", fail_once)
        put(connection_string, host.hub.queue_of("i").name, event_text("i"))

        assert (await host.reaches("i")).runtime_status == "Completed"


async def test_reader_that_has_failed_reads_on(
    connection_string: str, hub_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(connection_string, hub_name, [waits], reads=False) as host:
        receive, failing = host.orchestrations.receive_for_ever, [True]

        async def fail_once(poller: Any) -> None:
            if failing:
                raise RuntimeError(f"a fault of the reader's own {failing.pop()}")
            await receive(poller)

        monkeypatch.setattr(host.orchestrations, "receive_for_ever", fail_once)
        host.readers.partition_acquired(host.hub.partition_of("i"))
        await host.start("waits", "i")
        await host.reaches("i", "Running")
        put(connection_string, host.hub.queue_of("i").name, event_text("i"))  # not from this host's own hand

        assert (await host.reaches("i")).output == "1"


async def test_reader_that_keeps_failing_gives_its_partition_up(
    connection_string: str, hub_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(connection_string, hub_name, [waits]) as host:
        given_up: list[int] = []
        monkeypatch.setattr(host.hub.partitions, "resign", given_up.append)

        async def fail(poller: Any) -> None:
            raise RuntimeError("a fault of the reader's own")

        monkeypatch.setattr(host.orchestrations, "receive_for_ever", fail)

        await soon(lambda: len(given_up) == 4, "all are given up")

    assert sorted(given_up) == [0, 1, 2, 3]


async def test_orchestrators_that_never_return_block_nobody(connection_string: str, hub_name: str) -> None:
    async with running(connection_string, hub_name, [says, never_returns], {"echo": echo}) as host:
        for number in range(4):
            await host.start("never_returns", f"stuck-{number}")
        await host.start("says", "i", 1)

        assert (await host.reaches("i")).runtime_status == "Completed"


async def test_orchestrator_that_outlasts_the_function_timeout_fails_with_the_reason(
    connection_string: str, hub_name: str
) -> None:
    async with running(connection_string, hub_name, [never_returns], limit_seconds=0.3) as host:
        await host.start("never_returns", "i")

        row = await host.reaches("i")

    assert row.runtime_status == "Failed"
    assert "Timeout value of 00:00:00 was exceeded by the function of 'i'" in (row.output or "")


def asks(context: df.DurableOrchestrationContext) -> Steps:
    return (yield context.call_entity(df.EntityId("answers", "k"), context.get_input()))


def answers(context: df.DurableEntityContext) -> None:
    if context.operation_name == "never":
        STUCK.wait()
    context.set_result(context.operation_name)


async def test_entity_that_outlasts_the_function_timeout_fails_its_caller_and_answers_the_next(
    connection_string: str, hub_name: str
) -> None:
    async with running(connection_string, hub_name, [asks], entities=[answers], limit_seconds=1.0) as host:
        await host.start("asks", "first", "never")
        first = await host.reaches("first")
        await host.start("asks", "second", "at once")
        second = await host.reaches("second")

    assert first.runtime_status == "Failed"
    assert "Timeout value of 00:00:01 was exceeded by the function of '@answers@k'" in (first.output or "")
    assert (second.runtime_status, json.loads(second.output or "")) == ("Completed", "at once")


async def test_orchestration_that_begins_again_without_waiting_can_be_terminated(
    connection_string: str, hub_name: str
) -> None:
    async with running(connection_string, hub_name, [begins_again_and_again]) as host:
        await host.start("begins_again_and_again", "i")
        await soon(lambda: host.held, "its episode runs")

        await host.send("i", ExecutionTerminated(timestamp=now(), input="enough"))

        assert (await host.reaches("i")).runtime_status == "Terminated"


def spoil_history(host: SmallHost, connection_string: str, key: str, spoiled: dict[str, Any]) -> None:
    """Make one row of the history of ``i`` one that cannot be read."""
    with TableClient.from_connection_string(connection_string, host.hub.names.history_table) as table:
        table.update_entity({"PartitionKey": "i", "RowKey": key, **spoiled}, mode=UpdateMode.MERGE)


STARTED = f"{1:016X}"  # the row of ExecutionStarted


@pytest.mark.parametrize(
    ("key", "spoiled"),
    [
        (STARTED, {"EventType": "NoSuchEvent"}),
        (STARTED, {"Name": b"waits"}),
        (STARTED, {"Version": 5}),
        (STARTED, {"Tags": "5"}),
        (STARTED, {"ParentInstance": "[" * 9_000}),
        (STARTED, {"InputBlobName": "gone.json.gz"}),
        ("sentinel", {"ExecutionId": "another"}),
    ],
    ids=lambda one: str(one)[:30],
)
async def test_instance_whose_history_cannot_be_read_can_be_terminated_and_purged(
    connection_string: str, hub_name: str, key: str, spoiled: dict[str, Any]
) -> None:
    async with running(connection_string, hub_name, [waits]) as host:
        await host.start("waits", "i")
        await host.reaches("i", "Running")
        spoil_history(host, connection_string, key, spoiled)
    async with running(connection_string, hub_name, [waits]) as host:
        await host.send("i", ExecutionTerminated(timestamp=now(), input="enough"))

        row = await host.reaches("i")
        await soon(lambda: not host.held, "the message is dealt with")
        await host.client.purge("i")

        assert (row.runtime_status, row.output) == ("Terminated", "enough")
        assert await host.client.get_instance("i") is None


async def test_message_to_an_instance_whose_history_cannot_be_read_stays_while_storage_fails(
    connection_string: str, hub_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(connection_string, hub_name, [waits]) as host:
        await host.start("waits", "i")
        await host.reaches("i", "Running")
        spoil_history(host, connection_string, STARTED, {"EventType": "NoSuchEvent"})
    async with running(connection_string, hub_name, [waits]) as host:
        storage_fails_once(monkeypatch, host.hub.instances, "mark_terminated")
        await host.send("i", ExecutionTerminated(timestamp=now(), input="enough"))

        assert (await host.reaches("i")).runtime_status == "Terminated"


async def test_episode_that_always_fails_ends_its_instance_after_some_deliveries_with_the_reason(
    connection_string: str, hub_name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(endings, "_TRIES", 3)  # the pause doubles with each delivery
    deliveries: list[int] = []

    async def fail(session: Any, batch: Any, *given: Any) -> Any:
        deliveries.append(batch.take[0].dequeue_count)
        raise RuntimeError("what this app does cannot be saved")

    async with running(connection_string, hub_name, [waits]) as host:
        monkeypatch.setattr(host.orchestrations._episodes, "run", fail)
        await host.start("waits", "i")

        row = await host.reaches("i")

    assert row.runtime_status == "Failed"
    assert "RuntimeError: what this app does cannot be saved" in (row.output or "")
    assert deliveries == [1, 1, 2, 3]  # first from the host's own hand, then three times from the queue
    assert caplog.text.count("Instance 'i': an episode could not be run or saved") == 4
