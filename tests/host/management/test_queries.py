"""The management API shows instances: status, history, lists and their pages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from durable_engine import TaskScheduled, ticks_from_text, ticks_to_text
from durable_host.task_hub.tables.instance_rows import InstanceQuery
from host.management.hub_in_memory import NOON, ORIGIN, ROW, Api, exchanges, json_of


def test_a_status_has_the_recorded_members_in_their_order(api: Api) -> None:
    api.hub.rows["i1"] = replace(
        ROW, runtime_status="Completed", input='"{\\"in\\": 1}"', output='["Tokyo",null]', custom_status='{"a":1}'
    )

    answer = api.call("GET", "instances/i1")

    assert answer.status == 200
    assert list(json_of(answer).items()) == [
        ("name", "chain"),
        ("instanceId", "i1"),
        ("runtimeStatus", "Completed"),
        ("input", '{"in": 1}'),
        ("customStatus", {"a": 1}),
        ("output", ["Tokyo", None]),
        ("createdTime", "2026-01-01T12:00:00Z"),
        ("lastUpdatedTime", "2026-01-01T12:00:00Z"),
    ]


@pytest.mark.parametrize("status", ["Running", "Pending", "Suspended", "ContinuedAsNew"])
def test_an_instance_that_has_not_ended_says_where_and_when_to_ask_again(api: Api, status: str) -> None:
    api.hub.rows["i1"] = replace(ROW, runtime_status=status)

    answer = api.call("GET", "instances/i1?showInput=false&code=KEY")

    headers = dict(answer.headers)
    assert answer.status == 202
    assert headers["Location"] == f"{ORIGIN}/runtime/webhooks/durabletask/instances/i1?showInput=false&code=KEY"
    assert headers["Retry-After"] == "5"


def test_a_failure_is_a_500_only_where_that_is_asked_for(api: Api) -> None:
    api.hub.rows["i1"] = replace(ROW, runtime_status="Failed", output="Orchestrator function 'x' failed: y")

    plain = api.call("GET", "instances/i1")
    asked = api.call("GET", "instances/i1?returninternalservererroronfailure=TRUE")

    assert (plain.status, asked.status) == (200, 500)
    assert plain.body == asked.body
    assert json_of(plain)["output"] == "Orchestrator function 'x' failed: y"


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        (None, None),
        ("", ""),
        ("because", "because"),
        ("5", 5),
        ("5 apples", 5),
        ("5x", "5x"),
        ("true story", True),
        ("nullable", "nullable"),
        ("  text ", "text"),
        ('"a" b', "a"),
        ("[1", "[1"),
    ],
)
def test_an_output_is_shown_as_the_json_that_it_begins_with_else_as_text(
    api: Api, stored: str | None, shown: object
) -> None:
    api.hub.rows["i1"] = replace(ROW, runtime_status="Terminated", output=stored)

    assert json_of(api.call("GET", "instances/i1"))["output"] == shown


def test_a_value_nested_too_deep_for_the_real_host_is_shown_as_its_text_and_spoils_no_list(api: Api) -> None:
    nested = "[" * 20_000 + "]" * 20_000
    api.hub.rows["i1"] = replace(ROW, input=nested, output=nested, custom_status=nested)
    api.hub.rows["i2"] = replace(ROW, instance_id="i2")

    first, second = json_of(api.call("GET", "instances"))

    assert (first["input"], first["output"], first["customStatus"]) == (nested, nested, nested)
    assert second["instanceId"] == "i2"


def test_a_history_is_shown_on_request_and_not_while_pending(api: Api) -> None:
    api.hub.histories["i1"] = (TaskScheduled(timestamp=NOON, event_id=0, name="a"),)
    seen = {}
    for status in ("Running", "Pending"):
        api.hub.rows["i1"] = replace(ROW, runtime_status=status)
        for flag in ("true", "nonsense"):
            seen[status, flag] = "historyEvents" in json_of(api.call("GET", f"instances/i1?showHistory={flag}"))

    assert seen == {
        ("Running", "true"): True,
        ("Running", "nonsense"): False,
        ("Pending", "true"): False,
        ("Pending", "nonsense"): False,
    }


def test_a_history_that_holds_an_id_twice_is_a_400(api: Api) -> None:
    api.hub.rows["i1"] = replace(ROW, runtime_status="Failed")
    api.hub.histories["i1"] = (TaskScheduled(timestamp=NOON, event_id=0, name="a"),) * 2
    recorded = exchanges("nondeterminism_name")[-1]

    answer = api.call("GET", "instances/i1?showHistory=true")

    body = json_of(answer)
    assert answer.status == recorded["status"] == 400
    assert {**body, "StackTrace": ""} == {**recorded["reply"], "StackTrace": ""}


def test_a_list_hands_its_filters_and_its_page_to_the_task_hub(api: Api) -> None:
    api.hub.rows["i1"] = replace(ROW, input="1")
    api.hub.page_end = "next"

    answer = api.call(
        "GET",
        "instances?createdTimeFrom=2026-01-01T00%3A00%3A00Z&createdTimeTo=2026-01-02&runtimeStatus=Failed,6,failed,X"
        "&instanceIdPrefix=i&showInput=false&top=7",
        x_ms_continuation_token="before",
    )

    query = InstanceQuery(
        created_from=ticks_from_text("2026-01-01T00:00:00Z"),
        created_to=ticks_from_text("2026-01-02T00:00:00Z"),
        statuses=("Failed", "Pending"),
        id_prefix="i",
        with_input=False,
    )
    assert api.hub.queries == [(query, 7, "before")]
    assert [row["input"] for row in json_of(answer)] == [None]
    assert dict(answer.headers)["x-ms-continuation-token"] == "next"


def test_the_last_page_of_a_list_has_no_token(api: Api) -> None:
    answer = api.call("GET", "instances")

    assert json_of(answer) == []
    assert api.hub.queries == [(InstanceQuery(), 100, None)]
    assert "x-ms-continuation-token" not in dict(answer.headers)


def test_a_page_of_nothing_has_a_token_that_starts_at_the_beginning(api: Api) -> None:
    answer = api.call("GET", "instances?top=0")
    token = dict(answer.headers)["x-ms-continuation-token"]
    api.call("GET", "instances?top=2", x_ms_continuation_token=token)

    assert json_of(answer) == []
    assert api.hub.queries == [(InstanceQuery(), 2, None)]


@pytest.mark.parametrize("target", ["instances?top=-1", "entities?top=-2", "entities/counter?top=-1"])
def test_a_page_of_less_than_nothing_is_refused_with_what_to_ask_for(api: Api, target: str) -> None:
    answer = api.call("GET", target)

    assert answer.status == 400
    assert "ask for 1 instance or more" in json_of(answer)["Message"]
    assert api.hub.queries == []


@pytest.mark.parametrize(
    "top", ["99999999999", "1_0", "%D9%A1", "1.0", "9" * 5_000, "0x1", "1e1", "%C2%A05"], ids=lambda top: top[:11]
)
def test_a_page_size_that_dotnet_reads_as_no_number_is_the_usual_one(api: Api, top: str) -> None:
    # https://learn.microsoft.com/dotnet/api/system.int32.tryparse: white space, a sign, and the digits 0 to 9
    api.call("GET", f"instances?top={top}")

    assert [top for _, top, _ in api.hub.queries] == [100]


@pytest.mark.parametrize("top", ["%2B7", "%0907%20", "007"])
def test_a_page_size_may_have_a_sign_space_and_zeros(api: Api, top: str) -> None:
    api.call("GET", f"instances?top={top}")

    assert [top for _, top, _ in api.hub.queries] == [7]


def test_a_status_is_asked_for_by_a_number_of_dotnet_alone(api: Api) -> None:
    api.call("GET", f"instances?runtimeStatus=%D9%A1,1_0,{'9' * 5_000},-1,99,%2B1")

    assert [query.statuses for query, _, _ in api.hub.queries] == [("Completed",)]


@pytest.mark.parametrize(
    "moment",
    [
        "0001-01-01T00:00:00%2B14:00",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00%2B14:00",
        "Mon, 01 Jan 2024 00:00:00 %2B99999999999999999999",
        "2024-01-01T25:00:00Z",
        "%D9%A2%D9%A0%D9%A2%D9%A4-01-01T00:00:00Z",
        "01/02/%D9%A2%D9%A0%D9%A2%D9%A4",
    ],
)
@pytest.mark.parametrize(
    ("target", "parameter"),
    [
        ("instances", "createdTimeFrom"),
        ("instances", "createdTimeTo"),
        ("entities", "lastOperationTimeFrom"),
        ("entities/counter", "lastOperationTimeTo"),
    ],
)
def test_a_moment_that_no_date_of_dotnet_is_counts_as_absent(
    api: Api, target: str, parameter: str, moment: str
) -> None:
    answer = api.call("GET", f"{target}?{parameter}={moment.replace(' ', '%20')}")

    assert answer.status == 200
    assert [(query.created_from, query.created_to) for query, _, _ in api.hub.queries] == [(None, None)]


def test_the_first_and_the_last_moment_can_be_asked_for(api: Api) -> None:
    api.call("GET", "instances?createdTimeFrom=0001-01-01&createdTimeTo=9999-12-31T23:59:59.9999999Z")

    assert [
        (ticks_to_text(query.created_from or 0), ticks_to_text(query.created_to or 0))
        for query, _, _ in api.hub.queries
    ] == [("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z")]


@pytest.mark.parametrize("target", ["instances?taskHub=Other", "entities?taskHub=Other", "entities/counter?taskHub=x"])
def test_a_list_of_another_hub_is_empty(api: Api, target: str) -> None:
    answer = api.call("GET", target)

    assert (answer.status, json_of(answer)) == (200, [])
