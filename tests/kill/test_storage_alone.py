"""A program that knows nothing of the host reads every instance of a mixed run from storage and agrees with the API."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from durable_host.azurite import Azurite
from host_process import HostClient, StorageWitness, StoredInstance, wait_until
from kill.recorded_app import RecordedAppHub

ENDED_BY_THEMSELVES = {
    "again": None,
    "any_fails": None,
    "big_status": None,
    "caught": None,
    "chain": None,
    "custom_error": None,
    "entity_batch": None,
    "entity_calls": None,
    "fan_out": 20,
    "ids_and_time": None,
    "input_kind": {"a": [1, None, "\u00e9"]},
    "large": 70_000,
    "retry_succeeds": None,
    "returns_at_once": None,
    "status_often": None,
    "sub": None,
    "sub_fails": None,
    "timer": None,
    "uncaught": None,
    "values": None,
}
MANAGEMENT = "/runtime/webhooks/durabletask"

pytestmark = pytest.mark.xdist_group("one mixed run")


@pytest.fixture(scope="session")
def mixed_run(
    azurite: Azurite, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[HostClient, StorageWitness]]:
    """A host that has run a bit of everything, and a witness of its storage."""
    name, folder = f"Kill{uuid.uuid4().hex[:12]}", tmp_path_factory.mktemp("mixed-run")
    hub = RecordedAppHub(folder, name=name, connection_string=azurite.connection_string)
    with hub.start_host() as host, host.client() as client, hub.witness() as witness:
        run_a_bit_of_everything(client)
        yield client, witness


def run_a_bit_of_everything(client: HostClient) -> None:
    """Start, end, leave, suspend, terminate, rewind, restart and purge instances, and signal an entity."""
    for name, data in ENDED_BY_THEMSELVES.items():
        client.start(name, data, instance_id=f"mixed-{name}")
    client.start("input_kind", "x" * 40_000, instance_id="mixed-large-input")
    client.start("chain", instance_id="odd #1 ^? \u00e9")
    for instance_id in ("waiting", "suspended", "resumed", "terminated"):
        client.start("event", instance_id=instance_id)
    client.start("timer_days", instance_id="timer-of-days")
    client.start("rewind_me", instance_id="rewound")
    client.start("chain", instance_id="purged")
    client.start("chain", instance_id="again-under-one-id")
    client.signal("ledger", "signalled", "note", {"n": 1})
    for instance_id in ("waiting", "suspended", "resumed", "terminated", "timer-of-days"):
        client.wait_for(instance_id, {"Running"})
    client.operate("suspend", "suspended", "a pause")
    client.operate("suspend", "resumed", "a pause")
    client.operate("terminate", "terminated", "enough")
    client.wait_for("resumed", {"Suspended"})
    client.operate("resume", "resumed", "on")
    client.wait_for("rewound", {"Failed"})
    client.operate("rewind", "rewound", "again")
    client.wait_for("again-under-one-id")
    client.start("uncaught", instance_id="again-under-one-id")
    client.wait_for("purged")
    assert client.call("DELETE", f"{MANAGEMENT}/instances/purged").status == 200
    for instance_id in [*(f"mixed-{name}" for name in ENDED_BY_THEMSELVES), "mixed-large-input", "odd #1 ^? \u00e9"]:
        client.wait_for(instance_id)
    client.wait_for("suspended", {"Suspended"})
    client.wait_for("resumed", {"Running"})
    client.wait_for("rewound", {"Completed"})
    client.wait_for("again-under-one-id", {"Failed"})


def as_the_api_tells_it(stored: StoredInstance) -> dict[str, Any]:
    """A status as the management API gives it, made from storage alone."""
    created, updated = stored.row["CreatedTime"], stored.row["LastUpdatedTime"]
    parent = {"parentInstanceId": stored.row["ParentInstanceId"]} if stored.row.get("ParentInstanceId") else {}
    return {
        "name": stored.name,
        "instanceId": stored.instance_id,
        **parent,
        "runtimeStatus": stored.runtime_status,
        "input": stored.input_value,
        "customStatus": stored.custom_status,
        "output": stored.output_value,
        "createdTime": f"{created:%Y-%m-%dT%H:%M:%SZ}",
        "lastUpdatedTime": f"{updated:%Y-%m-%dT%H:%M:%SZ}",
    }


def history_as_the_api_tells_it(stored: StoredInstance) -> list[str]:
    """The kinds of events that the API shows: not the episodes' boundaries, nor the beginnings of tasks that ended."""
    ended = {one.get("TaskScheduledId") for one in stored.events}
    hidden = {"OrchestratorStarted", "OrchestratorCompleted"}
    asked = {"TaskScheduled", "SubOrchestrationInstanceCreated"}
    return sorted(
        one["EventType"]
        for one in stored.events
        if one["EventType"] not in hidden and not (one["EventType"] in asked and one["EventId"] in ended)
    )


def test_storage_alone_tells_what_the_management_api_tells(mixed_run: tuple[HostClient, StorageWitness]) -> None:
    client, witness = mixed_run
    listed = {status["instanceId"]: status for status in client.call("GET", f"{MANAGEMENT}/instances").json()}

    stored = witness.instances()

    assert {name: as_the_api_tells_it(one) for name, one in stored.items()} == listed
    assert len(stored) > 30
    assert "purged" not in stored
    assert {one.runtime_status for one in stored.values()} == {
        "Completed",
        "Failed",
        "Running",
        "Suspended",
        "Terminated",
    }


def test_storage_alone_tells_every_event_of_every_history(mixed_run: tuple[HostClient, StorageWitness]) -> None:
    client, witness = mixed_run

    for instance_id, stored in witness.instances().items():
        shown = sorted(event["EventType"] for event in client.history(instance_id))
        assert history_as_the_api_tells_it(stored) == shown, instance_id


def test_row_of_an_instance_agrees_with_its_history(mixed_run: tuple[HostClient, StorageWitness]) -> None:
    _, witness = mixed_run

    for instance_id, stored in witness.instances().items():
        row = stored.row
        assert (row["RuntimeStatus"], row["ExecutionId"], row["Name"]) == (
            stored.runtime_status,
            stored.execution_id,
            stored.name,
        ), instance_id
        assert ("CompletedTime" in row) == (stored.runtime_status in ("Completed", "Failed", "Terminated")), instance_id


def test_nothing_is_left_in_the_queues_but_the_timer(mixed_run: tuple[HostClient, StorageWitness]) -> None:
    _, witness = mixed_run

    wait_until(lambda: sum(witness.message_counts().values()) == 1, "only the timer of ten days is left in the queues")
