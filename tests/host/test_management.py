"""The management API's codes, headers, bodies and checks, without storage.

The API on a task hub that lives in this file, called as the server calls it; the recordings of the real host give the
exact texts. What instances do is tested end to end elsewhere.
Invariant: what the API sends to the task hub is looked at as well as what it answers.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from durable_engine import (
    EventRaised,
    ExecutionResumed,
    ExecutionSuspended,
    ExecutionTerminated,
    HistoryEvent,
    TaskScheduled,
    ticks_from_text,
)
from durable_host.app.index import FunctionIndex
from durable_host.http.client_binding import ClientBinding
from durable_host.http.management.api import ManagementApi
from durable_host.http.management.context import ManagementContext
from durable_host.http.messages import Answer, Request
from durable_host.task_hub.hub.client import TaskHubClient
from durable_host.task_hub.tables.instance_rows import InstancePage, InstanceQuery, InstanceRow

SCENARIOS = Path(__file__).parents[2] / "fixtures" / "recordings" / "scenarios"
ORIGIN = "http://localhost:7071"
APP = """
import azure.durable_functions as df
app = df.DFApp()

@app.orchestration_trigger(context_name="context")
def chain(context):
    yield

@app.orchestration_trigger(context_name="context")
def switched_off(context):
    yield

@app.entity_trigger(context_name="context")
def counter(context):
    pass

@app.entity_trigger(context_name="context")
def ledger(context):
    pass
