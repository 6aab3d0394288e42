"""Clients start, find, list and purge instances; of two starts of one id the row keeps one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from azure.data.tables import TableClient
from azure.storage.blob import ContainerClient

from durable_engine import TICKS_PER_SECOND, EventRaised, ExecutionStarted, OrchestrationInstance
from durable_host.clock import new_guid, now
from durable_host.task_hub import HubQueue, InstanceQuery, ReceivedMessage, TaskHub, TaskHubClient
from host.task_hub_steps import first_episode, last_episode, new_instance, save, short_options


def instance_blobs(connection_string: str, hub: TaskHub) -> list[str]:
    with ContainerClient.from_connection_string(
        connection_string, hub.names.large_messages_container, api_version="2025-11-05"
    ) as container:
        return sorted(container.list_blob_names())


class Receiver:
    """Reads a queue by taking what this process sends to it, and nothing else."""

    def __init__(self, queue: HubQueue) -> None:
        queue.reader = self
        self.taken: list[ReceivedMessage] = []

    async def reserve(self) -> bool:
        return True

    def take(self, message: ReceivedMessage) -> None:
        self.taken.append(message)

    def give_up(self) -> None:
        raise AssertionError("nothing is put in vain here")


async def test_a_start_sends_the_message_and_writes_the_row(connection_string: str, hub_name: str) -> None:
    execution_id = new_guid()
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        client = TaskHubClient(hub)
        await client.start("orch", instance_id="a#1", execution_id=execution_id, input='"x"')
        row = await client.get_instance("a#1")
        (message,) = await hub.queue_of("a#1").receive(32)
        with TableClient.from_connection_string(connection_string, hub.names.instances_table) as table:
            raw = table.get_entity("a^21", "")

    event = message.data.message.event
    assert isinstance(event, ExecutionStarted)
    assert (event.name, event.input, event.generation, event.parent) == ("orch", '"x"', 0, None)
    assert event.instance == OrchestrationInstance(instance_id="a#1", execution_id=execution_id)
    assert row is not None
    assert (row.instance_id, row.execution_id, row.name) == ("a#1", execution_id, "orch")
    assert (row.runtime_status, row.input, row.output, row.custom_status) == ("Pending", '"x"', None, None)
    assert (row.created_at, row.completed_at, row.generation) == (event.timestamp, None, 0)
    assert raw.keys() == {
        "PartitionKey",
        "RowKey",
        "Input",
        "CreatedTime",
        "Name",
        "RuntimeStatus",
        "LastUpdatedTime",
        "TaskHubName",
        "ExecutionId",
        "Generation",
        "Tags",
        "ParentInstanceId",
    }
    assert (raw["TaskHubName"], raw["Tags"], raw["Generation"]) == (hub_name, "null", 0)


async def test_an_instance_that_was_never_started_is_none(connection_string: str, hub_name: str) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        assert await TaskHubClient(hub).get_instance("nobody") is None


async def test_of_two_starts_of_one_id_the_first_keeps_the_row(connection_string: str, hub_name: str) -> None:
    first, second = new_guid(), new_guid()
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        reader, client = Receiver(hub.queue_of("i")), TaskHubClient(hub)
        await client.start("orch", instance_id="i", execution_id=first, input=None)
        await client.start("orch", instance_id="i", execution_id=second, input=None)

        row = await client.get_instance("i")
    assert row is not None
    assert row.execution_id == first
    assert [m.data.message.target.execution_id for m in reader.taken] == [first]


async def test_a_restart_replaces_the_row_it_looked_at_and_no_other(connection_string: str, hub_name: str) -> None:
    instance = new_instance("i")
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        client = TaskHubClient(hub)
        await save(hub, first_episode(instance), last_episode(instance, [], '"old"'))
        seen = await client.get_instance("i")
        await client.start("orch", instance_id="i", execution_id="e2", input=None, generation=1, replaces=seen)
        await client.start("orch", instance_id="i", execution_id="e3", input=None, generation=1, replaces=seen)

        row = await client.get_instance("i")
    assert row is not None
    assert (row.execution_id, row.generation, row.runtime_status) == ("e2", 1, "Pending")
    assert (row.output, row.completed_at, row.custom_status) == (None, None, None)


async def test_a_scheduled_start_waits_in_the_queue(connection_string: str, hub_name: str) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        client, later = TaskHubClient(hub), now() + 1000 * TICKS_PER_SECOND
        await client.start("orch", instance_id="i", execution_id="e", input=None, scheduled_start_at=later)

        assert await hub.queue_of("i").receive(32) == []
        row = await client.get_instance("i")
    assert row is not None
    assert row.scheduled_start_at == later


@pytest.mark.parametrize("length", [20, 31_000, 50_000])
async def test_an_input_of_any_size_is_seen_at_once_and_after_the_first_episode(
    connection_string: str, hub_name: str, length: int
) -> None:
    text = '"' + "x" * length + '"'
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        reader, client = Receiver(hub.queue_of("a?b")), TaskHubClient(hub)
        await client.start("orch", instance_id="a?b", execution_id="e", input=text)
        before = await client.get_instance("a?b")
        instance = OrchestrationInstance(instance_id="a?b", execution_id="e")
        await save(hub, first_episode(instance, input=text))
        after = await client.get_instance("a?b")
        with TableClient.from_connection_string(connection_string, hub.names.instances_table) as table:
            cell = table.get_entity("a^3b", "")["Input"]

    assert before is not None
    assert after is not None
    assert before.input == after.input == text
    assert cell.startswith("http") == (length > 30_720)
    assert len(reader.taken) == 1


async def test_a_large_output_is_a_url_in_the_row_and_a_text_for_clients(connection_string: str, hub_name: str) -> None:
    instance, text = new_instance("ü b"), '"' + "y" * 70_000 + '"'
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        written = await save(hub, first_episode(instance, "a"), last_episode(instance, [text], text))
        row = await TaskHubClient(hub).get_instance("ü b")
        with TableClient.from_connection_string(connection_string, hub.names.instances_table) as table:
            cell = table.get_entity("ü b", "")["Output"]

    assert row is not None
    assert (row.output, row.runtime_status) == (text, "Completed")
    assert cell == hub.payloads.url_of(written.blob_names[-1])
    assert "/%C3%BC%20b/history-0000000000000006-ExecutionCompleted-" in cell


async def test_a_blob_is_found_whatever_address_its_writer_used(connection_string: str, hub_name: str) -> None:
    instance, text = new_instance("i"), '"' + "y" * 70_000 + '"'
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        written = await save(hub, first_episode(instance), last_episode(instance, [], text))
        url = f"https://elsewhere.example/{hub.names.large_messages_container}/{written.blob_names[0]}"
        with TableClient.from_connection_string(connection_string, hub.names.instances_table) as table:
            table.update_entity({"PartitionKey": "i", "RowKey": "", "Output": url})
        row = await TaskHubClient(hub).get_instance("i")

    assert row is not None
    assert row.output == text


@pytest.mark.parametrize("text", ["https://example.org/page", "http://x", '"https://example.org/"'])
async def test_an_output_that_looks_like_a_url_is_just_a_text(connection_string: str, hub_name: str, text: str) -> None:
    instance = new_instance("i")
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        await save(hub, first_episode(instance), last_episode(instance, [], text))
        row = await TaskHubClient(hub).get_instance("i")

    assert row is not None
    assert row.output == text


async def test_a_merge_keeps_what_it_does_not_name(connection_string: str, hub_name: str) -> None:
    instance = new_instance("i")
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        client = TaskHubClient(hub)
        await client.start("orch", instance_id="i", execution_id=instance.execution_id or "", input="1")
        first = first_episode(instance, "a", input="1")
        await save(hub, first, replace(first, update=replace(first.update, started=None, custom_status='"half"')))
        row = await client.get_instance("i")

    assert row is not None
    assert (row.runtime_status, row.input, row.custom_status) == ("Running", "1", '"half"')


async def test_an_instance_terminated_before_it_began_shows_it(connection_string: str, hub_name: str) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        client = TaskHubClient(hub)
        await client.start("orch", instance_id="i", execution_id="e", input=None)
        await hub.instances.mark_terminated("i", "enough", terminated_at=now(), now=now())
        await hub.instances.mark_terminated("nobody", "enough", terminated_at=now(), now=now())
        row = await client.get_instance("i")

        assert await client.get_instance("nobody") is None
    assert row is not None
    assert (row.runtime_status, row.output, row.completed_at is None) == ("Terminated", "enough", False)


async def test_instances_are_listed_by_id_page_by_page(connection_string: str, hub_name: str) -> None:
    ids = ["@counter@a", "@counter@b", "@other@a", "a#1", "a#2", "b"]
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        client = TaskHubClient(hub)
        for instance_id in reversed(ids):
            await client.start("orch", instance_id=instance_id, execution_id="e", input='"in"')
        listed: list[str] = []
        page = await client.list_instances(InstanceQuery(), top=0)
        empty = page.rows
        while page.continuation is not None:
            page = await client.list_instances(InstanceQuery(), top=4, continuation=page.continuation)
            listed += [row.instance_id for row in page.rows]
            assert len(page.rows) <= 4
        found = {
            query: tuple(row.instance_id for row in (await client.list_instances(query)).rows)
            for query in (
                InstanceQuery(id_prefix="a#"),
                InstanceQuery(entities_only=True),
                InstanceQuery(entity_name="Counter"),
                InstanceQuery(statuses=("Completed", "Failed")),
                InstanceQuery(created_from=now() - 60 * TICKS_PER_SECOND, created_to=now() + TICKS_PER_SECOND),
                InstanceQuery(created_to=now() - 60 * TICKS_PER_SECOND),
            )
        }
        without_input = await client.list_instances(InstanceQuery(id_prefix="b", with_input=False))

    assert (empty, listed) == ((), ids)
    assert list(found.values()) == [tuple(ids[3:5]), tuple(ids[:3]), tuple(ids[:2]), (), tuple(ids), ()]
    assert without_input.rows[0].input is None


async def test_a_foreign_continuation_token_is_refused_with_advice(connection_string: str, hub_name: str) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        with pytest.raises(ValueError, match="leave it out"):
            await TaskHubClient(hub).list_instances(InstanceQuery(), continuation="bm9uc2Vuc2U=")


async def test_events_to_an_instance_are_for_any_execution_of_it(connection_string: str, hub_name: str) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        await TaskHubClient(hub).send_to_instance("i", EventRaised(timestamp=1, name="go", input="1"))
        (message,) = await hub.queue_of("i").receive(32)

    assert message.data.message.target == OrchestrationInstance(instance_id="i", execution_id=None)
    assert (message.data.sender.instance_id, message.data.episode) == ("", None)


async def test_a_purge_removes_all_of_one_instance_and_nothing_of_others(connection_string: str, hub_name: str) -> None:
    big = '"' + "x" * 70_000 + '"'
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        client = TaskHubClient(hub)
        for instance_id in ("a#", "a#b"):
            await client.start("orch", instance_id=instance_id, execution_id="e", input=big)
            instance = OrchestrationInstance(instance_id=instance_id, execution_id="e")
            await save(hub, first_episode(instance, *["act"] * 120, input=big), last_episode(instance, [], big))

        await client.purge("a#")

        assert await client.get_instance("a#") is None
        assert (await hub.history.load("a#", None)).etag is None
        assert (await client.get_instance("a#b")) is not None
        assert (await hub.history.load("a#b", None)).events
        assert {name.partition("/")[0] for name in instance_blobs(connection_string, hub)} == {"a#b", "a^2b"}
        await client.purge("a#")  # again, with nothing left


async def test_a_purge_by_filter_counts_what_it_removed(connection_string: str, hub_name: str) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        client = TaskHubClient(hub)
        for number in range(3):
            instance = new_instance(f"done{number}")
            await save(hub, first_episode(instance), last_episode(instance, [], None))
        await save(hub, first_episode(new_instance("running")))

        assert await client.purge_where(InstanceQuery(statuses=("Completed", "Failed"))) == 3
        assert await client.purge_where(InstanceQuery(statuses=("Completed",))) == 0
        left = await client.list_instances(InstanceQuery())
    assert [row.instance_id for row in left.rows] == ["running"]


async def test_a_start_survives_its_history_being_of_an_older_execution(connection_string: str, hub_name: str) -> None:
    old, new = new_instance("i"), new_instance("i")
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        await save(hub, first_episode(old), last_episode(old, [], None))
        await save(hub, first_episode(new))
        row = await TaskHubClient(hub).get_instance("i")

    assert row is not None
    assert (row.execution_id, row.runtime_status) == (new.execution_id, "Running")
