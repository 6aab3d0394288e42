# mypy: disallow-untyped-decorators=False
"""Starters without a host: a function with a durable client, called with the SDK's client in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import pytest

from durable_harness import Harness
from durable_harness.core.virtual_clock import FIRST_MOMENT

app = df.DFApp()


@app.route(route="start/{name}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    instance_id = await client.start_new(req.route_params["name"], req.params.get("id"), req.get_json())
    response: func.HttpResponse = client.create_check_status_response(req, instance_id)
    return response


@app.route(route="approve/{id}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def approve(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> str:
    instance_id = req.route_params["id"]
    await client.raise_event(instance_id, "approved", {"by": "anna"})
    return str((await client.get_status(instance_id)).runtime_status.name)


@app.orchestration_trigger(context_name="context")
def order(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Any]:
    return (yield context.wait_for_external_event("approved"))


@app.orchestration_trigger(context_name="context")
def gives_back(context: df.DurableOrchestrationContext) -> Any:
    return context.get_input()


@app.entity_trigger(context_name="context")
def counter(context: df.DurableEntityContext) -> None:
    context.set_state(context.get_state(lambda: 0) + context.get_input())


def request(body: object = None, **route: str) -> func.HttpRequest:
    """A request as the worker gives one to a function."""
    return func.HttpRequest(
        method="POST", url="http://localhost/api/x", route_params=route, params={}, body=json.dumps(body).encode()
    )


def test_an_http_function_starts_an_orchestration_and_answers_with_its_urls() -> None:
    harness = Harness(app)

    response = harness.call("start", req=request({"item": 1}, name="order"))

    answered = json.loads(response.get_body())
    assert response.status_code == 202
    assert harness.instance(answered["id"]).runtime_status == "Running"
    assert f"/instances/{answered['id']}" in answered["statusQueryGetUri"]


def test_an_http_function_looks_at_an_instance_and_raises_an_event() -> None:
    harness = Harness(app)
    first, second = (harness.start("order", instance_id=instance_id) for instance_id in ("o-1", "o-2"))

    said = harness.call("approve", req=request(id="o-1"))

    second.raise_event("approved", {"by": "anna"})
    assert said in ("Running", "Completed")
    assert first.run().output == second.run().output is not None


async def _all_of(client: df.DurableOrchestrationClient) -> list[object]:
    entity = df.EntityId("counter", "c")
    before = await client.read_entity_state(entity)
    await client.signal_entity(entity, "add", 5)
    after = await client.read_entity_state(entity)
    await client.terminate("o", "enough")
    ended = await client.get_status("o")
    purged = await client.purge_instance_history("o")
    gone = await client.get_status("o")
    return [
        before.entity_exists,
        after.entity_state,
        ended.runtime_status.name,
        purged.instances_deleted,
        gone.runtime_status,
    ]


def test_entities_are_signalled_and_read_and_instances_are_ended_and_purged() -> None:
    harness = Harness(app)
    harness.start("order", instance_id="o")

    assert asyncio.run(_all_of(harness.client)) == [False, 5, "Terminated", 1, None]


async def _asks_and_purges(client: df.DurableOrchestrationClient) -> list[object]:
    await client.terminate("done-1", "enough")
    running = await client.get_status_by(runtime_status=[df.OrchestrationRuntimeStatus.Running])
    in_time = await client.get_status_by(FIRST_MOMENT, FIRST_MOMENT + timedelta(days=1))
    before = await client.get_status_by(created_time_to=FIRST_MOMENT - timedelta(days=1))
    purged = await client.purge_instance_history_by(FIRST_MOMENT)
    again = await client.purge_instance_history_by(FIRST_MOMENT)
    left = await client.get_status_all()
    return [
        *([one.instance_id for one in found] for found in (running, in_time, before)),
        purged.instances_deleted,
        again.instances_deleted,
        [one.instance_id for one in left],
    ]


def test_statuses_are_asked_for_and_purged_by_filter() -> None:
    harness = Harness(app)
    for instance_id in ("done-1", "open-1"):
        harness.start("order", instance_id=instance_id)

    assert asyncio.run(_asks_and_purges(harness.client)) == [
        ["open-1"],
        ["done-1", "open-1"],
        [],
        1,
        0,
        ["open-1"],
    ]


def test_an_instance_is_restarted_with_its_input_under_its_id_or_a_new_one() -> None:
    harness = Harness(app)
    harness.start("gives_back", {"item": 7}, instance_id="first").run()

    same = asyncio.run(harness.client.restart("first", restart_with_new_instance_id=False))
    new = asyncio.run(harness.client.restart("first"))

    # The SDK gives what the host has answered, and not the id alone.
    assert (same["id"], new["id"] != "first") == ("first", True)
    assert [harness.instance(one["id"]).run().output for one in (same, new)] == [{"item": 7}] * 2


def test_an_instance_that_runs_is_not_restarted_under_its_id() -> None:
    harness = Harness(app)
    harness.start("order", instance_id="open")

    with pytest.raises(Exception, match="unexpected status code 409"):
        asyncio.run(harness.client.restart("open", restart_with_new_instance_id=False))
    with pytest.raises(Exception, match="No instance with ID 'nobody' found"):
        asyncio.run(harness.client.restart("nobody"))


def test_a_second_start_under_an_id_in_use_fails_with_the_host_s_words() -> None:
    harness = Harness(app)
    harness.start("order", instance_id="o-3")
    again = func.HttpRequest(
        method="POST",
        url="http://localhost/api/x",
        route_params={"name": "order"},
        params={"id": "o-3"},
        body=b"1",
    )

    with pytest.raises(Exception, match="An Orchestration instance with the status Running already exists"):
        harness.call("start", req=again)


def test_a_function_without_a_client_is_not_called() -> None:
    with pytest.raises(Exception, match=r"no function with a durable client 'order'.*'start', 'approve'"):
        Harness(app).call("order")
