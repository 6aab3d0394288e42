"""The runs that the takeover tests cut off are the recorded ones, though much of them had to be filled in."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

import pytest

from durable_engine import ticks_from_text
from durable_host.task_hub.base.names import partition_of
from engine.tokens import with_tokens
from takeover.filled_run import filled_run
from takeover.hub_invariants import what_is_lost
from takeover.hub_state import HISTORY, INSTANCES, WORK_ITEMS, Delete, HubState, Put, Step, Take, Write
from takeover.recorded_requests import RECORDINGS, SCENARIOS, RunNames, StorageRequest, recorded_requests, scenario
from takeover.recorded_run import recorded_run

NAMES = RunNames(tag="run", hub="SomeHub", blob_endpoint="http://127.0.0.1:1/account")
BEGAN_AT = ticks_from_text("2026-11-23T10:00:00Z")
Row = Mapping[str, Any]


def comparable(rows: list[Row], columns: list[str] | None = None) -> Any:
    """Rows without what storage adds, and with tokens for what differs between runs."""
    chosen = [
        {
            name: cell
            for name, cell in row.items()
            if not name.startswith("odata.")
            and not name.endswith("@odata.type")
            and name != "Timestamp"
            and (columns is None or name in columns)
        }
        for row in rows
    ]
    text = json.dumps(with_tokens(chosen), sort_keys=True).replace("<timeT.f>+00:00", "<timeT.f+00:00>")
    return json.loads(text)


def is_asked_for(row: Row, query: str) -> bool:
    """Whether a row is among those that a query of the real host asks for, given the right partition."""
    if status := re.search(r"\(OrchestrationStatus eq 'Failed' or (.*)\)", query):
        kinds = re.findall(r"EventType eq '(\w+)'", status[1])
        return row.get("OrchestrationStatus") == "Failed" or row.get("EventType") in kinds
    kinds, numbers = re.findall(r"EventType eq '(\w+)'", query), re.findall(r"EventId eq (\d+)", query)
    is_kind = not kinds or row.get("EventType") in kinds
    return is_kind and (not numbers or str(row.get("EventId")) in numbers)


def answers_of(request: StorageRequest, steps: list[Step]) -> tuple[Any, Any]:
    """What the real host was answered, and what the steps up to then answer."""
    path = unquote(request.path)
    partition = re.search(r"PartitionKey eq '([^']*)'", path)
    assert partition is not None
    columns = re.search(r"\$select=([^&]*)", path)
    state = HubState.after(step for step in steps if step.at_ms < request.at_ms)
    rows = state.partition(HISTORY if "History()" in path else INSTANCES, partition[1])
    chosen = columns[1].split(",") if columns else None
    return (
        comparable(json.loads(request.reply)["value"], chosen),
        comparable([row for row in rows if is_asked_for(row, path)], chosen),
    )


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_read_of_the_real_host_finds_what_the_steps_before_it_wrote(name: str) -> None:
    steps = recorded_run(name, NAMES)
    reads = [r for r in recorded_requests(name, NAMES) if r.service == "table" and r.method == "GET"]
    assert len(reads) >= 5

    for request in reads:
        recorded, ours = answers_of(request, steps)
        assert ours == recorded, f"request {request.number}"


def decided(kinds: Iterable[str]) -> Counter[str]:
    """How many events there are of each kind, those that begin and end an episode left out."""
    return Counter(kind for kind in kinds if kind not in ("OrchestratorStarted", "OrchestratorCompleted"))


@pytest.mark.parametrize("name", SCENARIOS)
def test_steps_end_with_the_rows_that_were_recorded_at_the_end(name: str) -> None:
    state = HubState.after(recorded_run(name, NAMES))
    compared = 0

    for token, recorded in scenario(name)["instances"].items():
        if token.startswith("<guid>"):
            continue  # a child whose id the recording had lost
        instance = NAMES.in_text(token)
        row = state.instance(instance)
        assert row is not None
        for column in ("Name", "RuntimeStatus", "CustomStatus"):
            assert row.get(column) == NAMES.in_text(recorded["row"].get(column, [None, ""])[1]), column
        kinds = [event["EventType"][1] for event in recorded["history"] if "EventType" in event]
        sentinel = state.partition(HISTORY, instance)[-1]
        rows = [row for row in state.partition(HISTORY, instance) if "EventType" in row]
        ours = [row["EventType"] for row in rows][: len(kinds)]
        if ours.count("OrchestratorStarted") == kinds.count("OrchestratorStarted"):
            assert ours == kinds
        else:  # rows and requests are of two runs, which may have had other results in one episode
            assert decided(row["EventType"] for row in rows) == decided(kinds)
        assert sentinel["RowKey"] == "sentinel"
        compared += 1

    assert compared


@pytest.mark.parametrize("name", SCENARIOS)
def test_filling_in_changes_nothing_but_tokens(name: str) -> None:
    recorded = HubState.after(recorded_run(name, NAMES)[:-1])
    filled = HubState.after(filled_run(name, NAMES, BEGAN_AT)[:-1])

    assert not re.search(r"<(guid|id\d|time[^>]*|hash|storage)>", repr(filled))
    assert comparable([*filled.rows.values()]) == comparable([*recorded.rows.values()])
    assert list(filled.messages) == list(recorded.messages)


@pytest.mark.parametrize("name", SCENARIOS)
def test_real_host_loses_nothing_wherever_it_dies(name: str) -> None:
    state = HubState()

    for step in filled_run(name, NAMES, BEGAN_AT):
        state.apply(step)
        assert not what_is_lost(state), step.label

    # Every message was deleted, but for the timer that is due in three days.
    assert [message.put.kind for message in state.messages.values()] == ["TimerFired"] * (name == "timer_days")


def concerns(step: Step, key: str) -> bool:
    """Whether a step puts, takes or deletes a message."""
    return key in step.keys if isinstance(step, Take) else isinstance(step, Put | Delete) and step.key == key


def test_invariants_notice_a_message_that_is_gone() -> None:
    lost: dict[str, int] = {}

    for name in SCENARIOS:
        steps = filled_run(name, NAMES, BEGAN_AT)
        for step in (step for step in steps if isinstance(step, Put)):
            # As if the message had been deleted the moment that it was put.
            state, is_lost = HubState(), False
            for other in steps:
                if not concerns(other, step.key):
                    state.apply(other)
                    is_lost = is_lost or bool(what_is_lost(state))
            lost[step.kind] = lost.get(step.kind, 0) + is_lost

    assert {kind for kind, times in lost.items() if times} == {
        "EventRaised",  # requests to entities, and their answers
        "ExecutionResumed",  # while a history has ended and its row does not say so
        "ExecutionStarted",
        "ExecutionTerminated",
        "SubOrchestrationInstanceCompleted",
        "TaskCompleted",
        "TaskFailed",
        "TaskScheduled",
        "TimerFired",
    }


def test_request_that_its_entity_keeps_until_the_one_before_it_comes_is_not_lost() -> None:
    state = HubState()
    for step in filled_run("entity_calls", NAMES, BEGAN_AT):
        state.apply(step)
        if isinstance(step, Write) and step.table == HISTORY and not step.partition_key.startswith("@"):
            break
    requests = [put for put in (m.put for m in state.messages.values()) if put.instance_id.startswith("@")]
    state.messages.clear()
    assert len(what_is_lost(state)) == 1

    entity, request = requests[-1].instance_id, requests[-1].event["Input"]
    sorter = {"ReceivedFromInstance": {"run": {"Last": "0001-01-01T00:00:00", "Buffered": {"": json.loads(request)}}}}
    events: list[dict[str, Any]] = [
        {"EventType": "OrchestratorStarted"},
        {"EventType": "ExecutionStarted", "Input": json.dumps({"sorter": sorter})},
        {"EventType": "OrchestratorCompleted"},
    ]
    rows = {f"{number:016X}": event for number, event in enumerate(events)}
    for key, row in {**rows, "sentinel": {"IsCheckpointComplete": True}}.items():
        state.rows[HISTORY, entity, key] = {"RowKey": key, "ExecutionId": "e", **row}

    assert not what_is_lost(state)


def recorded_queues() -> Iterator[tuple[str, str]]:
    """Children's ids, which the recordings kept in escaped JSON, and the control queue that each message went into."""
    for path in sorted(RECORDINGS.joinpath("storage").glob("*.jsonl")):
        text = path.read_text(encoding="utf-8")
        parent = re.search(r"u0022([0-9a-f-]{36}):\d", text)
        for queue, number in re.findall(
            r'control-(\d\d)/messages\?messagettl=-1.{0,500}?InstanceId\\":\\"<guid>:(\d)', text
        ):
            assert parent is not None
            yield f"{parent[1]}:{number}", queue


def test_messages_go_into_the_queues_that_were_recorded() -> None:
    found = list(recorded_queues())

    assert len(found) == 6
    for instance_id, queue in found:
        assert f"{partition_of(instance_id, 4):02d}" == queue


def test_activities_go_to_all_and_everything_else_to_its_instance() -> None:
    puts = [step for step in recorded_run("terminate", NAMES) if isinstance(step, Put)]

    assert {put.queue == WORK_ITEMS for put in puts if put.kind == "TaskScheduled"} == {True}
    assert {put.queue == put.instance_id for put in puts if put.kind != "TaskScheduled"} == {True}
