# mypy: disallow-untyped-decorators=False
"""The app of the flow tests: one small orchestrator for each thing that an orchestrator of SDK 1.7 can do.

What every target of the flow tests runs: the harness, the local host, ``func start``.
Invariant: nothing here knows on which target it runs. What takes time is ``slow``, and timers of a second or two.
"""

from __future__ import annotations

import json

import azure.durable_functions as df
import azure.functions as func

from flow.app import activities, calling, entities_and_values, waiting

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
for part in (activities, calling, waiting, entities_and_values):
    app.register_functions(part.blueprint)


@app.route(route="flow/{name}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start_flow(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    """Start the orchestration of that name, under the id of the query, with the body as its input."""
    body = req.get_body()
    value = json.loads(body) if body else None
    instance_id = await client.start_new(req.route_params["name"], req.params["id"], value)
    response: func.HttpResponse = client.create_check_status_response(req, instance_id)
    return response
