"""Workers share a hub's partitions evenly, hand them over in order, and take them from workers that died."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from azure.data.tables import TableClient
from azure.storage.blob import BlobClient, ContainerClient
from hypothesis import given
from hypothesis import strategies as st

from durable_engine import TICKS_PER_SECOND
from durable_host.clock import now
from durable_host.task_hub import TaskHub
from durable_host.task_hub.leases.app_lease import app_lease_id
from durable_host.task_hub.leases.partition_leases import PartitionLease, plan_pass, plan_release
from host.task_hub_steps import short_options
from host_process import StorageProxy, soon

QUEUES = tuple(f"hub-control-{index:02d}" for index in range(4))
NOW, LEASE = 10_000, 100


def owned_by(owner: str | None, *, until: int = NOW + 50, **changes: object) -> PartitionLease:
    lease = PartitionLease(queue=QUEUES[0], current_owner=owner, owned_since=1, last_renewal=2, expires_at=until)
    return replace(lease, **changes)  # type: ignore[arg-type]  # the changes are the test's own


def plan(*leases: PartitionLease, drained: bool = False) -> list[PartitionLease]:
    named = [replace(lease, queue=QUEUES[index]) for index, lease in enumerate(leases)]
    return plan_pass(named, me="me", now=NOW, duration=LEASE, drained=QUEUES if drained else ())


@pytest.mark.parametrize(
    "lease",
    [
        PartitionLease(queue=QUEUES[0]),
        owned_by(None),
        owned_by(None, next_owner="me"),
        owned_by("dead", until=NOW),
        owned_by("dead", until=NOW, next_owner="other", is_draining=True),
    ],
)
def test_a_lease_that_is_free_or_ran_out_is_claimed(lease: PartitionLease) -> None:
    (claimed,) = plan(lease)

    assert (claimed.current_owner, claimed.next_owner, claimed.is_draining) == ("me", None, False)
    assert (claimed.owned_since, claimed.last_renewal, claimed.expires_at) == (NOW, NOW, NOW + LEASE)


@pytest.mark.parametrize("lease", [owned_by("other"), owned_by(None, next_owner="other")])
def test_a_lease_of_another_is_left_alone(lease: PartitionLease) -> None:
    (planned,) = plan(lease)

    assert (planned.current_owner, planned.expires_at) == (lease.current_owner, lease.expires_at)


def test_an_own_lease_is_renewed() -> None:
    (renewed,) = plan(owned_by("me"))

    assert (renewed.current_owner, renewed.owned_since) == ("me", 1)
    assert (renewed.last_renewal, renewed.expires_at) == (NOW, NOW + LEASE)


def test_an_own_lease_that_is_asked_for_drains_and_then_is_given() -> None:
    (draining,) = plan(owned_by("me", next_owner="other"))
    (still_draining,) = plan(draining)
    (given_away,) = plan(draining, drained=True)

    assert (draining.current_owner, draining.is_draining, draining.expires_at) == ("me", True, NOW + LEASE)
    assert still_draining.current_owner == "me"
    assert (given_away.current_owner, given_away.next_owner, given_away.is_draining) == (None, "other", False)


def test_a_lease_of_a_worker_that_stops_is_asked_for() -> None:
    (asked_for,) = plan(owned_by("other", is_draining=True))

    assert (asked_for.current_owner, asked_for.next_owner, asked_for.is_draining) == ("other", "me", True)


def test_a_newcomer_asks_for_its_half_at_once() -> None:
    planned = plan(*[owned_by("other")] * 4)

    assert [lease.next_owner for lease in planned] == ["me", "me", None, None]


def test_leases_are_not_asked_for_where_the_spread_is_one() -> None:
    planned = plan(owned_by("me"), owned_by("other"), owned_by("other"))

    assert [lease.next_owner for lease in planned] == [None, None, None]


def test_a_stop_drains_first_and_then_releases() -> None:
    draining = plan_release(owned_by("me"), now=NOW, duration=LEASE, is_drained=True)
    released = plan_release(draining, now=NOW + 1, duration=LEASE, is_drained=True)

    assert (draining.current_owner, draining.is_draining) == ("me", True)
    assert (released.current_owner, released.next_owner, released.is_draining) == (None, None, False)
    assert (released.owned_since, released.last_renewal, released.expires_at) == (1, NOW, NOW + LEASE)


@given(
    owners=st.lists(st.sampled_from([None, "a", "b", "c"]), min_size=1, max_size=16),
    order=st.lists(st.sampled_from("abc"), min_size=60, max_size=60),
    workers=st.sampled_from(["abc", "ab", "a"]),
)
def test_in_whatever_order_workers_pass_all_end_with_an_even_share(
    owners: list[str | None], order: list[str], workers: str
) -> None:
    """Workers that are not among the living never renew, so what they own runs out."""
    leases = [
        replace(owned_by(owner), queue=f"q{index}", expires_at=NOW + (50 if owner and owner in workers else 0))
        for index, owner in enumerate(owners)
    ]
    moment = NOW
    for worker in [*(w for w in order if w in workers), *(workers * 40)]:
        moment += 1
        drained = [lease.queue for lease in leases if lease.current_owner == worker and lease.is_draining]
        leases = plan_pass(leases, me=worker, now=moment, duration=1000, drained=drained)

    shares = [sum(lease.current_owner == worker for lease in leases) for worker in workers]
    assert sum(shares) == len(leases)
    assert max(shares) - min(shares) <= 1
    assert not any(lease.next_owner or lease.is_draining for lease in leases)


class Reader:
    """A listener that notes what it reads; ``busy`` partitions take their time to drain."""

    def __init__(self) -> None:
        self.reads: set[int] = set()
        self.notes: list[str] = []
        self.may_drain = asyncio.Event()
        self.may_drain.set()

    def partition_acquired(self, index: int) -> None:
        assert index not in self.reads
        self.reads.add(index)
        self.notes.append(f"acquired {index}")

    async def drain_partition(self, index: int) -> None:
        self.notes.append(f"drain {index}")
        await self.may_drain.wait()
        self.reads.discard(index)

    def partition_lost(self, index: int) -> None:
        self.reads.discard(index)
        self.notes.append(f"lost {index}")


def raw_leases(connection_string: str, hub: TaskHub) -> dict[str, dict[str, object]]:
    with TableClient.from_connection_string(connection_string, hub.names.partitions_table) as table:
        return {row["RowKey"]: dict(row) for row in table.list_entities()}


async def test_a_lone_worker_owns_everything_and_releases_it_at_the_end(connection_string: str, hub_name: str) -> None:
    reader = Reader()
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        hub.start_partitions(reader)
        await soon(lambda: len(reader.reads) == 4, "the partitions are owned")
        owned, while_owned = hub.partitions.owned, raw_leases(connection_string, hub)
        await hub.stop_partitions()
        after = raw_leases(connection_string, hub)

    assert owned == {0, 1, 2, 3}
    assert {row["CurrentOwner"] for row in while_owned.values()} == {hub.worker_name}
    assert [set(row) for row in after.values()] == [
        {"PartitionKey", "RowKey", "IsDraining", "OwnedSince", "LastRenewal", "ExpiresAt"}
    ] * 4
    assert reader.reads == set()
    assert [note for note in reader.notes if note.startswith("drain")] == [f"drain {index}" for index in range(4)]


async def test_two_workers_end_with_two_partitions_each_and_never_read_one_together(
    connection_string: str, hub_name: str
) -> None:
    first, second = Reader(), Reader()
    options = short_options(hub_name, drain_seconds=60.0)
    async with TaskHub(connection_string, options) as hub, TaskHub(connection_string, options) as other:
        hub.start_partitions(first)
        await soon(lambda: len(first.reads) == 4, "the partitions are owned")
        first.may_drain.clear()
        other.start_partitions(second)
        await soon(lambda: sum(note.startswith("drain") for note in first.notes) == 2, "two are drained")
        assert second.reads == set(), "what drains is not read by the next owner yet"
        first.may_drain.set()
        await soon(lambda: len(first.reads) == len(second.reads) == 2, "the partitions are shared out")

        assert first.reads | second.reads == {0, 1, 2, 3}
        assert hub.partitions.owned == first.reads


async def test_a_worker_that_stops_hands_over_everything_at_once(connection_string: str, hub_name: str) -> None:
    first, second = Reader(), Reader()
    options = short_options(hub_name, lease_seconds=60.0)
    async with TaskHub(connection_string, options) as hub, TaskHub(connection_string, options) as other:
        hub.start_partitions(first)
        other.start_partitions(second)
        await soon(lambda: len(first.reads) == len(second.reads) == 2, "the partitions are shared out")

        await hub.stop_partitions()
        await soon(lambda: len(second.reads) == 4, "the partitions are owned", 3.0)
    assert first.reads == set()


async def test_a_dead_workers_partitions_are_taken_when_its_leases_ran_out(
    connection_string: str, hub_name: str
) -> None:
    first, second = Reader(), Reader()
    async with (
        TaskHub(connection_string, short_options(hub_name)) as hub,
        TaskHub(connection_string, short_options(hub_name)) as other,
    ):
        hub.start_partitions(first)
        await soon(lambda: len(first.reads) == 4, "the partitions are owned")
        assert hub._worker is not None
        hub._worker.cancel()
        assert hub.partitions._loop is not None
        hub.partitions._loop.cancel()  # as good as killed: it neither renews nor releases
        died_at = now()
        other.start_partitions(second)
        await soon(lambda: len(second.reads) == 4, "the partitions are owned")

        assert now() - died_at > 1.5 * TICKS_PER_SECOND, "nothing was taken before its lease ran out"


async def test_a_worker_gives_up_at_once_what_another_has_taken(connection_string: str, hub_name: str) -> None:
    reader = Reader()
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        hub.start_partitions(reader)
        await soon(lambda: len(reader.reads) == 4, "the partitions are owned")
        with TableClient.from_connection_string(connection_string, hub.names.partitions_table) as table:
            row = table.get_entity("", hub.control_queue(2).name)
            table.update_entity({**row, "CurrentOwner": "usurper"})

        await soon(lambda: "lost 2" in reader.notes, "partition 2 is lost")
        assert hub.partitions.owned == {0, 1, 3}


async def test_a_worker_whose_storage_is_away_stops_reading_before_its_leases_run_out(
    connection_string: str, hub_name: str
) -> None:
    reader, options = Reader(), short_options(hub_name, lease_seconds=1.0)
    async with StorageProxy(connection_string) as proxy, TaskHub(proxy.connection_string, options) as hub:
        hub.start_partitions(reader)
        await soon(lambda: len(reader.reads) == 4, "the partitions are owned")
        proxy.cut_after(0)

        await soon(lambda: not reader.reads, "nothing is read any more")
        assert hub.partitions.owned == set()


async def test_a_partition_that_does_not_drain_is_handed_over_after_its_time(
    connection_string: str, hub_name: str
) -> None:
    first, second = Reader(), Reader()
    options = short_options(hub_name, drain_seconds=0.3)
    async with TaskHub(connection_string, options) as hub, TaskHub(connection_string, options) as other:
        hub.start_partitions(first)
        await soon(lambda: len(first.reads) == 4, "the partitions are owned")
        first.may_drain.clear()

        other.start_partitions(second)
        await soon(lambda: len(second.reads) == 2, "the partitions are owned")
    assert sum(note.startswith("lost") for note in first.notes) >= 2


async def test_an_app_of_another_name_gets_no_partitions(
    connection_string: str, hub_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    ours, theirs = Reader(), Reader()
    options = short_options(hub_name)
    async with (
        TaskHub(connection_string, options) as hub,
        TaskHub(connection_string, replace(options, app_name="another", app_lease_retry_seconds=0.05)) as other,
    ):
        hub.start_partitions(ours)
        await soon(lambda: len(ours.reads) == 4, "the partitions are owned")
        other.start_partitions(theirs)
        await soon(lambda: "Another app holds the lease" in caplog.text, "the other app is named")

        assert (len(ours.reads), theirs.notes) == (4, [])


async def test_a_partition_that_was_resigned_is_released_and_taken_again_later(
    connection_string: str, hub_name: str
) -> None:
    reader = Reader()
    async with TaskHub(connection_string, short_options(hub_name, lease_seconds=0.6, lease_renew_seconds=0.1)) as hub:
        hub.start_partitions(reader)
        await soon(lambda: len(reader.reads) == 4, "the partitions are owned")

        hub.partitions.resign(2)

        await soon(lambda: "lost 2" in reader.notes, "partition 2 is lost")
        owner = raw_leases(connection_string, hub)[hub.control_queue(2).name].get("CurrentOwner")
        await soon(lambda: len(reader.reads) == 4, "it is taken again")
    assert owner is None


async def test_container_of_the_app_lease_that_is_lost_is_told_of_in_lines_and_costs_no_partition(
    connection_string: str, hub_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    reader = Reader()
    async with TaskHub(connection_string, short_options(hub_name, app_lease_renew_seconds=0.1)) as hub:
        hub.start_partitions(reader)
        await soon(lambda: len(reader.reads) == 4, "the partitions are owned")
        name = hub.names.app_lease_container
        with ContainerClient.from_connection_string(connection_string, name, api_version="2025-11-05") as container:
            container.delete_container(lease=app_lease_id(""))

        await soon(lambda: "lost 0" in reader.notes, "the partitions are given up")
        await soon(lambda: len(reader.reads) == 4, "they are owned again")

    told = [record.message for record in caplog.records]
    assert sum("had lost a part (ContainerNotFound)" in text for text in told) == 1
    assert "The app lease could not be taken, and is tried again: The specified container does not exist." in told
    assert not any("\n" in text for text in told)


async def test_garbage_in_the_blob_of_the_app_lease_costs_no_partition(connection_string: str, hub_name: str) -> None:
    reader = Reader()
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        place = hub.names.app_lease_container, hub.names.app_lease_blob
        with BlobClient.from_connection_string(connection_string, *place, api_version="2025-11-05") as blob:
            blob.upload_blob(b"[" * 99_999, overwrite=True)
        hub.start_partitions(reader)

        await soon(lambda: len(reader.reads) == 4, "the partitions are owned")


async def test_garbage_in_the_partitions_table_costs_no_partition(
    connection_string: str, hub_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        with TableClient.from_connection_string(connection_string, hub.names.partitions_table) as table:
            queue = hub.control_queue(1).name
            table.upsert_entity({"PartitionKey": "", "RowKey": "notes", "CurrentOwner": 5})
            table.upsert_entity({"PartitionKey": "other", "RowKey": queue, "CurrentOwner": "nobody"})
            table.upsert_entity({"PartitionKey": "", "RowKey": queue, "CurrentOwner": 5, "ExpiresAt": "soon"})
    reader = Reader()
    async with TaskHub(connection_string, short_options(hub_name)) as hub:
        hub.start_partitions(reader)

        await soon(lambda: len(reader.reads) == 4, "the partitions are owned")

    assert f"The lease of queue {queue} cannot be read, and is taken for a free one" in caplog.text


async def test_lease_whose_row_is_deleted_is_made_anew_and_its_queue_is_read_again(
    connection_string: str, hub_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    reader = Reader()
    async with TaskHub(connection_string, short_options(hub_name, lease_seconds=0.6, lease_renew_seconds=0.1)) as hub:
        hub.start_partitions(reader)
        await soon(lambda: len(reader.reads) == 4, "the partitions are owned")
        queue = hub.control_queue(1).name
        with TableClient.from_connection_string(connection_string, hub.names.partitions_table) as table:
            table.delete_entity("", queue)

        await soon(lambda: queue in caplog.text, "it is named")
        await soon(lambda: raw_leases(connection_string, hub).get(queue, {}).get("CurrentOwner"), "it is owned again")
        await soon(lambda: len(reader.reads) == 4, "all are read again")

    assert f"The lease of queue {queue} is gone, and is made anew." in caplog.text


async def test_partition_counts_as_lost_once_its_lease_has_run_out(connection_string: str, hub_name: str) -> None:
    """A host that was frozen sends nothing before it has looked at the clock."""
    moments = [now()]
    async with TaskHub(connection_string, short_options(hub_name), now=lambda: moments[-1]) as hub:
        hub.start_partitions(Reader())
        await soon(lambda: len(hub.partitions.owned) == 4, "all are owned")
        had = hub.partitions.has_lost(0)
        moments.append(now() + 3600 * TICKS_PER_SECOND)

        assert (had, hub.partitions.has_lost(0)) == (False, True)
        moments.append(moments[0])
