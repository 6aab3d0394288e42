"""Two hosts on one task hub share its work, and one of them is enough when the other dies."""

from __future__ import annotations

import contextlib

import pytest

from host_process import wait_until
from kill.hosts import TestHub, squares

pytestmark = pytest.mark.long

INSTANCES = 6
COUNT = 20


def wait_until_partitions_are_shared(hub: TestHub, hosts: int) -> None:
    """Wait until so many hosts own partitions, and no partition is without an owner."""
    with hub.witness() as witness:

        def are_shared() -> bool:
            owners = witness.owners()
            return None not in owners.values() and len(set(owners.values())) == hosts

        wait_until(are_shared, f"{hosts} hosts own the partitions")


def test_two_hosts_share_the_work_and_one_finishes_it_when_the_other_is_killed(hub: TestHub) -> None:
    with contextlib.ExitStack() as hosts:
        first, second = hub.start_host(), hub.start_host()
        hosts.callback(first.stop)
        hosts.callback(second.stop)
        wait_until_partitions_are_shared(hub, 2)
        with first.client() as client:
            shared = [
                client.start("fan_out", {"count": COUNT, "milliseconds": 30}, instance_id=f"shared-{number}")
                for number in range(INSTANCES)
            ]
            outputs = [client.wait_for(instance_id)["output"] for instance_id in shared]

        assert outputs == [squares(COUNT)] * INSTANCES
        assert {run.pid for run in hub.activity_runs()} == {first.pid, second.pid}

        with second.client() as client:
            orphaned = [
                client.start("fan_out", {"count": COUNT, "milliseconds": 100}, instance_id=f"orphaned-{number}")
                for number in range(INSTANCES)
            ]
            wait_until(
                lambda: any(run.pid == first.pid and run.instance_id in orphaned for run in hub.activity_runs()),
                "the host that will be killed works on what it will leave behind",
            )
            first.kill()
            outputs = [client.wait_for(instance_id)["output"] for instance_id in orphaned]

        assert outputs == [squares(COUNT)] * INSTANCES
        wait_until_partitions_are_shared(hub, 1)


def test_host_that_is_stopped_finishes_what_runs_and_gives_its_partitions_back(hub: TestHub) -> None:
    instances = [f"stopped-{number}" for number in range(3)]
    with hub.start_host() as host, host.client() as client:
        for instance_id in instances:
            client.start("fan_out", {"count": COUNT, "milliseconds": 200}, instance_id=instance_id)
        wait_until(lambda: len(hub.activity_runs()) > 5, "some activities have run")

        exit_code = host.stop()

        assert exit_code == 0, host.log_text
        with hub.witness() as witness:
            assert set(witness.owners().values()) == {None}
            assert any(stored.runtime_status == "Running" for stored in witness.instances().values())

    with hub.start_host() as host, host.client() as client:
        outputs = [client.wait_for(instance_id)["output"] for instance_id in instances]

    assert outputs == [squares(COUNT)] * len(instances)
    # Nothing died, so nothing had to be done twice.
    assert {runs for instance_id in instances for runs in hub.runs_of(instance_id).values()} == {1}
