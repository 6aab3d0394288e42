# mypy: disallow-untyped-decorators=False
"""Starters without a host: a function with a durable client, called with the SDK's client in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import pytest

from durable_harness import Harness

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
