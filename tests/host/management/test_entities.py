"""The management API shows, lists and signals entities."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from durable_engine import EventRaised, ticks_from_text
from durable_host.task_hub.tables.instance_rows import InstanceRow
from host.management.hub_in_memory import ROW, Api, is_empty, json_of


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

    assert json_of(api.call("GET", "entities/Counter/k1")) == {"n": 5}
    assert json_of(api.call("GET", "entities/counter/gone")) is None
    assert json_of(api.call("GET", "entities/counter/$")) == 7
    assert is_empty(api.call("GET", "entities/counter/new"), 404)
    assert is_empty(api.call("GET", "entities/counter/nobody"), 404)


def test_an_entity_whose_row_holds_no_state_spoils_no_list(api: Api) -> None:
    rows = (_entity("a", "nonsense"), _entity("b", "[" * 20_000), _entity("c", '{"exists":true,"state":"7"}'))
    api.hub.rows |= {row.instance_id: row for row in rows}

    listed = json_of(api.call("GET", "entities?fetchState=true"))

    assert [one["entityId"]["key"] for one in listed] == ["c"]
    assert is_empty(api.call("GET", "entities/counter/a"), 404)


def test_entities_are_listed_with_their_state_where_that_is_asked_for(api: Api) -> None:
    gone = _entity("gone", '{"state":"null"}', "{}")
    api.hub.rows |= {row.instance_id: row for row in (_entity("a@b", '{"exists":true,"state":"5"}'), gone)}

    plain = json_of(api.call("GET", "entities?top=3"))
    fetched = json_of(api.call("GET", "entities/Counter?fetchState=true&lastOperationTimeFrom=2026-01-01T00:00:00Z"))

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
    assert is_empty(answer, 202)
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

    assert (answer.status, json_of(answer)) == (400, {"Message": message})
    assert api.hub.sent == []


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_signal_to_an_entity_whose_id_no_table_can_hold_is_refused(api: Api, method: str) -> None:
    answer = api.call(method, f"entities/counter/{'k' * 600}?op=add", b"1")

    assert answer.status == 400
    assert "a table's key holds at most 512 characters" in json_of(answer)["ExceptionMessage"]
    assert api.hub.sent == []


def test_a_signal_whose_json_cannot_be_read_is_refused(api: Api) -> None:
    answer = api.call("POST", "entities/counter/k?op=add", b"{not")

    assert answer.status == 400
    assert json_of(answer)["Message"].startswith("Could not parse JSON content: ")


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "PATCH"])
def test_an_entity_takes_no_other_methods_and_is_not_signalled_by_them(api: Api, method: str) -> None:
    answers = [api.call(method, f"entities/counter{rest}", b"1") for rest in ("", "/k", "/k?op=add")]

    assert all(is_empty(answer, 404) for answer in answers)
    assert api.hub.sent == []
