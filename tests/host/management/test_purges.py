"""The management API purges by id and by filter."""

from __future__ import annotations

from dataclasses import replace

import pytest

from durable_host.task_hub.tables.instance_rows import InstanceQuery
from host.management.hub_in_memory import ROW, Api, exchanges, is_empty, json_of


def test_a_purge_takes_what_has_ended_and_entities(api: Api) -> None:
    api.hub.rows |= {"i1": replace(ROW, runtime_status="Failed"), "@counter@k": replace(ROW, instance_id="@counter@k")}

    answers = [api.call("DELETE", f"instances/{instance_id}") for instance_id in api.hub.rows]

    assert [(answer.status, json_of(answer)) for answer in answers] == [(200, {"instancesDeleted": 1})] * 2
    assert api.hub.purged == ["i1", "@counter@k"]
    assert is_empty(api.call("DELETE", "instances/nobody"), 404)


def test_a_purge_of_what_still_runs_is_refused(api: Api) -> None:
    api.hub.rows["i1"] = ROW

    answer = api.call("DELETE", "instances/i1")

    assert answer.status == 412
    assert json_of(answer) == exchanges("live_ops")[1]["reply"].replace("<id0>", "i1")
    assert api.hub.purged == []


def test_a_purge_by_filter_needs_the_beginning_of_its_span(api: Api) -> None:
    for query in ("runtimeStatus=Completed", "createdTimeFrom=nonsense", "createdTimeFrom=0001-01-01T00:00:00%2B14:00"):
        answer = api.call("DELETE", f"instances/?{query}")
        assert (answer.status, json_of(answer)) == (400, exchanges("restart_purge")[9]["reply"])


def test_a_purge_by_filter_counts_what_it_removed_and_takes_all_where_no_terminal_status_is_named(api: Api) -> None:
    empty = api.call("DELETE", "instances?createdTimeFrom=2026-01-01T00:00:00Z")
    api.hub.rows["i1"] = ROW
    answer = api.call("DELETE", "instances?createdTimeFrom=2026-01-01T00:00:00Z&runtimeStatus=Failed,Running")
    rest = [
        api.call("DELETE", f"instances?createdTimeFrom=2026-01-01T00:00:00Z&runtimeStatus={status}")
        for status in ("Running", "completed", "Nonsense", "")
    ]

    queries = [query for query in api.hub.purged if isinstance(query, InstanceQuery)]
    assert is_empty(empty, 404)
    assert (answer.status, json_of(answer)) == (200, {"instancesDeleted": 1})
    assert [query.statuses for query in queries] == [(), ("Failed",), (), (), (), ()]
    assert {one.status for one in rest} <= {200, 404}
    assert all(query.created_to is not None for query in queries)


def test_a_purge_by_filter_without_a_status_warns_that_it_takes_running_instances_along(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    api.hub.rows["i1"] = ROW

    api.call("DELETE", "instances?createdTimeFrom=2026-01-01T00:00:00Z")

    assert "removes instances of every status" in caplog.text


def test_a_purge_of_an_entity_that_is_not_there_removes_nothing(api: Api) -> None:
    entity, other = api.call("DELETE", "instances/@counter@nobody"), api.call("DELETE", "instances/nobody")

    assert (entity.status, json_of(entity)) == (200, {"instancesDeleted": 0})
    assert is_empty(other, 404)
