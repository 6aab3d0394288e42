"""Starting and restarting orchestrations, and waiting for their end.

POST ``orchestrators/{name}/{id?}`` and POST ``instances/{id}/restart``.
Invariant: an instance that has not ended is never replaced, unless host.json says that it may be.
"""

from __future__ import annotations

import asyncio
from typing import Final

from durable_engine import FINAL_STATUSES, JsonReaderError, compact_json, read_json
from durable_host.app.index import ORCHESTRATION
from durable_host.clock import new_guid, new_id
from durable_host.http.management import status
from durable_host.http.management.context import ManagementContext
from durable_host.http.management.errors import ApiError, DotNetError, argument_error, check_id, invalid_json
from durable_host.http.management.query import QueryParameters, body_text, json_or_text
from durable_host.http.messages import Answer, Request, json_answer

__all__ = ["restart", "start"]

_SHORTEST_INTERVAL_SECONDS: Final = 0.1
_LOOK_AT_CLIENT_SECONDS: Final = 1.0


async def start(context: ManagementContext, request: Request, name: str, instance_id: str | None) -> Answer:
    """Start an orchestration. Of its id only the length is checked, and not its name: an unknown one fails when it is
    run."""
    if instance_id is not None:
        check_id(instance_id)
    query = QueryParameters(request.query)
    input_text = body_text(request) if request.body else None
    if input_text is not None:
        try:
            read_json(input_text)
        except JsonReaderError as error:
            if input_text.strip():
                raise invalid_json(error) from error
            input_text = None
    started = instance_id or new_id()
    context.tell(request, "StartOrchestration", started)
    if context.index.is_disabled(ORCHESTRATION, name):
        raise argument_error(context.index.unknown(ORCHESTRATION, name))
    replaced = await context.client.get_instance(instance_id) if instance_id else None
    if replaced is not None and replaced.runtime_status not in FINAL_STATUSES and not context.replaces_running:
        raise ApiError(409, f"An Orchestration instance with the status {replaced.runtime_status} already exists.")
    await context.client.start(
        name,
        instance_id=started,
        execution_id=new_guid(),
        input=input_text,
        generation=_next_generation(replaced.generation) if replaced is not None else 0,
        version=query.text("version") or context.default_version,
        replaces=replaced,
    )
    return await _started_answer(context, request, query, started)


async def restart(context: ManagementContext, request: Request, instance_id: str) -> Answer:
    """Start the orchestration of an instance again, with its input, under its own id or a new one."""
    query = QueryParameters(request.query)
    row = await context.client.get_instance(instance_id)
    if row is None:
        raise argument_error(
            f"No instance with ID '{instance_id}' was found. (Parameter 'instanceId')",
            message="InstanceId does not match a valid orchestration instance.",
        )
    keeps_id = not query.flag("restartWithNewInstanceId", default=True)
    if keeps_id and row.runtime_status not in FINAL_STATUSES and not context.replaces_running:
        raise DotNetError(
            409,
            "A non-terminal instance with this instance ID already exists.",
            exception_message=f"An Orchestration instance with the status {row.runtime_status} already exists.",
            exception_type="DurableTask.Core.Exceptions.OrchestrationAlreadyExistsException",
        )
    started = instance_id if keeps_id else new_id()
    await context.client.start(
        row.name,
        instance_id=started,
        execution_id=new_id(),
        # The real host parses the input and writes it again, so that no input becomes the text null.
        input=compact_json(json_or_text(row.input)),
        generation=_next_generation(row.generation) if keeps_id else 0,
        version=row.version,
        replaces=row if keeps_id else None,
        restarted_from=None if keeps_id else instance_id,
    )
    return await _started_answer(context, request, query, started)


def _next_generation(generation: int | None) -> int:
    return (generation or 0) + 1


async def _started_answer(
    context: ManagementContext, request: Request, query: QueryParameters, instance_id: str
) -> Answer:
    timeout, interval = query.seconds("timeout"), query.seconds("pollingInterval")
    if timeout is None or interval is None:
        return context.check_status_answer(request, instance_id)
    if interval > timeout:
        # The instance runs all the same: the real host, too, looks at these only now.
        raise ApiError(400, f"Total timeout {timeout:g} should be bigger than retry timeout {interval:g}")
    return await _wait(context, request, instance_id, timeout, interval)


async def _wait(
    context: ManagementContext, request: Request, instance_id: str, timeout: float, interval: float
) -> Answer:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    while True:
        row = await context.client.get_instance(instance_id)
        if row is not None and row.runtime_status in FINAL_STATUSES:
            if row.runtime_status == "Completed":
                return json_answer(200, json_or_text(row.output))
            return await status.get_status(context, request, instance_id)
        look_at = loop.time() + max(interval, _SHORTEST_INTERVAL_SECONDS)
        while True:
            remaining = min(look_at, deadline) - loop.time()
            if request.is_abandoned() or loop.time() >= deadline:
                return context.check_status_answer(request, instance_id)
            if remaining <= 0:
                break
            await asyncio.sleep(min(remaining, _LOOK_AT_CLIENT_SECONDS))
