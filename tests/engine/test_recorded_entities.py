"""Every recorded batch of entity operations: payload, stored state, row and replies, as the real host made them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from durable_engine.entities.batch import run_entity_batch
from durable_engine.entities.messages import EntitySender, client_signal
from durable_engine.model.checkpoint import Checkpoint
from durable_engine.model.event_json import event_to_json
from durable_engine.model.events import EventRaised, HistoryEvent
from durable_engine.model.ticks import TICKS_PER_SECOND, Ticks, ticks_from_text
from engine.recorded_app import recorded_app
from engine.recorded_rows import IN_A_BLOB, event_of_row
from engine.recorded_storage import row_changes, scenarios_with_storage, sent_messages
from engine.recordings import RECORDINGS
from engine.sdk_warnings import SDK_WARNINGS
from engine.tokens import differences, filled, with_tokens

pytestmark = SDK_WARNINGS

Json = dict[str, Any]

FIRST = ticks_from_text("2026-11-23T10:46:15.3001369Z")
CALLER_EXECUTION = "df5d90e4-2c42-41a1-98d3-798cb74c9f93"
REQUEST_ID = "145f3aac-40ec-49b3-9457-c6d9ba7f7259"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EntityInvocation:
    """One call of an entity: what the host gave, and the answer."""

    scenario: str
    instance_id: str
    number: int
    payload: Json
    answer: Json

    @property
    def id(self) -> str:
        return f"{self.scenario}-{self.instance_id.replace('<', '').replace('>', '')}-{self.number}"

    @property
    def entity_id(self) -> str:
        """The entity's id; the recordings have one token for the whole id of an entity that a client signalled."""
        return f"@{self.payload['self']['name']}@{self.payload['self']['key']}"


def recorded(scenario: str) -> Mapping[str, Json]:
    path = RECORDINGS / "scenarios" / f"{scenario}.json"
    instances: Mapping[str, Json] = json.loads(path.read_text(encoding="utf-8"))["instances"]
    return instances


@cache
def entity_invocations() -> tuple[EntityInvocation, ...]:
    found = []
    for scenario in sorted(path.stem for path in RECORDINGS.joinpath("scenarios").glob("*.json")):
        for instance_id, data in recorded(scenario).items():
            calls = [call for call in data["episodes"] if call["kind"] == "entity"]
            found += [
                EntityInvocation(
                    scenario=scenario,
                    instance_id=instance_id,
                    number=number,
                    payload=call["payload"],
                    answer=call["result"],
                )
                for number, call in enumerate(calls)
            ]
    return tuple(found)


@dataclass(frozen=True, slots=True)
class BatchRun:
    given: str
    checkpoint: Checkpoint


@cache
def run_batches(scenario: str, instance_id: str) -> tuple[BatchRun, ...]:
    """Run all batches of an entity, each on what the one before has left."""
    sender = EntitySender("<id0>", CALLER_EXECUTION)
    past: tuple[HistoryEvent, ...] = ()
    runs = []
    for invocation in entity_invocations():
        if (invocation.scenario, invocation.instance_id) != (scenario, instance_id):
            continue
        now = FIRST + invocation.number * TICKS_PER_SECOND
        given: list[str] = []

        def code(payload: str, given: list[str] = given, invocation: EntityInvocation = invocation) -> str:
            given.append(payload)
            return json.dumps(filled(invocation.answer))

        checkpoint = run_entity_batch(
            invocation.entity_id,
            past,
            [request(operation, sender, invocation.entity_id, now) for operation in invocation.payload["batch"]],
            code,
            recorded_app().functions,
            now=now,
            new_id=lambda number=invocation.number: f"{number + 1:032x}",  # type: ignore[misc]  # a default binds it now
        )
        runs.append(BatchRun(given[0], checkpoint))
        past = checkpoint.events
    return tuple(runs)


def request(operation: Json, sender: EntitySender, entity_id: str, now: Ticks) -> EventRaised:
    """The message of an operation: in these scenarios, who knows the caller's id calls from an orchestration."""
    name, text = operation["name"], filled(operation["input"])
    if entity_id.endswith("@<id0>"):
        _, content = sender.request(
            entity_id, name, json.loads(text), is_signal=operation["isSignal"], clock=now, now=now
        )
    else:
        content = client_signal(name, text, REQUEST_ID)
    return EventRaised(timestamp=now, name="op", input=content)


EVERY = pytest.mark.parametrize("invocation", entity_invocations(), ids=lambda invocation: invocation.id)


@EVERY
def test_entity_gets_the_payload_that_was_recorded(
    invocation: EntityInvocation, record_property: Callable[[str, object], None]
) -> None:
    run = run_batches(invocation.scenario, invocation.instance_id)[invocation.number]

    assert not differences(invocation.payload, with_tokens(json.loads(run.given)))
    record_property("checked", "payloads of entities")


