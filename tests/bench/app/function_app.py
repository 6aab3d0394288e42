# mypy: disallow-untyped-decorators=False
"""The app that is measured: an HTTP trigger, a fan-out, and activities that take no time.

What the hosts of the benchmarks run.
Invariant: it does nothing that the recorded app's fan-out did not do when the real engine was measured.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="start/{count}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client: Any) -> func.HttpResponse:
    """Start a fan-out of so many activities, under the id that the query gives."""
    instance_id = await client.start_new("fan_out", req.params.get("id"), int(req.route_params["count"]))
    response: func.HttpResponse = client.create_check_status_response(req, instance_id)
    return response


@app.orchestration_trigger(context_name="context")
def fan_out(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Any]:
    """Square the first numbers, all at once."""
    results = yield context.task_all([context.call_activity("square", n) for n in range(context.get_input())])
    return results


@app.activity_trigger(input_name="n")
def square(n: int) -> int:
    """Square a number."""
    return n * n