"""
NOON = ticks_from_text("2026-01-01T12:00:00.1234567Z")
ROW = InstanceRow(
    instance_id="i1",
    execution_id="e1",
    name="chain",
    version=None,
    input=None,
    output=None,
    custom_status=None,
    runtime_status="Running",
    created_at=NOON,
    last_updated_at=NOON,
    completed_at=None,
    generation=0,
    scheduled_start_at=None,
    tags=None,
    parent_instance_id=None,
    etag="etag",
)


@dataclass
class Hub:
    """A task hub that keeps rows and what was asked of it."""

    rows: dict[str, InstanceRow] = field(default_factory=dict)
    histories: dict[str, tuple[HistoryEvent, ...]] = field(default_factory=dict)
    started: list[dict[str, Any]] = field(default_factory=list)
    sent: list[tuple[str, HistoryEvent]] = field(default_factory=list)
    rewound: list[tuple[str, str | None]] = field(default_factory=list)
    purged: list[str | InstanceQuery] = field(default_factory=list)
    queries: list[tuple[InstanceQuery, int, str | None]] = field(default_factory=list)
    page_end: str | None = None
    status_after_start: str = "Pending"
    fails: bool = False

    async def start(self, name: str, *, instance_id: str, input: str | None, **rest: object) -> None:
        self.started.append({"name": name, "instance_id": instance_id, "input": input, **rest})
        self.rows[instance_id] = replace(
            ROW, instance_id=instance_id, name=name, input=input, runtime_status=self.status_after_start
        )

    async def get_instance(self, instance_id: str) -> InstanceRow | None:
        if self.fails:
            raise OSError("storage is away")
        return self.rows.get(instance_id)

    async def get_history(self, instance_id: str) -> tuple[HistoryEvent, ...]:
        return self.histories.get(instance_id, ())

    async def list_instances(self, query: InstanceQuery, *, top: int, continuation: str | None) -> InstancePage:
        self.queries.append((query, top, continuation))
        return InstancePage(rows=tuple(self.rows.values()), continuation=self.page_end)

    async def send_to_instance(self, instance_id: str, event: HistoryEvent) -> None:
        self.sent.append((instance_id, event))

    async def rewind(self, instance_id: str, reason: str | None, now: int) -> None:
        self.rewound.append((instance_id, reason))

    async def purge(self, instance_id: str) -> None:
        self.purged.append(instance_id)

    async def purge_where(self, query: InstanceQuery) -> int:
        self.purged.append(query)
        return len(self.rows)


@pytest.fixture(name="index", scope="module")
def _index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FunctionIndex]:
    root = tmp_path_factory.mktemp("app")
    (root / "managed_app.py").write_text(APP, encoding="utf-8")
    path = list(sys.path)
    settings = {"AzureWebJobs.switched_off.Disabled": "1"}
    yield FunctionIndex.load(root, script_file="managed_app.py", environment=settings)
    sys.path[:] = path
    sys.modules.pop("managed_app")


@dataclass
class Api:
    """The API as a caller sees it."""

    hub: Hub
    management: ManagementApi

    def call(
        self, method: str, target: str, body: bytes = b"", *, kind: str = "application/json", **headers: str
    ) -> Answer:
        path, _, query = target.partition("?")
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body:
            sent |= {"content-type": kind, "content-length": str(len(body))}
        base = "/runtime/webhooks/durabletask"
        request = Request(
            method=method, origin=ORIGIN, path=f"{base}/{path}", query_text=query, headers=sent, body=body
        )
        return asyncio.run(self.management.answer(request, f"/{path}"))


@pytest.fixture(name="api")
def _api(index: FunctionIndex) -> Api:
    hub = Hub()
    context = ManagementContext(
        client=cast(TaskHubClient, hub),
        index=index,
        binding=ClientBinding(hub_name="GoldenHub", connection_name="AzureWebJobsStorage", system_key="KEY"),
    )
    return Api(hub, ManagementApi(context))


def _json(answer: Answer) -> Any:  # whatever the body says
    assert dict(answer.headers)["Content-Type"] == "application/json; charset=utf-8"
    return json.loads(answer.body)


def _is_empty(answer: Answer, status: int) -> bool:
    return answer == Answer(status=status)


def _recorded(scenario: str, number: int) -> dict[str, Any]:
    exchange: dict[str, Any] = json.loads((SCENARIOS / f"{scenario}.json").read_text(encoding="utf-8"))["http"][number]
    return exchange


# --- start ------------------------------------------------------------------------------------------------------------


def test_a_start_answers_with_the_recorded_members_and_headers(api: Api) -> None:
    recorded = _recorded("start_errors", 0)

    answer = api.call("POST", "orchestrators/nobody", b'{"a": 1}')

    body, headers = _json(answer), dict(answer.headers)
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
    recorded = _recorded("start_errors", 1)["reply"]

    body = _json(answer := api.call("POST", "orchestrators/chain", b"{not json"))

    assert answer.status == 400
    assert list(body) == list(recorded)
    assert (body["Message"], body["ExceptionType"]) == (recorded["Message"], recorded["ExceptionType"])
    assert api.hub.started == []


@pytest.mark.parametrize(
    ("in_path", "instance_id", "in_url"), [("@bad", "@bad", "%40bad"), ("a%23b", "a#b", "a%23b"), ("i" * 300,) * 3]
)
def test_an_id_is_not_checked_and_is_encoded_in_the_urls(api: Api, in_path: str, instance_id: str, in_url: str) -> None:
    body = _json(api.call("POST", f"orchestrators/chain/{in_path}"))

    assert body["id"] == api.hub.started[0]["instance_id"] == instance_id
    assert f"/instances/{in_url}?taskHub=GoldenHub&connection=Storage&code=KEY" in body["statusQueryGetUri"]


def test_a_running_instance_is_not_replaced(api: Api) -> None:
    api.hub.rows["i1"] = ROW

    answer = api.call("POST", "orchestrators/chain/i1")

    assert answer.status == 409
    assert _json(answer) == {"Message": "An Orchestration instance with the status Running already exists."}
    assert api.hub.started == []


def test_an_instance_that_has_ended_is_replaced_by_its_next_generation(api: Api) -> None:
    ended = api.hub.rows["i1"] = replace(ROW, runtime_status="Terminated")

    answer = api.call("POST", "orchestrators/chain/i1")

    assert answer.status == 202
    assert (api.hub.started[0]["generation"], api.hub.started[0]["replaces"]) == (1, ended)


def test_a_function_that_is_switched_off_cannot_be_started(api: Api) -> None:
    body = _json(answer := api.call("POST", "orchestrators/switched_off"))

    assert answer.status == 400
    assert body["ExceptionMessage"].startswith("The function 'switched_off' doesn't exist, is disabled, or is not an ")


def test_a_start_that_waits_gets_the_output_of_what_completes_in_time(api: Api) -> None:
    api.hub.status_after_start = "Completed"

    answer = api.call("POST", "orchestrators/chain?timeout=5&pollingInterval=0.5")

    assert (answer.status, _json(answer)) == (200, None)
    assert "Location" not in dict(answer.headers)


def test_a_start_that_waits_gets_the_status_of_what_fails_in_time(api: Api) -> None:
    api.hub.status_after_start = "Failed"

    answer = api.call("POST", "orchestrators/chain?timeout=5&pollingInterval=1")

    assert (answer.status, _json(answer)["runtimeStatus"]) == (200, "Failed")


def test_a_start_that_waited_in_vain_gets_the_urls(api: Api) -> None:
    answer = api.call("POST", "orchestrators/chain?timeout=0.05&pollingInterval=0.02")

    assert (answer.status, dict(answer.headers)["Retry-After"]) == (202, "10")


def test_a_polling_interval_above_the_timeout_is_refused_after_the_start(api: Api) -> None:
    answer = api.call("POST", "orchestrators/chain?timeout=1&pollingInterval=5")

    assert (answer.status, _json(answer)) == (400, _recorded("start_errors", 15)["reply"])
    assert len(api.hub.started) == 1


# --- status and lists -------------------------------------------------------------------------------------------------


def test_a_status_has_the_recorded_members_in_their_order(api: Api) -> None:
    api.hub.rows["i1"] = replace(
        ROW, runtime_status="Completed", input='"{\\"in\\": 1}"', output='["Tokyo",null]', custom_status='{"a":1}'
    )

    answer = api.call("GET", "instances/i1")

    assert answer.status == 200
    assert list(_json(answer).items()) == [
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
    assert _json(plain)["output"] == "Orchestrator function 'x' failed: y"


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

    assert _json(api.call("GET", "instances/i1"))["output"] == shown


def test_a_history_is_shown_on_request_and_not_while_pending(api: Api) -> None:
    api.hub.histories["i1"] = (TaskScheduled(timestamp=NOON, event_id=0, name="a"),)
    seen = {}
    for status in ("Running", "Pending"):
        api.hub.rows["i1"] = replace(ROW, runtime_status=status)
        for flag in ("true", "nonsense"):
            seen[status, flag] = "historyEvents" in _json(api.call("GET", f"instances/i1?showHistory={flag}"))

    assert seen == {
        ("Running", "true"): True,
        ("Running", "nonsense"): False,
        ("Pending", "true"): False,
        ("Pending", "nonsense"): False,
    }


def test_a_history_that_holds_an_id_twice_is_a_400(api: Api) -> None:
    api.hub.rows["i1"] = replace(ROW, runtime_status="Failed")
    api.hub.histories["i1"] = (TaskScheduled(timestamp=NOON, event_id=0, name="a"),) * 2
    recorded = _recorded("nondeterminism_name", -1)

    answer = api.call("GET", "instances/i1?showHistory=true")

    body = _json(answer)
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
    assert [row["input"] for row in _json(answer)] == [None]
    assert dict(answer.headers)["x-ms-continuation-token"] == "next"


def test_the_last_page_of_a_list_has_no_token(api: Api) -> None:
    answer = api.call("GET", "instances")

    assert _json(answer) == []
    assert api.hub.queries == [(InstanceQuery(), 100, None)]
    assert "x-ms-continuation-token" not in dict(answer.headers)


def test_a_page_of_nothing_has_a_token_that_starts_at_the_beginning(api: Api) -> None:
    answer = api.call("GET", "instances?top=0")
    token = dict(answer.headers)["x-ms-continuation-token"]
    api.call("GET", "instances?top=2", x_ms_continuation_token=token)

    assert _json(answer) == []
    assert api.hub.queries == [(InstanceQuery(), 2, None)]


# --- operations -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["", "nothing", "instances/i1/raiseEvent", "instances/i1/nonsense", "orchestrators"])
def test_an_unknown_route_is_an_empty_404(api: Api, target: str) -> None:
    api.hub.rows["i1"] = ROW

    assert _is_empty(api.call("POST", target), 404)


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

    assert _is_empty(api.call(method, target), 404)


@pytest.mark.parametrize("operation", ["terminate", "suspend", "resume", "raiseEvent/go"])
def test_an_unknown_instance_is_a_404_and_one_that_has_ended_is_gone(api: Api, operation: str) -> None:
    for status in ("Completed", "Failed", "Terminated", "Canceled"):
        api.hub.rows[status] = replace(ROW, instance_id=status, runtime_status=status)

    assert _is_empty(api.call("POST", f"instances/nobody/{operation}", b"x", kind="text/plain"), 404)
    for status in api.hub.rows:
        assert _is_empty(api.call("POST", f"instances/{status}/{operation}", b"x", kind="text/plain"), 410)


@pytest.mark.parametrize(
    ("body", "stored"),
    [(b'{"while": "suspended"}', '{"while":"suspended"}'), (b"null", "null"), (b'"\\u00e9"', '"é"'), (b"5 x", "5")],
)
def test_an_event_is_sent_as_compact_json(api: Api, body: bytes, stored: str) -> None:
    api.hub.rows["i1"] = ROW

    answer = api.call("POST", "instances/i1/raiseEvent/Go%20on", body, kind="Application/JSON; charset=utf-8")

    target, event = api.hub.sent[0]
    assert _is_empty(answer, 202)
    assert target == "i1"
    assert isinstance(event, EventRaised)
    assert (event.name, event.input) == ("Go on", stored)


@pytest.mark.parametrize(
    ("body", "kind", "number"), [(b"not json", "application/json", 1), (b"x", "text/plain", 2), (b"", "", 5)]
)
def test_an_event_that_is_not_json_is_refused(api: Api, body: bytes, kind: str, number: int) -> None:
    api.hub.rows["i1"] = ROW
    recorded = _recorded("event_bodies", number)

    answer = api.call("POST", "instances/i1/raiseEvent/go", body, kind=kind)

    vague = {"StackTrace": "", "ExceptionMessage": ""} if "StackTrace" in recorded["reply"] else {}
    assert answer.status == recorded["status"] == 400
    assert {**_json(answer), **vague} == {**recorded["reply"], **vague}
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
    assert all(_is_empty(answer, 202) for answer in answers)
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
    recorded = _recorded("suspend_resume", 3)["reply"]

    answer = api.call("POST", f"instances/i1/{operation}")

    body = _json(answer)
    assert answer.status == 500
    assert list(body) == list(recorded)
    assert (body["Message"], body["ExceptionType"]) == (recorded["Message"], recorded["ExceptionType"])
    assert body["ExceptionMessage"] == text


def test_only_a_failed_instance_is_rewound(api: Api) -> None:
    api.hub.rows |= {"i1": ROW, "i2": replace(ROW, instance_id="i2", runtime_status="Failed")}

    nobody = api.call("POST", "instances/nobody/rewind")
    running = api.call("POST", "instances/i1/rewind")
    failed = api.call("POST", "instances/i2/rewind?reason=again")

    assert (nobody.status, _json(nobody)) == (404, 'No orchestration with instance ID "$nobody" found.')
    assert (running.status, _json(running)) == (412, _recorded("live_ops", 2)["reply"])
    assert _is_empty(failed, 202)
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

    body = _json(api.call("POST", "instances/i1/restart?restartWithNewInstanceId=false"))

    started = api.hub.started[0]
    assert body["id"] == started["instance_id"] == "i1"
    assert (started["generation"], started["replaces"]) == (2, ended)


def test_a_restart_of_what_is_not_there_or_still_runs_is_refused(api: Api) -> None:
    api.hub.rows["i1"] = ROW
    unknown, live = _recorded("restart_purge", 5), _recorded("live_ops", 4)

    answers = (
        api.call("POST", "instances/nobody/restart"),
        api.call("POST", "instances/i1/restart?restartWithNewInstanceId=false"),
    )

    for answer, recorded in zip(answers, (unknown, live), strict=True):
        assert answer.status == recorded["status"]
        assert {**_json(answer), "StackTrace": ""} == {**recorded["reply"], "StackTrace": ""}
    assert api.hub.started == []


def test_a_purge_takes_what_has_ended_and_entities(api: Api) -> None:
    api.hub.rows |= {"i1": replace(ROW, runtime_status="Failed"), "@counter@k": replace(ROW, instance_id="@counter@k")}

    answers = [api.call("DELETE", f"instances/{instance_id}") for instance_id in api.hub.rows]

    assert [(answer.status, _json(answer)) for answer in answers] == [(200, {"instancesDeleted": 1})] * 2
    assert api.hub.purged == ["i1", "@counter@k"]
    assert _is_empty(api.call("DELETE", "instances/nobody"), 404)


def test_a_purge_of_what_still_runs_is_refused(api: Api) -> None:
    api.hub.rows["i1"] = ROW

    answer = api.call("DELETE", "instances/i1")

    assert answer.status == 412
    assert _json(answer) == _recorded("live_ops", 1)["reply"].replace("<id0>", "i1")
    assert api.hub.purged == []


def test_a_purge_by_filter_needs_the_beginning_of_its_span(api: Api) -> None:
    for query in ("runtimeStatus=Completed", "createdTimeFrom=nonsense"):
        answer = api.call("DELETE", f"instances/?{query}")
        assert (answer.status, _json(answer)) == (400, _recorded("restart_purge", 9)["reply"])


def test_a_purge_by_filter_counts_what_it_removed_and_takes_all_where_no_terminal_status_is_named(api: Api) -> None:
    empty = api.call("DELETE", "instances?createdTimeFrom=2026-01-01T00:00:00Z")
    api.hub.rows["i1"] = ROW
    answer = api.call("DELETE", "instances?createdTimeFrom=2026-01-01T00:00:00Z&runtimeStatus=Failed,Running")
    rest = [
        api.call("DELETE", f"instances?createdTimeFrom=2026-01-01T00:00:00Z&runtimeStatus={status}")
        for status in ("Running", "completed", "Nonsense", "")
    ]

    queries = [query for query in api.hub.purged if isinstance(query, InstanceQuery)]
    assert _is_empty(empty, 404)
    assert (answer.status, _json(answer)) == (200, {"instancesDeleted": 1})
    assert [query.statuses for query in queries] == [(), ("Failed",), (), (), (), ()]
    assert {one.status for one in rest} <= {200, 404}
    assert all(query.created_to is not None for query in queries)


def test_a_purge_by_filter_without_a_status_warns_that_it_takes_running_instances_along(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    api.hub.rows["i1"] = ROW

    api.call("DELETE", "instances?createdTimeFrom=2026-01-01T00:00:00Z")

    assert "removes instances of every status" in caplog.text


def test_another_store_is_not_looked_at(api: Api) -> None:
    api.hub.rows["i1"] = ROW
    recorded = next(e for e in _exchanges("show_flags") if "connection=Other" in e["path"])

    hub = api.call("GET", "instances/i1?taskHub=Other")
    connection = api.call("GET", "instances/i1?connection=Other")
    same = api.call("GET", "instances/i1?taskhub=goldenhub&Connection=Storage")

    assert _is_empty(hub, 404)
    assert (connection.status, {**_json(connection), "StackTrace": ""}) == (
        500,
        {**recorded["reply"], "StackTrace": ""},
    )
    assert same.status == 202


def test_what_goes_wrong_in_storage_is_a_500_that_names_it(api: Api) -> None:
    api.hub.fails = True

    body = _json(answer := api.call("GET", "instances/i1"))

    assert answer.status == 500
    assert body["Message"] == "Something went wrong while processing your request"
    assert body["ExceptionMessage"] == "storage is away"


def test_make_primary_is_accepted(api: Api) -> None:
    assert _is_empty(api.call("POST", "makeprimary"), 200)


def _exchanges(scenario: str) -> list[dict[str, Any]]:
    exchanges: list[dict[str, Any]] = json.loads((SCENARIOS / f"{scenario}.json").read_text(encoding="utf-8"))["http"]
    return exchanges


# --- entities ---------------------------------------------------------------------------------------------------------


def _entity(key: str, scheduler: str | None, status: str = '{"entityExists":true}') -> InstanceRow:
    instance_id = f"@counter@{key}"
    return replace(ROW, instance_id=instance_id, name=instance_id, input=scheduler, custom_status=status)


def test_an_entity_s_state_is_shown_and_a_deleted_one_is_null(api: Api) -> None:
    api.hub.rows |= {
        row.instance_id: row
        for row in (
            _entity("k1", '{"exists":true,"state":"{\\"n\\":5}","sorter":{}}'),
            _entity("gone", '{"state":"null","sorter":{}}', "{}"),
            _entity("", '{"exists":true,"state":"7"}'),
            _entity("new", None),
        )
    }

    assert _json(api.call("GET", "entities/Counter/k1")) == {"n": 5}
    assert _json(api.call("GET", "entities/counter/gone")) is None
    assert _json(api.call("GET", "entities/counter/$")) == 7
    assert _is_empty(api.call("GET", "entities/counter/new"), 404)
    assert _is_empty(api.call("GET", "entities/counter/nobody"), 404)


def test_entities_are_listed_with_their_state_where_that_is_asked_for(api: Api) -> None:
    gone = _entity("gone", '{"state":"null"}', "{}")
    api.hub.rows |= {row.instance_id: row for row in (_entity("a@b", '{"exists":true,"state":"5"}'), gone)}

    plain = _json(api.call("GET", "entities?top=3"))
    fetched = _json(api.call("GET", "entities/Counter?fetchState=true&lastOperationTimeFrom=2026-01-01T00:00:00Z"))

    one = {"entityId": {"name": "counter", "key": "a@b"}, "lastOperationTime": "2026-01-01T12:00:00.1234567Z"}
    assert plain == [one | {"state": None}]
    assert fetched[0] == one | {"state": 5}
    assert [(query.entities_only, query.entity_name, top) for query, top, _ in api.hub.queries] == [
        (True, None, 3),
        (True, "counter", 100),
    ]
    assert api.hub.queries[1][0].created_from == ticks_from_text("2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("method", "target", "body", "kind", "instance_id", "operation", "operand"),
    [
        ("POST", "Counter/K1?op=add", b"5", "application/json", "@counter@K1", "add", "5"),
        ("POST", "counter/k?op=add", b'"5"', "application/json", "@counter@k", "add", '"5"'),
        ("POST", "counter/k?op=add", b'{"a" : 1}', "text/plain", "@counter@k", "add", '"{\\"a\\" : 1}"'),
        ("POST", "counter/k", b"", "", "@counter@k", "", None),
        ("POST", "counter", b"", "", "@counter@", "", None),
        ("DELETE", "counter/k", b"", "", "@counter@k", "delete", None),
    ],
)
def test_a_signal_is_sent_as_a_client_sends_it(
    api: Api,
    method: str,
    target: str,
    body: bytes,
    kind: str,
    instance_id: str,
    operation: str,
    operand: str | None,
) -> None:
    answer = api.call(method, f"entities/{target}", body, kind=kind)

    receiver, event = api.hub.sent[0]
    assert _is_empty(answer, 202)
    assert receiver == instance_id
    assert isinstance(event, EventRaised)
    assert event.name == "op"
    message = json.loads(event.input or "")
    assert len(message.pop("id")) == 36
    assert message == {
        "op": operation,
        "signal": True,
        **({} if operand is None else {"input": operand}),
        "Timestamp": "0001-01-01T00:00:00",
        "Predecessor": "0001-01-01T00:00:00",
    }


@pytest.mark.parametrize(
    ("target", "body", "message"),
    [
        (
            "nobody/k",
            b"5",
            "The function 'nobody' doesn't exist, is disabled, or is not an entity function. Additional info: "
            "The following are the known entity functions: 'counter', 'ledger'.",
        ),
        ("", b"", "Invalid entity id: entity name must not be a null or empty string. (Parameter 'entityName')"),
        (
            "counter/a%23b",
            b"",
            "entityKey (Parameter 'Entity keys must not contain /, \\, #, ?, or control characters.')",
        ),
    ],
)
def test_a_signal_that_reaches_no_entity_is_refused(api: Api, target: str, body: bytes, message: str) -> None:
    answer = api.call("POST", f"entities/{target}?op=add", body)

    assert (answer.status, _json(answer)) == (400, {"Message": message})
    assert api.hub.sent == []


def test_a_signal_whose_json_cannot_be_read_is_refused(api: Api) -> None:
    answer = api.call("POST", "entities/counter/k?op=add", b"{not")

    assert answer.status == 400
    assert _json(answer)["Message"].startswith("Could not parse JSON content: ")


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "PATCH"])
def test_an_entity_takes_no_other_methods_and_is_not_signalled_by_them(api: Api, method: str) -> None:
    answers = [api.call(method, f"entities/counter{rest}", b"1") for rest in ("", "/k", "/k?op=add")]

    assert all(_is_empty(answer, 404) for answer in answers)
    assert api.hub.sent == []


@pytest.mark.parametrize("target", ["instances?top=-1", "entities?top=-2", "entities/counter?top=-1"])
def test_a_page_of_less_than_nothing_is_refused_with_what_to_ask_for(api: Api, target: str) -> None:
    answer = api.call("GET", target)

    assert answer.status == 400
    assert "ask for 1 instance or more" in _json(answer)["Message"]
    assert api.hub.queries == []


def test_a_page_too_large_to_be_a_number_is_the_usual_page(api: Api) -> None:
    api.call("GET", "instances?top=99999999999")

    assert [top for _, top, _ in api.hub.queries] == [100]


@pytest.mark.parametrize("target", ["instances?taskHub=Other", "entities?taskHub=Other", "entities/counter?taskHub=x"])
def test_a_list_of_another_hub_is_empty(api: Api, target: str) -> None:
    answer = api.call("GET", target)

    assert (answer.status, _json(answer)) == (200, [])


def test_a_purge_of_an_entity_that_is_not_there_removes_nothing(api: Api) -> None:
    entity, other = api.call("DELETE", "instances/@counter@nobody"), api.call("DELETE", "instances/nobody")

    assert (entity.status, _json(entity)) == (200, {"instancesDeleted": 0})
    assert _is_empty(other, 404)


def test_a_doubled_slash_is_no_route(api: Api) -> None:
    api.hub.rows["i1"] = ROW

    assert _is_empty(api.call("GET", "/instances/i1"), 404)
    assert api.call("GET", "instances/i1//").status == 202


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
    assert _json(answer)["ExceptionMessage"].startswith("The reader's MaxDepth of 64 has been exceeded. Path '[0]")
    assert _json(answer)["ExceptionType"] == "Newtonsoft.Json.JsonReaderException"
