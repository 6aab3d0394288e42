# mypy: disallow-untyped-decorators=False
"""Functions that do what no app should do: block, stop the loop, close standard output, nest without end."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import threading
import time
from collections.abc import Generator
from typing import Any

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
Steps = Generator[Any, Any, Any]


@app.orchestration_trigger(context_name="context")
def calls(context: df.DurableOrchestrationContext) -> Steps:
    """Calls the activity that its input names, and gives its result."""
    name, value = context.get_input()
    result = yield context.call_activity(name, value)
    return result


@app.orchestration_trigger(context_name="context")
def fans_out(context: df.DurableOrchestrationContext) -> Steps:
    """So many short activities at once."""
    results = yield context.task_all([context.call_activity("same", n) for n in range(context.get_input())])
    return sum(results)


@app.orchestration_trigger(context_name="context")
def computes(context: df.DurableOrchestrationContext) -> Steps:
    """Never gets to a yield."""
    print("it computes", flush=True)
    while time.monotonic() > 0:
        time.sleep(0.01)
    yield


@app.orchestration_trigger(context_name="context")
def asks(context: df.DurableOrchestrationContext) -> Steps:
    """Asks the entity that never answers."""
    return (yield context.call_entity(df.EntityId("stays", "k"), "stay"))


@app.entity_trigger(context_name="context")
def stays(context: df.DurableEntityContext) -> None:
    """Never returns."""
    threading.Event().wait()


@app.orchestration_trigger(context_name="context")
def waits(context: df.DurableOrchestrationContext) -> Steps:
    """Waits for somebody."""
    return (yield context.wait_for_external_event("go"))


@app.orchestration_trigger(context_name="context")
def leaves(context: df.DurableOrchestrationContext) -> Steps:
    """Ends the process."""
    if not context.is_replaying:
        os._exit(3)
    yield context.wait_for_external_event("go")


@app.orchestration_trigger(context_name="context")
def recurses_little(context: df.DurableOrchestrationContext) -> Steps:
    """Leaves hardly any recursion to anybody."""
    sys.setrecursionlimit(50)
    return (yield context.call_activity("same", context.get_input()))


@app.route(route="starts/{instance_id}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def starts(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> str:
    """Starts an instance of this id, and says what comes of it."""
    try:
        started: str = await client.start_new("waits", req.route_params["instance_id"])
        return started
    except Exception as error:
        return f"{type(error).__name__}: {error}"


@app.activity_trigger(input_name="value")
def same(value: Any) -> Any:
    """What it got."""
    return value


@app.activity_trigger(input_name="value")
def hangs(value: Any) -> Any:
    """Never returns."""
    print("it hangs", flush=True)
    threading.Event().wait()


@app.activity_trigger(input_name="value")
async def blocks(value: Any) -> Any:
    """Keeps the loop of all async functions."""
    print("it blocks", flush=True)
    threading.Event().wait()


@app.activity_trigger(input_name="value")
def backtracks(value: Any) -> Any:
    """Keeps the interpreter's lock for ever, in C."""
    print("it backtracks", flush=True)
    return re.match(r"(a+)+$", "a" * 60 + "b")


@app.activity_trigger(input_name="value")
async def stops_the_loop(value: Any) -> Any:
    """Stops the loop that it runs in, and goes on."""
    asyncio.get_running_loop().stop()
    await asyncio.sleep(0.05)
    return value


@app.activity_trigger(input_name="value")
async def exits_in_a_task(value: Any) -> Any:
    """Leaves a task behind that ends the program."""

    async def leave() -> None:
        sys.exit(3)

    task = asyncio.get_running_loop().create_task(leave())
    await asyncio.sleep(0.05)
    return [value, task.done()]


@app.activity_trigger(input_name="value")
def closes_stdout(value: Any) -> Any:
    """Closes what it prints to, and leaves the process without one."""
    sys.stdout.close()
    sys.stdout = None
    return value


@app.activity_trigger(input_name="value")
def exits(value: Any) -> Any:
    """Ends the process."""
    os._exit(value)


@app.activity_trigger(input_name="value")
async def cancels_itself(value: Any) -> Any:
    """Cancels the task that runs it."""
    task = asyncio.current_task()
    if task is not None:
        task.cancel()
    await asyncio.sleep(0)


@app.activity_trigger(input_name="value")
def nests(value: int) -> Any:
    """A list in a list in a list."""
    nested: Any = []
    for _ in range(value):
        nested = [nested]
    return nested


@app.entity_trigger(context_name="context")
def counts(context: df.DurableEntityContext) -> None:
    """How often it was asked."""
    context.set_state(context.get_state(lambda: 0) + 1)


@app.event_grid_trigger(arg_name="event")
def hears(event: func.EventGridEvent) -> None:
    """Says that it has heard."""
    print("it hears", flush=True)


@app.route(route="same/{value}")
def http_same(req: func.HttpRequest) -> func.HttpResponse:
    """What the route holds."""
    return func.HttpResponse(req.route_params["value"])


@app.route(route="hangs")
def http_hangs(req: func.HttpRequest) -> func.HttpResponse:
    """Never answers."""
    threading.Event().wait()
    return func.HttpResponse("")


@app.route(route="body")
def http_body(req: func.HttpRequest) -> func.HttpResponse:
    """The body as it came."""
    return func.HttpResponse(req.get_body())


@app.route(route="odd/{kind}")
def http_odd(req: func.HttpRequest) -> func.HttpResponse:
    """An answer that HTTP cannot carry, or that a browser would not take."""
    if req.route_params["kind"] == "exit":
        os._exit(3)
    if req.route_params["kind"] == "status":
        return func.HttpResponse("x", status_code=99)
    if req.route_params["kind"] == "number":
        return 5  # type: ignore[return-value]  # the attack
    headers = {
        "name": {"no name": "1"},
        "length": {"Content-Length": "500"},
        "pages": {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "X-Odd"},
        "passed-on": {"Content-Length": "1", "Transfer-Encoding": "gzip"},
    }
    return func.HttpResponse("x", headers=headers[req.route_params["kind"]])
