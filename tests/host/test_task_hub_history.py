"""Histories are loaded as they were appended, by one writer at a time, whatever their length."""

from __future__ import annotations

import gzip
from dataclasses import replace
from typing import Any

import pytest
from azure.data.tables import TableClient
from azure.storage.blob import ContainerClient

from durable_engine import EventRaised, ExecutionCompleted, TaskCompleted, ticks_to_full_text
from durable_host.clock import now
from durable_host.task_hub import PayloadMissingError, SplitBrainError, TaskHub
from durable_host.task_hub.account.large_payloads import is_large_property
from host.task_hub_steps import checkpoint_of, first_episode, last_episode, new_instance, save, short_options, started

ODD_IDS = ["plain", "a#b/c?d\\e^f", "@counter@k 1", "it's", "é%20", "tab\tid", "x" * 256]


def raw_rows(connection_string: str, hub: TaskHub) -> list[dict[str, Any]]:
    """All history rows as another program reads them."""
    with TableClient.from_connection_string(connection_string, hub.names.history_table) as table:
        return [dict(row) for row in table.list_entities()]


@pytest.mark.parametrize("instance_id", ODD_IDS)
async def test_a_history_loads_as_it_was_appended(connection_string: str, hub_name: str, instance_id: str) -> None:
    instance = new_instance(instance_id)
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        written = await save(hub, first_episode(instance, "act"), last_episode(instance, ["1"], "[1]"))

        loaded = await hub.history.load(instance_id, None)
        by_execution = await hub.history.load(instance_id, instance.execution_id)

    assert (loaded.events, loaded.etag, loaded.execution_id) == (written.events, written.etag, instance.execution_id)
    assert by_execution == loaded
    assert len(loaded.events) == 8


async def test_another_program_finds_events_by_place_and_times_to_the_last_digit(
    connection_string: str, hub_name: str
) -> None:
    instance = new_instance("i")
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        written = await save(hub, first_episode(instance, "act"))
        rows = raw_rows(connection_string, hub)

    assert [row["RowKey"] for row in rows] == [f"{position:016X}" for position in range(4)] + ["sentinel"]
    assert [row["EventType"] for row in rows[:4]] == [event.kind for event in written.events]
    assert [row["_Timestamp"].tables_service_value for row in rows[:4]] == [
        ticks_to_full_text(event.timestamp) for event in written.events
    ]
    assert rows[4]["IsCheckpointComplete"] is True


async def test_an_instance_without_rows_has_an_empty_history(connection_string: str, hub_name: str) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        loaded = await hub.history.load("nobody", None)

    assert (loaded.events, loaded.execution_id, loaded.etag) == ((), None, None)


async def test_of_two_writers_of_a_new_history_one_is_refused(connection_string: str, hub_name: str) -> None:
    first, second = new_instance("i"), new_instance("i")
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        loaded = await hub.history.load("i", None)
        written = await hub.write_history(first_episode(first), loaded)

        with pytest.raises(SplitBrainError, match="Abandon the episode's messages") as refused:
            await hub.write_history(first_episode(second), loaded)

        assert (await hub.history.load("i", None)).events == written.events
    assert (refused.value.instance_id, refused.value.etag) == ("i", None)


async def test_of_two_writers_of_the_next_episode_one_is_refused(connection_string: str, hub_name: str) -> None:
    instance = new_instance("i")
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        loaded = await save(hub, first_episode(instance, "act"))
        written = await hub.write_history(last_episode(instance, ["1"], "1"), loaded)

        with pytest.raises(SplitBrainError) as refused:
            await hub.write_history(last_episode(instance, ["2"], "2"), loaded)

        assert (await hub.history.load("i", None)).events == written.events
    assert refused.value.etag == loaded.etag


async def test_a_history_of_another_execution_is_empty_but_guards_its_place(
    connection_string: str, hub_name: str
) -> None:
    old, new = new_instance("i"), new_instance("i")
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        before = await save(hub, first_episode(old, "a", "b"), last_episode(old, ["1", "2"], "3"))
        loaded = await hub.history.load("i", new.execution_id)
        restarted = await hub.apply_checkpoint(first_episode(new), loaded)
        after = await hub.history.load("i", None)

        with pytest.raises(SplitBrainError):
            await hub.write_history(first_episode(new_instance("i")), loaded)

    assert (loaded.events, loaded.etag) == ((), before.etag)
    assert (after.events, after.execution_id) == (restarted.events, new.execution_id)
    assert len(after.events) < len(before.events), "rows of the longer, older execution must be passed over"


async def test_a_restart_replaces_the_history_even_if_the_old_one_was_loaded(
    connection_string: str, hub_name: str
) -> None:
    old, new = new_instance("i"), new_instance("i")
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        loaded = await save(hub, first_episode(old, "a"), last_episode(old, ["1"], "1"))
        restarted = await hub.apply_checkpoint(first_episode(new), loaded)

        assert (await hub.history.load("i", None)).events == restarted.events
    assert [event.kind for event in restarted.events] == [
        "OrchestratorStarted",
        "ExecutionStarted",
        "OrchestratorCompleted",
    ]


