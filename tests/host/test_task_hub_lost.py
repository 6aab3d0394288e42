"""What is lost of a hub is made again under a running host, and one row that is spoiled spoils nothing else."""

from __future__ import annotations

import pytest
from azure.data.tables import TableClient, TableServiceClient, UpdateMode
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from durable_host.clock import new_guid
from durable_host.task_hub import InstanceQuery, TaskHub, TaskHubClient
from host.dispatch_steps import SDK_WARNINGS, Steps, running
from host.task_hub_steps import first_episode, new_instance, save, short_options
from host_process import soon

pytestmark = SDK_WARNINGS


def says(context: object) -> Steps:
    yield from ()
    return "done"


def delete_hub(connection_string: str, hub: TaskHub) -> None:
    """Remove every queue, table and container of a hub, as a restored or emptied storage account has none."""
    prefix = hub.names.hub.lower()
    with QueueServiceClient.from_connection_string(connection_string, api_version="2025-11-05") as queues:
        for queue in queues.list_queues(name_starts_with=prefix):
            queues.delete_queue(queue.name)
    with TableServiceClient.from_connection_string(connection_string) as tables:
        for name in (hub.names.history_table, hub.names.instances_table, hub.names.partitions_table):
            tables.delete_table(name)
    with BlobServiceClient.from_connection_string(connection_string, api_version="2025-11-05") as blobs:
        for container in blobs.list_containers(name_starts_with=prefix):
            blobs.delete_container(container.name)


async def test_hub_that_was_deleted_is_made_again_and_work_goes_on(
    connection_string: str, hub_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(connection_string, hub_name, [says]) as host:
        await host.start("says", "before", "x" * 40_000)
        await host.reaches("before")

        delete_hub(connection_string, host.hub)
        await soon(lambda: "has been created again" in caplog.text, "the hub is made again")
        await host.start("says", "after", "x" * 40_000)

        assert (await host.reaches("after")).output == '"done"'
        assert await host.client.get_instance("before") is None
    told = [record.message for record in caplog.records if "created again" in record.message]
    assert len(told) == 1
    assert [record.message for record in caplog.records if "\n" in record.message] == []


@pytest.mark.parametrize(
    "column",
    [
        {"CreatedTime": "yesterday"},
        {"Tags": "{"},
        {"RuntimeStatus": 5},
        {"Output": 5},
        {"Output": "http://127.0.0.1/devstoreaccount1/HUB-largemessages/gone.json.gz"},
    ],
    ids=str,
)
async def test_spoiled_row_spoils_no_list_and_can_be_read_and_purged(
    connection_string: str, hub_name: str, caplog: pytest.LogCaptureFixture, column: dict[str, object]
) -> None:
    columns = {k: v.replace("HUB", hub_name.lower()) if isinstance(v, str) else v for k, v in column.items()}
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        client = TaskHubClient(hub)
        for instance_id in ("a", "b", "c"):
            await client.start("says", instance_id=instance_id, execution_id=new_guid(), input=None)
        with TableClient.from_connection_string(connection_string, hub.names.instances_table) as table:
            table.update_entity({"PartitionKey": "b", "RowKey": "", **columns}, mode=UpdateMode.MERGE)

        listed = await client.list_instances(InstanceQuery())
        in_brief = [one.instance_id async for page in client.summaries() for one in page]
        spoiled = await client.get_instance("b")
        await client.purge("b")

        assert [row.instance_id for row in listed.rows] == in_brief == ["a", "b", "c"]
        assert spoiled is not None
        assert await client.get_instance("b") is None
    assert "Instance 'b' is shown without a part" in caplog.text


async def test_rows_that_somebody_else_put_beside_an_instance_are_no_instances(
    connection_string: str, hub_name: str
) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        client = TaskHubClient(hub)
        await client.start("says", instance_id="a", execution_id=new_guid(), input=None)
        with TableClient.from_connection_string(connection_string, hub.names.instances_table) as table:
            table.create_entity({"PartitionKey": "a", "RowKey": "other", "Name": "foreign"})
            table.create_entity({"PartitionKey": "a^b", "RowKey": "", "Name": 5})
        await client.purge("a")

        listed = await client.list_instances(InstanceQuery())
        named = await client.list_instances(InstanceQuery(name="foreign"))

        assert [row.instance_id for row in listed.rows] == ["a^b"]
        assert named.rows == ()
        assert await client.get_instance("a") is None


async def test_input_whose_blob_is_gone_is_left_out(connection_string: str, hub_name: str) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        client = TaskHubClient(hub)
        instance = new_instance("i")
        text = '"' + "x" * 40_000 + '"'
        await client.start("says", instance_id="i", execution_id=str(instance.execution_id), input=text)
        await save(hub, first_episode(instance, input=text))
        await hub.payloads.delete_all_of({"i/"})

        row = await client.get_instance("i")

    assert row is not None
    assert (row.input, row.runtime_status) == (None, "Running")
