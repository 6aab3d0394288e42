"""A hub is created once and found again, and a checkpoint that is interrupted anywhere is made whole by repeating it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from azure.core.exceptions import ResourceExistsError
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient
from host.task_hub_steps import checkpoint_of, first_episode, last_episode, new_instance, save, short_options, started

from durable_engine.checkpoint import Checkpoint, Message
from durable_engine.events import (
    EventRaised,
    ExecutionCompleted,
    GenericEvent,
    OrchestrationInstance,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
)
from local_host.clock import new_guid, now
from local_host.task_hub import SplitBrainError, StorageAccountError, TaskHub, TaskHubClient, TaskHubOptions
from local_host.task_hub.hub import sender_of
from local_host.task_hub.storage import full_connection_string


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


async def test_a_hub_that_cannot_be_reached_closes_its_connections(hub_name: str) -> None:
    nowhere = "AccountName=a;AccountKey=a2V5;" + ";".join(
        f"{kind}Endpoint=http://127.0.0.1:1/a" for kind in ("Blob", "Queue", "Table")
    )
    opening = asyncio.create_task(TaskHub(nowhere, short_options(hub_name)).open())
    await asyncio.sleep(0.1)

    opening.cancel()

    with pytest.raises(asyncio.CancelledError):
        await opening  # and no warning about a connection that was left open


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


def test_messages_after_continue_as_new_are_from_the_execution_that_ended() -> None:
    old, new = new_instance("i"), new_instance("i")
    again = checkpoint_of(new, [started(new)], replaces_history=True)
    loaded = TaskHubHistory(old)

    assert sender_of(again, loaded) == old
    assert sender_of(first_episode(new), loaded) == new
    assert sender_of(again, TaskHubHistory(OrchestrationInstance(instance_id="i", execution_id=None))).execution_id is None


def TaskHubHistory(instance: OrchestrationInstance) -> "LoadedHistory":  # noqa: N802
    return LoadedHistory(instance_id=instance.instance_id, execution_id=instance.execution_id)


class CrashError(Exception):
    """The process died here."""


def crash_after(step: int) -> Callable[[TaskHub, Checkpoint], Awaitable[None]]:
    """Apply a checkpoint from the stored history on, up to and including this step."""

    async def apply(hub: TaskHub, checkpoint: Checkpoint) -> None:
        loaded = await hub.history.load(checkpoint.instance.instance_id, None)
        if step >= 1:
            await hub.send_messages(checkpoint, loaded)
        if step >= 2:
            written = await hub.write_history(checkpoint, loaded)
            if step >= 3:
                await hub.write_instance(checkpoint, written)
            if step >= 4:
                await hub.delete_orphans(checkpoint, loaded)
        raise CrashError

    return apply
