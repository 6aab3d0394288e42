"""The management API sends events and operations to instances, and refuses the rest."""

from __future__ import annotations

from dataclasses import replace

import pytest

from durable_engine import EventRaised, ExecutionResumed, ExecutionSuspended, ExecutionTerminated, HistoryEvent
from host.management.hub_in_memory import ROW, Api, exchanges, is_empty, json_of


@pytest.mark.parametrize("target", ["", "nothing", "instances/i1/raiseEvent", "instances/i1/nonsense", "orchestrators"])
def test_an_unknown_route_is_an_empty_404(api: Api, target: str) -> None:
    api.hub.rows["i1"] = ROW

    assert is_empty(api.call("POST", target), 404)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("PUT", "instances/i1"),
        ("POST", "instances"),
        ("GET", "orchestrators/chain"),
        ("GET", "instances/i1/raiseEvent/go"),
        ("GET", "instances/i1/terminate"),
        ("POST", "instances//terminate"),
        ("POST", "orchestrators/chain/a%2Fb"),
    ],
)
def test_a_wrong_method_or_number_of_segments_is_an_empty_404(api: Api, method: str, target: str) -> None:
    api.hub.rows["i1"] = ROW

    assert is_empty(api.call(method, target), 404)


@pytest.mark.parametrize("operation", ["terminate", "suspend", "resume", "raiseEvent/go"])
def test_an_unknown_instance_is_a_404_and_one_that_has_ended_is_gone(api: Api, operation: str) -> None:
    for status in ("Completed", "Failed", "Terminated", "Canceled"):
        api.hub.rows[status] = replace(ROW, instance_id=status, runtime_status=status)

    assert is_empty(api.call("POST", f"instances/nobody/{operation}", b"x", kind="text/plain"), 404)
    for status in api.hub.rows:
        assert is_empty(api.call("POST", f"instances/{status}/{operation}", b"x", kind="text/plain"), 410)


@pytest.mark.parametrize(
    ("body", "stored"),
    [(b'{"while": "suspended"}', '{"while":"suspended"}'), (b"null", "null"), (b'"\\u00e9"', '"é"'), (b"5 x", "5")],
)
def test_an_event_is_sent_as_compact_json(api: Api, body: bytes, stored: str) -> None:
    api.hub.rows["i1"] = ROW

    answer = api.call("POST", "instances/i1/raiseEvent/Go%20on", body, kind="Application/JSON; charset=utf-8")

    target, event = api.hub.sent[0]
    assert is_empty(answer, 202)
    assert target == "i1"
    assert isinstance(event, EventRaised)
    assert (event.name, event.input) == ("Go on", stored)


@pytest.mark.parametrize(
    ("body", "kind", "number"), [(b"not json", "application/json", 1), (b"x", "text/plain", 2), (b"", "", 5)]
)
def test_an_event_that_is_not_json_is_refused(api: Api, body: bytes, kind: str, number: int) -> None:
    api.hub.rows["i1"] = ROW
    recorded = exchanges("event_bodies")[number]

    answer = api.call("POST", "instances/i1/raiseEvent/go", body, kind=kind)

    vague = {"StackTrace": "", "ExceptionMessage": ""} if "StackTrace" in recorded["reply"] else {}
    assert answer.status == recorded["status"] == 400
    assert {**json_of(answer), **vague} == {**recorded["reply"], **vague}
    assert api.hub.sent == []


@pytest.mark.parametrize(
    ("status", "operation", "kind"),
    [
        ("Running", "terminate", ExecutionTerminated),
        ("Suspended", "terminate", ExecutionTerminated),
        ("Running", "suspend", ExecutionSuspended),
        ("Suspended", "resume", ExecutionResumed),
    ],
)
def test_an_operation_sends_its_event_with_the_reason(
    api: Api, status: str, operation: str, kind: type[HistoryEvent]
) -> None:
    api.hub.rows["i1"] = replace(ROW, runtime_status=status)

    answers = [api.call("POST", f"instances/i1/{operation}{query}") for query in ("?reason=a%20pause", "", "?reason=")]

    events = [event for _, event in api.hub.sent]
    assert all(is_empty(answer, 202) for answer in answers)
    assert all(isinstance(event, kind) for event in events)
    assert [getattr(event, "reason", None) or getattr(event, "input", None) for event in events[:2]] == [
        "a pause",
        None,
    ]
    assert [event.timestamp for event in events] == sorted({event.timestamp for event in events})


