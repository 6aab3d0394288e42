"""A hub that a killed host left with everything in mid-flight is carried on by the next host without loss."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from durable_host.azurite import Azurite
from host_process import HostClient, StorageWitness, wait_until
from kill.recorded_app import RecordedAppHub

LARGE = "x" * 90_000
EVENT = {"from": "the second host"}


def leave_behind(client: HostClient) -> None:
    """Start instances of every kind, and wait until each is where the next host shall find it."""
    for name in ("done-before", "to-be-queried"):
        client.start("chain", instance_id=name)
    client.start("event", instance_id="terminated-before")
    client.start("event", instance_id="suspended")
    client.start("event", instance_id="waiting")
    client.start("several_events", instance_id="half-of-its-events")
    client.start("parent_of_event", instance_id="parent")
    client.start("large_then_event", instance_id="large-then-event")
    client.start("entity_then_event", instance_id="entity-then-event")
    client.start("timer_days", instance_id="timer-of-days")
    client.signal("counter", "signalled-before", "add", 5)
    client.wait_for("done-before")
    for waiting in ("terminated-before", "suspended", "waiting", "half-of-its-events", "timer-of-days"):
        client.wait_for(waiting, {"Running"})
    client.operate("terminate", "terminated-before", "enough")
    client.operate("suspend", "suspended", "a pause")
    client.raise_event("half-of-its-events", "b", 2)
    client.wait_for("terminated-before")
    client.wait_for("suspended", {"Suspended"})
    client.wait_for("parent-child", {"Running"})
    wait_until(lambda: has_event(client, "half-of-its-events", "EventRaised"), "an event is in the history")
    wait_until(lambda: has_event(client, "large-then-event", "TaskCompleted"), "a large result is in the history")
    wait_until(lambda: has_event(client, "entity-then-event", "EventRaised"), "the entity has answered")
    client.start("slow_fan_out", {"n": 60, "seconds": 0.2}, instance_id="half-done")
    client.start("timer_seconds", 6, instance_id="timer-for-the-next")
    client.start("timer_seconds", 2, instance_id="timer-in-between")
    wait_until(lambda: has_event(client, "half-done", "TaskCompleted"), "a fan-out is half done")
    client.start("retry_1500", instance_id="between-attempts")
    wait_until(lambda: has_event(client, "between-attempts", "TaskFailed"), "a first attempt has failed")


def leave_unread(client: HostClient) -> None:
    """Ask for what the host acknowledges but has hardly begun when it is killed."""
    client.raise_event("waiting", "go", {"from": "the first host"})
    client.signal("counter", "signalled-late", "add", 7)
    for number in range(6):
        client.start("large", 70_000, instance_id=f"unread-large-{number}")
        client.start("sub_fan_out", instance_id=f"unread-children-{number}")
        client.start("entity_calls", instance_id=f"unread-entity-{number}")


def carry_on(client: HostClient) -> None:
    """Give those that wait for somebody what they wait for."""
    client.raise_event("suspended", "go", EVENT)
    client.operate("resume", "suspended", "on")
    client.raise_event("parent-child", "go", EVENT)
    client.raise_event("half-of-its-events", "a", 1)
    client.raise_event("large-then-event", "go", EVENT)
    client.raise_event("entity-then-event", "go", EVENT)
    client.operate("terminate", "timer-of-days", "long enough")


def expected_outcomes() -> dict[str, tuple[str, Any]]:
    """How each instance must end: its status and its output."""
    chain = ["Tokyo", {"city": "Tokyo", "n": 1}, None]
    entity_calls = [8, "entity operation failed"]
    return {
        "done-before": ("Completed", chain),
        "to-be-queried": ("Completed", chain),
        "terminated-before": ("Terminated", "enough"),
        "suspended": ("Completed", EVENT),
        "waiting": ("Completed", {"from": "the first host"}),
        "half-of-its-events": ("Completed", [1, 2]),
        "parent": ("Completed", {"child": EVENT}),
        "parent-child": ("Completed", EVENT),
        "large-then-event": ("Completed", {"event": EVENT, "same": True, "size": len(LARGE)}),
        "entity-then-event": ("Completed", [EVENT, 5]),
        "timer-of-days": ("Terminated", "long enough"),
        "half-done": ("Completed", list(range(60))),
        "timer-for-the-next": ("Completed", "fired"),
        "timer-in-between": ("Completed", "fired"),
        **{f"unread-large-{number}": ("Completed", "x" * 70_000) for number in range(6)},
        **{f"unread-children-{number}": ("Completed", [0, 1, 2, 3]) for number in range(6)},
        **{f"unread-entity-{number}": ("Completed", entity_calls) for number in range(6)},
    }


def has_event(client: HostClient, instance_id: str, event_type: str) -> bool:
    return any(event["EventType"] == event_type for event in client.history(instance_id))


def attempts_and_end(witness: StorageWitness, instance_id: str) -> tuple[int, str]:
    """How often an activity was tried, and what its last attempt, and so its orchestration, must have become."""
    kinds = witness.instance(instance_id).event_types
    ends = [kind for kind in kinds if kind in ("TaskCompleted", "TaskFailed")]
    return kinds.count("TaskScheduled"), "Completed" if ends[-1] == "TaskCompleted" else "Failed"


@pytest.mark.long
def test_second_host_carries_on_everything_that_a_killed_host_left(azurite: Azurite, tmp_path: Path) -> None:
    hub = RecordedAppHub(tmp_path, name=f"Kill{uuid.uuid4().hex[:12]}", connection_string=azurite.connection_string)
    with hub.start_host() as first, first.client() as client:
        leave_behind(client)
        leave_unread(client)
        first.kill()
    expected = expected_outcomes()
    with hub.witness() as witness:
        known = set(witness.instances()) | witness.rows_without_history()
        assert {instance_id for instance_id in expected if not instance_id.endswith("-child")} <= known
        unfinished = [one for one in witness.instances().values() if one.runtime_status in ("Running", "Suspended")]
        assert len(unfinished) >= 10, "the host was to be killed in the middle of its work"

    with hub.start_host() as second, second.client() as client:
        carry_on(client)
        outcomes = {
            instance_id: (status["runtimeStatus"], status["output"])
            for instance_id in expected
            if (status := client.wait_for(instance_id, seconds=60))
        }
        # The app, which counts its runs, began anew with the process; the history, which counts attempts, did not.
        retried = client.wait_for("between-attempts")
        wait_until(lambda: entity_state(client, "signalled-late") == 7, "the late signal has arrived")
        with hub.witness() as witness:
            stored = {
                instance_id: (instance.runtime_status, instance.output_value)
                for instance_id, instance in witness.instances().items()
                if instance_id in expected
            }
            attempts, last_end = attempts_and_end(witness, "between-attempts")

    assert outcomes == expected
    assert stored == expected
    assert attempts == 3
    assert retried["runtimeStatus"] == last_end


def entity_state(client: HostClient, key: str) -> object:
    answer = client.call("GET", f"/runtime/webhooks/durabletask/entities/counter/{key}")
    return answer.json() if answer.status == 200 else None
