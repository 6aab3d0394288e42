"""A hub is created once and found again, and a checkpoint that was interrupted anywhere is made whole."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from durable_engine import (
    Checkpoint,
    EventRaised,
    ExecutionCompleted,
    GenericEvent,
    Message,
    OrchestrationInstance,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
)
from durable_host.clock import new_guid, now
from durable_host.task_hub import (
    SplitBrainError,
    StorageAccountError,
    TaskHub,
    TaskHubClient,
    TaskHubOptions,
)
from durable_host.task_hub.account.storage import full_connection_string
from host.task_hub_steps import checkpoint_of, first_episode, last_episode, new_instance, save, short_options


def resources(connection_string: str, hub_name: str) -> set[str]:
    """The names of everything in the account that belongs to a hub."""
    prefix = hub_name.lower()
    with (
        QueueServiceClient.from_connection_string(connection_string, api_version="2025-11-05") as queues,
        TableServiceClient.from_connection_string(connection_string) as tables,
        BlobServiceClient.from_connection_string(connection_string, api_version="2025-11-05") as blobs,
    ):
        names = {queue.name for queue in queues.list_queues()}
        names |= {table.name for table in tables.list_tables()}
        for container in blobs.list_containers():
            names.add(container.name)
            if container.name.startswith(prefix):
                client = blobs.get_container_client(container.name)
                names |= {f"{container.name}/{blob}" for blob in client.list_blob_names()}
    return {name for name in names if name.lower().startswith(prefix)}


async def test_opening_a_hub_creates_what_the_real_host_creates(connection_string: str, hub_name: str) -> None:
    lower = hub_name.lower()

    async with TaskHub(connection_string, short_options(hub_name)):
        assert resources(connection_string, hub_name) == {
            *(f"{lower}-control-{index:02d}" for index in range(4)),
            f"{lower}-workitems",
            f"{hub_name}History",
            f"{hub_name}Instances",
            f"{hub_name}Partitions",
            f"{lower}-applease",
            f"{lower}-applease/{lower}-appleaseinfo",
        }


async def test_an_existing_hub_is_found_with_what_is_in_it(connection_string: str, hub_name: str) -> None:
    instance = new_instance("i")
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        written = await save(hub, first_episode(instance, "act"))
    before = resources(connection_string, hub_name)

    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        assert (await hub.history.load("i", None)).events == written.events
        assert len(await hub.work_items.receive(32)) == 1
    assert resources(connection_string, hub_name) == before


async def test_an_existing_hub_keeps_its_number_of_partitions(
    connection_string: str, hub_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with TaskHub(connection_string, short_options(hub_name, partition_count=2)):
        pass

    async with TaskHub(connection_string, short_options(hub_name, partition_count=8)) as hub:
        assert len(hub.control_queues) == 2
    assert "only for a new hub" in caplog.text


def nowhere() -> str:
    """A connection string of an account where nobody listens."""
    endpoints = ";".join(f"{kind}Endpoint=http://127.0.0.1:1/a" for kind in ("Blob", "Queue", "Table"))
    return f"AccountName=a;AccountKey=a2V5;{endpoints}"


async def test_a_start_that_is_given_up_leaves_no_connection_open(hub_name: str) -> None:
    opening = asyncio.create_task(TaskHub(nowhere(), short_options(hub_name)).open())
    await asyncio.sleep(0)

    opening.cancel()

    with pytest.raises(asyncio.CancelledError):
        await opening  # a warning about an open session would fail this test


async def test_an_account_that_refuses_us_is_named_with_advice(connection_string: str, hub_name: str) -> None:
    another_account = connection_string.replace("AccountName=devstoreaccount1", "AccountName=somebodyelse")

    with pytest.raises(StorageAccountError, match="Check the storage connection string") as refused:
        await TaskHub(another_account, short_options(hub_name)).open()

    assert hub_name in str(refused.value)


@pytest.mark.parametrize("text", ["", "hello", "AccountKey=a2V5"])
def test_a_connection_string_without_an_account_is_refused_with_advice(text: str) -> None:
    with pytest.raises(StorageAccountError, match="UseDevelopmentStorage=true"):
        full_connection_string(text)


def test_the_short_form_of_the_connection_string_means_the_usual_ports() -> None:
    text = full_connection_string("UseDevelopmentStorage=true")

    assert "QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1" in text


@pytest.mark.parametrize(
    "changes",
    [
        {"hub_name": "no-good"},
        {"partition_count": 0},
        {"partition_count": 17},
        {"control_visibility_seconds": 0},
        {"lease_seconds": 5.0, "lease_renew_seconds": 5.0},
    ],
)
def test_options_that_cannot_work_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        TaskHubOptions(**{"hub_name": "Hub"} | changes)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize("steps", range(5))
async def test_a_checkpoint_that_was_interrupted_is_made_whole_by_whoever_gets_the_message_again(
    connection_string: str, hub_name: str, steps: int
) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        await TaskHubClient(hub).start("orch", instance_id="i", execution_id=new_guid(), input=None)
        (message,) = await hub.queue_of("i").receive(32)
        checkpoint, loaded = first_episode(message.data.message.target, "act"), await hub.history.load("i", None)
        # The process dies after this many steps: nothing gives the message back, its time just runs out.
        if steps >= 1:
            await hub.send_messages(checkpoint)
        written = await hub.write_history(checkpoint, loaded) if steps >= 2 else None
        if written and steps >= 3:
            await hub.write_instance(checkpoint, written)
        if steps >= 4:
            await hub.delete_orphans(checkpoint, loaded)

    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        (again,) = await hub.poller(hub.queue_of("i")).next_batch(32)
        loaded = await hub.history.load("i", None)
        is_saved = bool(loaded.events)
        if not is_saved:
            loaded = await hub.apply_checkpoint(checkpoint, loaded)
        await hub.apply_checkpoint(last_episode(again.data.message.target, ["1"], "1"), loaded)
        await hub.queue_of("i").delete(again)
        row = await TaskHubClient(hub).get_instance("i")
        history = await hub.history.load("i", None)
        work_items = await hub.poller(hub.work_items).next_batch(32)

    assert again.dequeue_count == 2
    assert is_saved == (steps >= 2)
    assert row is not None
    assert (row.runtime_status, row.output) == ("Completed", "1")
    assert [event.kind for event in history.events].count("ExecutionStarted") == 1
    assert len(work_items) in (1, 2), "an activity may run twice, but never not at all"


async def test_a_split_brain_leaves_row_and_history_to_the_faster_writer(connection_string: str, hub_name: str) -> None:
    instance = new_instance("i")
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        loaded = await save(hub, first_episode(instance, "act"))
        await hub.apply_checkpoint(last_episode(instance, ["1"], '"fast"'), loaded)

        with pytest.raises(SplitBrainError):
            await hub.apply_checkpoint(last_episode(instance, ["2"], '"slow"'), loaded)

        row = await TaskHubClient(hub).get_instance("i")
    assert row is not None
    assert row.output == '"fast"'


def failed_with(instance: OrchestrationInstance, *failures: TaskFailed, reason: str) -> Checkpoint:
    """The checkpoint of an episode that failed because of these."""
    end = ExecutionCompleted(timestamp=now(), event_id=9, orchestration_status="Failed", result=reason)
    return checkpoint_of(
        instance, (*failures, end), episode=2, runtime_status="Failed", output=reason, is_completed=True
    )


async def test_a_rewind_strikes_out_what_failed_and_keeps_what_succeeded(connection_string: str, hub_name: str) -> None:
    instance, moment = new_instance("a#1"), now()
    kept = TaskCompleted(timestamp=now(), task_scheduled_id=0, result='"kept"', is_played=True)
    failure = TaskFailed(timestamp=now(), task_scheduled_id=1, reason="x" * 40_000, details="{}", is_played=True)
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        client = TaskHubClient(hub)
        before = await save(
            hub,
            first_episode(instance, "good", "bad"),
            checkpoint_of(instance, (kept,), episode=2),
            failed_with(instance, failure, reason="it failed"),
        )
        await client.rewind("a#1", "again", moment)
        after = await hub.history.load("a#1", None)
        row = await client.get_instance("a#1")
        messages = await hub.queue_of("a#1").receive(32)

    changed = [(old.kind, new.kind) for old, new in zip(before.events, after.events, strict=True) if old != new]
    assert changed == [
        ("TaskScheduled", "GenericEvent"),
        ("TaskFailed", "GenericEvent"),
        ("ExecutionCompleted", "GenericEvent"),
    ]
    assert after.events[2] == before.events[2]
    assert after.etag == before.etag
    assert row is not None
    assert (row.runtime_status, row.output, row.last_updated_at) == ("Pending", "it failed", moment)
    assert [m.data.message.event for m in messages] == [GenericEvent(timestamp=moment, data="again")]
    assert messages[0].data.message.target == OrchestrationInstance(instance_id="a#1", execution_id=None)


async def test_a_rewind_goes_down_to_the_child_that_failed_first(connection_string: str, hub_name: str) -> None:
    parent, child = new_instance("parent"), new_instance("child's")
    created = SubOrchestrationInstanceCreated(timestamp=now(), event_id=0, name="sub", instance_id="child's")
    child_failed = SubOrchestrationInstanceFailed(timestamp=now(), task_scheduled_id=0, reason="r", is_played=True)
    activity_failed = TaskFailed(timestamp=now(), task_scheduled_id=0, reason="r", is_played=True)
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        client = TaskHubClient(hub)
        await save(
            hub,
            first_episode(parent),
            checkpoint_of(parent, [created], episode=2),
            failed_with(parent, child_failed, reason="r"),
        )
        await save(hub, first_episode(child, "bad"), failed_with(child, activity_failed, reason="r"))

        await client.rewind("parent", None, now())
        kinds = [event.kind for event in (await hub.history.load("parent", None)).events]
        rows = [await client.get_instance(instance_id) for instance_id in ("parent", "child's")]
        to_child = await hub.queue_of("child's").receive(32)
        to_parent = await hub.queue_of("parent").receive(32)

    assert "SubOrchestrationInstanceCreated" in kinds
    assert "SubOrchestrationInstanceFailed" not in kinds
    assert [row.runtime_status for row in rows if row] == ["Pending", "Pending"]
    assert [m.data.message.target.instance_id for m in [*to_child, *to_parent]] == ["child's"]


async def test_a_rewind_of_nothing_does_nothing(connection_string: str, hub_name: str) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        await TaskHubClient(hub).rewind("nobody", None, now())

        assert await hub.queue_of("nobody").receive(32) == []


async def test_messages_of_one_checkpoint_all_arrive_whichever_queue_they_are_for(
    connection_string: str, hub_name: str
) -> None:
    instance = new_instance("i")
    scheduled = [TaskScheduled(timestamp=now(), event_id=number, name="act") for number in range(20)]
    signals = [
        Message(
            event=EventRaised(timestamp=now(), name="op", input="{}"),
            target=OrchestrationInstance(instance_id=f"@counter@{number}", execution_id=None),
        )
        for number in range(12)
    ]
    messages = (*(Message(event=event, target=instance) for event in scheduled), *signals)
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        checkpoint = replace(first_episode(instance), messages=messages)
        await hub.send_messages(checkpoint)
        work_items = await hub.work_items.receive(32)
        control = [message for queue in hub.control_queues for message in await queue.receive(32)]

    # They are put side by side, so that their order is chance.
    assert sorted(m.data.message.event.event_id for m in work_items) == [event.event_id for event in scheduled]
    assert {m.data.message.target.instance_id for m in control} == {f"@counter@{number}" for number in range(12)}
    assert {(m.data.sender, m.data.episode) for m in [*work_items, *control]} == {(instance, 1)}
