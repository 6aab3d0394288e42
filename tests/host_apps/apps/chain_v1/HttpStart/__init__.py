"""A starter of the v1 model, which gets the binding's JSON."""

import azure.durable_functions as df
import azure.functions as func


async def main(req: func.HttpRequest, starter: str) -> func.HttpResponse:
    client = df.DurableOrchestrationClient(starter)
    given = req.get_body().decode() or None
    instance_id = await client.start_new(req.route_params["functionName"], None, given)
    response: func.HttpResponse = client.create_check_status_response(req, instance_id)
    return response