@pytest.mark.parametrize("count", [96, 97, 98, 250])
async def test_a_long_checkpoint_is_written_in_several_transactions(
    connection_string: str, hub_name: str, count: int
) -> None:
    instance = new_instance("i")
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        written = await save(hub, first_episode(instance, *["act"] * count))
        loaded = await hub.history.load("i", None)
        rows = raw_rows(connection_string, hub)

    assert loaded.events == written.events
    assert loaded.etag == written.etag
    assert len(loaded.events) == count + 3
    assert sum(row["RowKey"] == "sentinel" and row["IsCheckpointComplete"] for row in rows) == 1


async def test_a_checkpoint_of_many_bytes_is_split_below_the_services_limit(
    connection_string: str, hub_name: str
) -> None:
    instance = new_instance("i")
    raised = [EventRaised(timestamp=now(), name="e", input='"' + "é" * 30_000 + '"') for _ in range(90)]
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        written = await save(hub, first_episode(instance), checkpoint_of(instance, raised, episode=2))

        assert (await hub.history.load("i", None)).events == written.events


@pytest.mark.parametrize(
    ("text", "is_large"),
    [("x" * 30_720, False), ("x" * 30_721, True), ("😀" * 15_360, False), ("😀" * 15_361, True), ("", False)],
)
def test_a_property_is_large_by_its_length_in_utf16(text: str, is_large: bool) -> None:
    assert is_large_property(text) is is_large


async def test_large_properties_are_in_gzipped_blobs_and_come_back(connection_string: str, hub_name: str) -> None:
    instance, big = new_instance("a#b"), '"' + "ü" * 40_000 + '"'
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        written = await save(hub, first_episode(instance, "act"), last_episode(instance, [big], big))
        loaded = await hub.history.load("a#b", None)
        rows = {row["RowKey"]: row for row in raw_rows(connection_string, hub)}
        with ContainerClient.from_connection_string(
            connection_string, hub.names.large_messages_container, api_version="2025-11-05"
        ) as container:
            names = list(container.list_blob_names())
            stored = gzip.decompress(container.download_blob(names[0]).readall()).decode()

    result, ended = rows[f"{5:016X}"], rows[f"{6:016X}"]
    assert loaded.events == written.events
    assert isinstance(loaded.events[5], TaskCompleted)
    assert (loaded.events[5].result, stored) == (big, big)
    assert (result["Result"], ended["Result"]) == ("", "")
    assert result["ResultBlobName"].startswith(f"a^2b/history-{5:016X}-TaskCompleted-")
    assert result["ResultBlobName"].endswith("-Result.json.gz")
    assert loaded.blob_names == written.blob_names == (result["ResultBlobName"], ended["ResultBlobName"])
    assert sorted(names) == sorted(written.blob_names)


async def test_a_missing_blob_is_named(connection_string: str, hub_name: str) -> None:
    instance = new_instance("i")
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        written = await save(hub, first_episode(instance, input="x" * 40_000))
        await hub.payloads.delete(written.blob_names)

        with pytest.raises(PayloadMissingError) as missing:
            await hub.history.load("i", None)
    assert missing.value.blob_name == written.blob_names[0]


async def test_continue_as_new_replaces_the_rows_and_removes_their_blobs(connection_string: str, hub_name: str) -> None:
    old, new = new_instance("i"), new_instance("i")
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        loaded = await save(hub, first_episode(old, "a", input="x" * 40_000))
        start = replace(started(new, "y" * 40_000), generation=None)
        again = await hub.apply_checkpoint(checkpoint_of(new, [start], replaces_history=True, started=start), loaded)
        after = await hub.history.load("i", None)
        with ContainerClient.from_connection_string(
            connection_string, hub.names.large_messages_container, api_version="2025-11-05"
        ) as container:
            names = list(container.list_blob_names())

    assert (after.events, after.execution_id) == (again.events, new.execution_id)
    assert loaded.blob_names
    assert names == list(again.blob_names)


async def test_columns_of_others_are_ignored_and_an_unfinished_checkpoint_is_read(
    connection_string: str, hub_name: str
) -> None:
    instance = new_instance("i")
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        written = await save(hub, first_episode(instance, "act"))
        with TableClient.from_connection_string(connection_string, hub.names.history_table) as table:
            row = table.get_entity("i", "0000000000000002")
            table.update_entity({**row, "Novelty": 3.5})
            table.update_entity({**table.get_entity("i", "sentinel"), "IsCheckpointComplete": False})

        assert (await hub.history.load("i", None)).events == written.events


async def test_rows_without_a_sentinel_are_read_by_their_own_execution(connection_string: str, hub_name: str) -> None:
    instance = new_instance("i")
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        written = await save(hub, first_episode(instance, "act"))
        with TableClient.from_connection_string(connection_string, hub.names.history_table) as table:
            table.delete_entity("i", "sentinel")

        loaded = await hub.history.load("i", None)
    assert (loaded.events, loaded.execution_id, loaded.etag) == (written.events, instance.execution_id, None)


async def test_an_ended_history_says_so_after_every_reading(connection_string: str, hub_name: str) -> None:
    instance = new_instance("i")
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        await save(hub, first_episode(instance), last_episode(instance, [], None))

        ended = (await hub.history.load("i", None)).events[-2]
    assert isinstance(ended, ExecutionCompleted)
    assert (ended.orchestration_status, ended.result, ended.is_played) == ("Completed", None, False)
