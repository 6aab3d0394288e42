# mypy: disallow-untyped-decorators=False
"""The durable app of a project that has never seen this repository."""

from collections.abc import Generator
from typing import Any

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="greet/{name}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start_greeting(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    instance_id = await client.start_new("greeting", client_input=req.route_params["name"])
    response: func.HttpResponse = client.create_check_status_response(req, instance_id)
    return response


@app.orchestration_trigger(context_name="context")
def greeting(context: df.DurableOrchestrationContext) -> Generator[Any, Any, str]:
    words = yield context.task_all([context.call_activity("word", part) for part in ("hello", context.get_input())])
    return " ".join(words)


@app.activity_trigger(input_name="text")
def word(text: str) -> str:
    return text.capitalize()
