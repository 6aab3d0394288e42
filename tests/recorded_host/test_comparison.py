"""The comparison finds what differs and nothing else, and normalising makes two runs comparable."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from recorded_host.comparing import ONE_AT_A_TIME, differences, report
from recorded_host.driver import Json
from recorded_host.normalising import normalised, scrubber
from recorded_host.raw_recording import RawRecording
from recorded_host.recorder import recorded, recorded_names

BASE = "http://127.0.0.1:50123"


def change_status(recording: Json) -> None:
    recording["http"][0]["status"] = 500


def change_header(recording: Json) -> None:
    recording["http"][0]["headers"]["retry-after"] = "11"


def change_reply(recording: Json) -> None:
    recording["http"][-1]["reply"]["output"] = "other"


def drop_exchange(recording: Json) -> None:
    recording["http"].pop()


def change_row(recording: Json) -> None:
    recording["instances"]["<id0>"]["row"]["RuntimeStatus"] = ["str", "Running"]


def change_type_of_a_row_cell(recording: Json) -> None:
    recording["instances"]["<id0>"]["row"]["Generation"][0] = "EntityProperty"


def drop_history_row(recording: Json) -> None:
    del recording["instances"]["<id0>"]["history"][2]


def drop_history_column(recording: Json) -> None:
    del recording["instances"]["<id0>"]["history"][1]["Tags"]


def repeat_row_key(recording: Json) -> None:
    recording["instances"]["<id0>"]["history"][3]["RowKey"][1] = "0000000000000000"


def drop_instance(recording: Json) -> None:
    del recording["instances"]["<id0>"]


def add_instance(recording: Json) -> None:
    recording["instances"]["<id9>"] = recording["instances"]["<id0>"]


def drop_member_of_payload(recording: Json) -> None:
    for episode in recording["instances"]["<id0>"]["episodes"]:
        del episode["payload"]["history"][0]["Timestamp"]


def change_type_in_payload(recording: Json) -> None:
    for episode in recording["instances"]["<id0>"]["episodes"]:
        for event in episode["payload"]["history"]:
            event["EventId"] = str(event["EventId"])


def change_last_answer(recording: Json) -> None:
    recording["instances"]["<id0>"]["episodes"][-1]["result"]["isDone"] = False


PLANTED = pytest.mark.parametrize(
    "plant",
    [
        change_status,
        change_header,
        change_reply,
        drop_exchange,
        change_row,
        change_type_of_a_row_cell,
        drop_history_row,
        drop_history_column,
        repeat_row_key,
        drop_instance,
        add_instance,
        drop_member_of_payload,
        change_type_in_payload,
        change_last_answer,
    ],
)


@pytest.mark.parametrize("name", recorded_names())
def test_recording_agrees_with_itself(name: str) -> None:
    assert differences(recorded(name), recorded(name)) == []


@PLANTED
@pytest.mark.parametrize("name", ["fan_out_3", "chain"])
def test_planted_difference_is_found_and_shown(name: str, plant: Callable[[Json], None]) -> None:
    ours = recorded(name)
    plant(ours)

    found = differences(recorded(name), ours)

    assert found
    assert found[0].place in report(found)


def test_order_of_rows_counts_where_only_one_thing_can_happen_at_a_time() -> None:
    ours = {name: recorded(name) for name in ("chain", "fan_out_3")}
    for recording in ours.values():
        rows = recording["instances"]["<id0>"]["history"]
        rows[1], rows[2] = ({**rows[2], "RowKey": rows[1]["RowKey"]}, {**rows[1], "RowKey": rows[2]["RowKey"]})

    assert differences(recorded("chain"), ours["chain"])
    assert not differences(recorded("fan_out_3"), ours["fan_out_3"])


def test_order_of_a_list_of_instances_does_not_count() -> None:
    ours = recorded("queries")
    lists = [exchange for exchange in ours["http"] if isinstance(exchange["reply"], list)]
    for exchange in lists:
        exchange["reply"].reverse()

    assert lists
    assert not differences(recorded("queries"), ours)


@pytest.mark.parametrize("name", ["uncaught", "error_text", "sub_fails"])
def test_stacks_need_not_agree_but_the_text_before_them_must(name: str) -> None:
    other_stack, other_text = recorded(name), recorded(name)
    for exchange in other_stack["http"]:
        if isinstance(exchange["reply"], dict) and "output" in exchange["reply"]:
            before, exception, _ = exchange["reply"]["output"].partition('{"$type":"System')
            exchange["reply"]["output"] = f"{before}{exception} our own"
    other_text["http"][-1]["reply"]["output"] = "Something " + other_text["http"][-1]["reply"]["output"]

    assert not differences(recorded(name), other_stack)
    assert differences(recorded(name), other_text)


def test_every_strictly_compared_scenario_was_recorded() -> None:
    assert set(recorded_names()) >= ONE_AT_A_TIME


@pytest.mark.parametrize("name", recorded_names())
def test_normalising_a_recording_changes_nothing(name: str) -> None:
    recording = recorded(name)

    assert scrubber([], BASE)(copy.deepcopy(recording)) == recording


def test_two_runs_are_equal_once_normalised() -> None:
    runs = [
        normalised(raw_run(instance_id=f"chain-{digits}", port=port, time=time, guid=guid))
        for digits, port, time, guid in (
            ("0a1b2c3d", 50123, "2026-11-23T10:46:15.3001369Z", "21b28d64-8edd-4ffd-abf8-91e25038c19a"),
            ("99999999", 40000, "2027-01-01T00:00:00.5000000Z", "0f0e0d0c-0b0a-4908-8706-050403020100"),
        )
    ]

    assert runs[0] == runs[1]
    assert runs[0]["http"][0]["reply"]["statusQueryGetUri"] == "<base>/instances/<id0>?code=<key>"
    assert runs[0]["instances"]["<id0>"]["row"]["CreatedTime"] == ["TablesEntityDatetime", "<timeT.fZ>"]
    assert runs[0]["instances"]["<id0>"]["episodes"][0]["payload"]["history"] == ["<guid>"]


def raw_run(*, instance_id: str, port: int, time: str, guid: str) -> RawRecording:
    base = f"http://127.0.0.1:{port}"
    reply = f'{{"id": "{instance_id}", "statusQueryGetUri": "{base}/instances/{instance_id}?code=abc123=="}}'
    return RawRecording(
        scenario="chain",
        base=base,
        ids=[instance_id],
        http=[
            {
                "method": "POST",
                "path": f"/api/start/chain?id={instance_id}",
                "body": None,
                "status": 202,
                "headers": {"location": f"{base}/instances/{instance_id}"},
                "reply": reply,
            }
        ],
        rows={
            "Instances": [
                {"PartitionKey": ["str", instance_id], "CreatedTime": ["TablesEntityDatetime", time]},
            ]
        },
        worker=[
            {
                "kind": "orchestrator",
                "name": "chain",
                "payload": {"instanceId": instance_id, "history": [guid]},
                "result": {},
            }
        ],
    )