@EVERY
def test_sdk_answers_for_the_entity_as_it_did(
    invocation: EntityInvocation, record_property: Callable[[str, object], None]
) -> None:
    run = run_batches(invocation.scenario, invocation.instance_id)[invocation.number]

    answer = json.loads(recorded_app().handles[invocation.payload["self"]["name"]](run.given))

    assert not differences(without_clock(invocation.answer), with_tokens(without_clock(answer)))
    record_property("checked", "answers of the SDK for entities")


def without_clock(answer: Json) -> Json:
    """An answer without the two members that the SDK takes from its own clock."""
    clock = ("duration", "startTime")
    results = [{name: value for name, value in result.items() if name not in clock} for result in answer["results"]]
    return {**answer, "results": results}


LAST = [
    last
    for last, after in zip(entity_invocations(), [*entity_invocations()[1:], None], strict=True)
    if after is None or after.number == 0
]
EVERY_LAST = pytest.mark.parametrize("last", LAST, ids=lambda invocation: invocation.id)


@EVERY_LAST
def test_entity_leaves_the_history_and_row_that_were_recorded(
    last: EntityInvocation, record_property: Callable[[str, object], None]
) -> None:
    data = recorded(last.scenario)[last.instance_id]

    checkpoint = run_batches(last.scenario, last.instance_id)[last.number].checkpoint

    rows = [event_of_row(row) for row in data["history"] if "EventType" in row]
    ours = [named(last, event_to_json(event)) for event in checkpoint.events]
    stored = ours[1]["Input"]
    if rows[1]["Input"] == IN_A_BLOB:
        assert len(filled(stored)) > 30_720
        ours[1]["Input"] = stored = IN_A_BLOB
    assert not differences(rows, ours)
    update, row = checkpoint.update, data["row"]
    assert update.custom_status == row["CustomStatus"][1]
    assert update.runtime_status == row["RuntimeStatus"][1]
    assert update.started is not None
    assert update.started.version == row["Version"][1]
    assert "CompletedTime" not in row
    assert not update.is_completed
    assert "Output" not in row
    assert update.output is None
    record_property("checked", "histories of entities")


def named(invocation: EntityInvocation, event: Json) -> Json:
    """Our event with the tokens of the recording."""
    text = json.dumps(with_tokens(event)).replace(invocation.entity_id, invocation.instance_id)
    as_tokens: Json = json.loads(text)
    return as_tokens


def entity_invocations_with_storage() -> list[EntityInvocation]:
    """Those whose storage was recorded, in another run, with equally many batches."""
    found = [one for one in entity_invocations() if one.scenario in scenarios_with_storage()]
    batches = Counter((one.scenario, one.instance_id) for one in found)
    return [
        one
        for one in found
        if len(row_changes(one.scenario, one.instance_id)) == batches[one.scenario, one.instance_id]
    ]


@pytest.mark.parametrize(
    "invocation",
    entity_invocations_with_storage(),
    ids=lambda invocation: invocation.id,
)
def test_entity_sends_the_replies_and_writes_the_row_that_were_recorded(
    invocation: EntityInvocation, record_property: Callable[[str, object], None]
) -> None:
    runs = run_batches(invocation.scenario, invocation.instance_id)
    before = sum(len(run.checkpoint.messages) for run in runs[: invocation.number])

    checkpoint = runs[invocation.number].checkpoint

    ours = list(checkpoint.messages)
    messages = sent_messages(invocation.scenario, invocation.instance_id)
    for recorded_one, mine in zip(messages[before : before + len(ours)], ours, strict=True):
        target = {"InstanceId": mine.target.instance_id, "ExecutionId": mine.target.execution_id}
        assert not differences(recorded_one.event, with_tokens(event_to_json(mine.event)))
        assert not differences(recorded_one.target, with_tokens(target))
        assert recorded_one.episode == checkpoint.episode
        assert mine.deliver_at is recorded_one.visible_after is None
        record_property("checked", "replies of entities")
    change = row_changes(invocation.scenario, invocation.instance_id)[invocation.number]
    update = checkpoint.update
    assert update.started is not None
    assert not differences(
        {
            name: change[name]
            for name in ("CustomStatus", "Name", "Version", "Generation", "RuntimeStatus", "ExecutionId")
        },
        with_tokens(
            {
                "CustomStatus": update.custom_status,
                "Name": update.started.name,
                "Version": update.started.version,
                "Generation": update.started.generation,
                "RuntimeStatus": update.runtime_status,
                "ExecutionId": update.execution_id,
            }
        ),
    )
    # The recorder has left the ids in this column as they were.
    assert not differences(with_tokens(change["Input"]), with_tokens(update.started.input))
    assert checkpoint.sender is not None
    assert (checkpoint.sender.execution_id is None) == (invocation.number == 0)


def test_every_recorded_entity_batch_is_there() -> None:
    assert len(entity_invocations()) == 18
    assert len(LAST) == 4