@pytest.mark.parametrize(
    ("status", "operation", "text"),
    [
        (
            "Suspended",
            "suspend",
            "Cannot suspend the orchestration instance i1 because instance is in the Suspended state.",
        ),
        ("Running", "resume", "Cannot resume the orchestration instance i1 because instance is in the Running state."),
    ],
)
def test_an_operation_in_the_wrong_state_is_a_500(api: Api, status: str, operation: str, text: str) -> None:
    api.hub.rows["i1"] = replace(ROW, runtime_status=status)
    recorded = exchanges("suspend_resume")[3]["reply"]

    answer = api.call("POST", f"instances/i1/{operation}")

    body = json_of(answer)
    assert answer.status == 500
    assert list(body) == list(recorded)
    assert (body["Message"], body["ExceptionType"]) == (recorded["Message"], recorded["ExceptionType"])
    assert body["ExceptionMessage"] == text


def test_only_a_failed_instance_is_rewound(api: Api) -> None:
    api.hub.rows |= {"i1": ROW, "i2": replace(ROW, instance_id="i2", runtime_status="Failed")}

    nobody = api.call("POST", "instances/nobody/rewind")
    running = api.call("POST", "instances/i1/rewind")
    failed = api.call("POST", "instances/i2/rewind?reason=again")

    assert (nobody.status, json_of(nobody)) == (404, 'No orchestration with instance ID "$nobody" found.')
    assert (running.status, json_of(running)) == (412, exchanges("live_ops")[2]["reply"])
    assert is_empty(failed, 202)
    assert api.hub.rewound == [("i2", "again")]


def test_a_restart_takes_name_and_input_and_writes_a_missing_input_as_null(api: Api) -> None:
    api.hub.rows |= {
        "i1": replace(ROW, runtime_status="Completed"),
        "i2": replace(ROW, instance_id="i2", input='"{\\"a\\": 1}"'),
    }

    api.call("POST", "instances/i1/restart")
    api.call("POST", "instances/i2/restart?restartWithNewInstanceId=true")

    first, second = api.hub.started
    assert (first["name"], first["input"], first["generation"], first["replaces"]) == ("chain", "null", 0, None)
    assert second["input"] == '"{\\"a\\": 1}"'
    assert [len(started[name]) for started in (first, second) for name in ("instance_id", "execution_id")] == [32] * 4


def test_a_restart_under_the_same_id_is_the_next_generation(api: Api) -> None:
    ended = api.hub.rows["i1"] = replace(ROW, runtime_status="Completed", generation=1)

    body = json_of(api.call("POST", "instances/i1/restart?restartWithNewInstanceId=false"))

    started = api.hub.started[0]
    assert body["id"] == started["instance_id"] == "i1"
    assert (started["generation"], started["replaces"]) == (2, ended)


def test_a_restart_of_what_is_not_there_or_still_runs_is_refused(api: Api) -> None:
    api.hub.rows["i1"] = ROW
    unknown, live = exchanges("restart_purge")[5], exchanges("live_ops")[4]

    answers = (
        api.call("POST", "instances/nobody/restart"),
        api.call("POST", "instances/i1/restart?restartWithNewInstanceId=false"),
    )

    for answer, recorded in zip(answers, (unknown, live), strict=True):
        assert answer.status == recorded["status"]
        assert {**json_of(answer), "StackTrace": ""} == {**recorded["reply"], "StackTrace": ""}
    assert api.hub.started == []


def test_another_store_is_not_looked_at(api: Api) -> None:
    api.hub.rows["i1"] = ROW
    recorded = next(e for e in exchanges("show_flags") if "connection=Other" in e["path"])

    hub = api.call("GET", "instances/i1?taskHub=Other")
    connection = api.call("GET", "instances/i1?connection=Other")
    same = api.call("GET", "instances/i1?taskhub=goldenhub&Connection=Storage")

    assert is_empty(hub, 404)
    assert (connection.status, {**json_of(connection), "StackTrace": ""}) == (
        500,
        {**recorded["reply"], "StackTrace": ""},
    )
    assert same.status == 202


def test_what_goes_wrong_in_storage_is_a_500_that_names_it(api: Api) -> None:
    api.hub.fails = True

    body = json_of(answer := api.call("GET", "instances/i1"))

    assert answer.status == 500
    assert body["Message"] == "Something went wrong while processing your request"
    assert body["ExceptionMessage"] == "storage is away"


def test_make_primary_is_accepted(api: Api) -> None:
    assert is_empty(api.call("POST", "makeprimary"), 200)


def test_a_doubled_slash_is_no_route(api: Api) -> None:
    api.hub.rows["i1"] = ROW

    assert is_empty(api.call("GET", "/instances/i1"), 404)
    assert api.call("GET", "instances/i1//").status == 202
