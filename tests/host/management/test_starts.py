"""The management API starts instances: ids, inputs, waits, and the recorded answers."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from host.management.hub_in_memory import ORIGIN, ROW, Api, exchanges, json_of


def test_a_start_answers_with_the_recorded_members_and_headers(api: Api) -> None:
    recorded = exchanges("start_errors")[0]

    answer = api.call("POST", "orchestrators/nobody", b'{"a": 1}')

    body, headers = json_of(answer), dict(answer.headers)
    text = json.dumps(body).replace(body["id"], "<guid>").replace(ORIGIN, "<base>").replace("code=KEY", "code=<key>")
    assert answer.status == 202
    assert json.loads(text) == recorded["reply"]
    assert list(body) == list(recorded["reply"])
    assert headers["Location"] == body["statusQueryGetUri"]
    assert headers["Retry-After"] == "10"


def test_a_start_keeps_the_body_as_it_was_sent_and_makes_the_ids(api: Api) -> None:
    api.call("POST", "orchestrators/chain?version=2.0", b'{"a" : [1]}')

    started = api.hub.started[0]
    assert started["input"] == '{"a" : [1]}'
    assert started["version"] == "2.0"
    assert started["generation"] == 0
    assert len(started["instance_id"]) == 32
    assert len(started["execution_id"]) == 36


@pytest.mark.parametrize(("body", "input_text"), [(b"", None), (b"null", "null"), (b'"\xc3\xa9"', '"é"'), (b" ", None)])
def test_a_body_becomes_the_input_text(api: Api, body: bytes, input_text: str | None) -> None:
    api.call("POST", "orchestrators/chain", body, kind="text/plain")

    assert api.hub.started[0]["input"] == input_text


def test_a_body_that_is_not_json_starts_nothing(api: Api) -> None:
    recorded = exchanges("start_errors")[1]["reply"]

    body = json_of(answer := api.call("POST", "orchestrators/chain", b"{not json"))

    assert answer.status == 400
    assert list(body) == list(recorded)
    assert (body["Message"], body["ExceptionType"]) == (recorded["Message"], recorded["ExceptionType"])
    assert api.hub.started == []


@pytest.mark.parametrize(
    ("in_path", "instance_id", "in_url"), [("@bad", "@bad", "%40bad"), ("a%23b", "a#b", "a%23b"), ("i" * 300,) * 3]
)
def test_an_id_is_not_checked_and_is_encoded_in_the_urls(api: Api, in_path: str, instance_id: str, in_url: str) -> None:
    body = json_of(api.call("POST", f"orchestrators/chain/{in_path}"))

    assert body["id"] == api.hub.started[0]["instance_id"] == instance_id
    assert f"/instances/{in_url}?taskHub=GoldenHub&connection=Storage&code=KEY" in body["statusQueryGetUri"]


def test_a_running_instance_is_not_replaced(api: Api) -> None:
    api.hub.rows["i1"] = ROW

    answer = api.call("POST", "orchestrators/chain/i1")

    assert answer.status == 409
    assert json_of(answer) == {"Message": "An Orchestration instance with the status Running already exists."}
    assert api.hub.started == []


def test_an_instance_that_has_ended_is_replaced_by_its_next_generation(api: Api) -> None:
    ended = api.hub.rows["i1"] = replace(ROW, runtime_status="Terminated")

    answer = api.call("POST", "orchestrators/chain/i1")

    assert answer.status == 202
    assert (api.hub.started[0]["generation"], api.hub.started[0]["replaces"]) == (1, ended)


def test_a_function_that_is_switched_off_cannot_be_started(api: Api) -> None:
    body = json_of(answer := api.call("POST", "orchestrators/switched_off"))

    assert answer.status == 400
    assert body["ExceptionMessage"].startswith("The function 'switched_off' doesn't exist, is disabled, or is not an ")


def test_a_start_that_waits_gets_the_output_of_what_completes_in_time(api: Api) -> None:
    api.hub.status_after_start = "Completed"

    answer = api.call("POST", "orchestrators/chain?timeout=5&pollingInterval=0.5")

    assert (answer.status, json_of(answer)) == (200, None)
    assert "Location" not in dict(answer.headers)


def test_a_start_that_waits_gets_the_status_of_what_fails_in_time(api: Api) -> None:
    api.hub.status_after_start = "Failed"

    answer = api.call("POST", "orchestrators/chain?timeout=5&pollingInterval=1")

    assert (answer.status, json_of(answer)["runtimeStatus"]) == (200, "Failed")


def test_a_start_that_waited_in_vain_gets_the_urls(api: Api) -> None:
    answer = api.call("POST", "orchestrators/chain?timeout=0.05&pollingInterval=0.02")

    assert (answer.status, dict(answer.headers)["Retry-After"]) == (202, "10")


def test_a_start_that_waits_looks_ten_times_a_second_at_most(api: Api) -> None:
    api.call("POST", "orchestrators/chain?timeout=0.25&pollingInterval=0")

    assert 2 <= api.hub.looks <= 4


@pytest.mark.parametrize("number", ["1_0", "%D9%A1", "nan", "inf", "1e400", "0x1", ""])
def test_a_start_waits_only_for_what_dotnet_reads_as_a_number(api: Api, number: str) -> None:
    answers = [
        api.call("POST", f"orchestrators/chain?timeout={number}&pollingInterval=0"),
        api.call("POST", f"orchestrators/chain?timeout=0&pollingInterval={number}"),
    ]

    assert [answer.status for answer in answers] == [202, 202]
    assert api.hub.looks == 0


def test_a_polling_interval_above_the_timeout_is_refused_after_the_start(api: Api) -> None:
    answer = api.call("POST", "orchestrators/chain?timeout=1&pollingInterval=5")

    assert (answer.status, json_of(answer)) == (400, exchanges("start_errors")[15]["reply"])
    assert len(api.hub.started) == 1


@pytest.mark.parametrize(
    ("body", "kind", "stored"),
    [
        (b"{a: 1, // why\n}", "application/json", "{a: 1, // why\n}"),
        ('"\u00e9"'.encode("utf-16"), "application/json; charset=utf-16", '"\u00e9"'),
    ],
)
def test_an_input_is_read_as_the_real_host_reads_it(api: Api, body: bytes, kind: str, stored: str) -> None:
    answer = api.call("POST", "orchestrators/chain", body, kind=kind)

    assert answer.status == 202
    assert api.hub.started[0]["input"] == stored


def test_an_input_deeper_than_64_levels_is_refused_with_where_it_is(api: Api) -> None:
    answer = api.call("POST", "orchestrators/chain", b"[" * 65 + b"]" * 65)

    assert answer.status == 400
    assert json_of(answer)["ExceptionMessage"].startswith("The reader's MaxDepth of 64 has been exceeded. Path '[0]")
    assert json_of(answer)["ExceptionType"] == "Newtonsoft.Json.JsonReaderException"
