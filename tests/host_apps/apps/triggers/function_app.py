"""An app as users write them: started by timer, queue and blob, with bindings, and with a trigger of elsewhere."""

# mypy: disallow-untyped-decorators=False
from __future__ import annotations

import json
import logging
from collections.abc import Generator
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import azurefunctions.extensions.bindings.blob as blob_types

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
STORAGE = "AzureWebJobsStorage"


@app.timer_trigger(arg_name="timer", schedule="%EVERY%", run_on_startup=True)
@app.durable_client_input(client_name="client")
async def monitor(timer: func.TimerRequest, client: df.DurableOrchestrationClient) -> None:
    await client.start_new("watch", "the-monitor", {"past_due": timer.past_due})


@app.queue_trigger(arg_name="msg", queue_name="orders", connection=STORAGE)
@app.durable_client_input(client_name="client")
async def order(msg: func.QueueMessage, client: df.DurableOrchestrationClient) -> None:
    body = msg.get_json()
    await client.start_new("watch", body["id"], body)


@app.queue_trigger(arg_name="msg", queue_name="to-copy", connection=STORAGE)
@app.queue_output(arg_name="$return", queue_name="copied", connection=STORAGE)
def copy(msg: func.QueueMessage) -> str:
    return f"{msg.get_body().decode()} ({msg.dequeue_count})"


@app.queue_trigger(arg_name="msg", queue_name="to-fail", connection=STORAGE)
def fail(msg: func.QueueMessage) -> None:
    logging.warning("attempt %s", msg.dequeue_count)
    raise ValueError("this message is poison")


@app.blob_trigger(arg_name="blob", path="uploads/{name}.txt", connection=STORAGE)
@app.blob_output(arg_name="copy", path="copies/{name}.upper.txt", connection=STORAGE)
@app.durable_client_input(client_name="client")
async def upload(blob: func.InputStream, copy: func.Out[str], client: df.DurableOrchestrationClient) -> None:
    text = blob.read().decode()
    copy.set(text.upper())
    await client.start_new("watch", text, {"blob": blob.name})


@app.route(route="size/{name}", methods=["GET"])
@app.blob_input(arg_name="blob", path="uploads/{name}", connection=STORAGE)
def size(req: func.HttpRequest, blob: blob_types.BlobClient) -> str:
    return str(blob.get_blob_properties().size)


@app.route(route="rows/{key}", methods=["POST"])
@app.table_output(arg_name="row", table_name="rows", connection=STORAGE)
def write_row(req: func.HttpRequest, row: func.Out[str]) -> str:
    row.set(json.dumps({"PartitionKey": "p", "RowKey": req.route_params["key"], "text": req.get_body().decode()}))
    return "written"


@app.route(route="rows/{key}", methods=["GET"])
@app.table_input(arg_name="row", table_name="rows", partition_key="p", row_key="{key}", connection=STORAGE)
def read_row(req: func.HttpRequest, row: str) -> str:
    return str(json.loads(row)["text"]) if row else "no such row"


@app.event_grid_trigger(arg_name="event")
@app.queue_output(arg_name="out", queue_name="events", connection=STORAGE)
def hear(event: func.EventGridEvent, out: func.Out[str]) -> None:
    out.set(f"{event.event_type}: {event.get_json()['n']}")


@app.service_bus_queue_trigger(arg_name="message", queue_name="q", connection="Bus")
def of_elsewhere(message: func.ServiceBusMessage) -> None:
    raise AssertionError("there is no Service Bus here")


@app.timer_trigger(arg_name="timer", schedule="not a schedule")
def never(timer: func.TimerRequest) -> None:
    raise AssertionError("it cannot be listened for")


@app.orchestration_trigger(context_name="context")
def watch(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Any]:
    return (yield context.call_activity("look", context.get_input()))


@app.activity_trigger(input_name="given")
def look(given: Any) -> Any:
    return {"seen": given}


@app.orchestration_trigger(context_name="context")
def files(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Any]:
    text = yield context.call_activity("read_file", "by-name.txt")
    yield context.call_activity("write_file", {"name": "out", "text": text.upper()})
    return text


@app.activity_trigger(input_name="file")
@app.blob_input(arg_name="content", path="uploads/{file}", connection=STORAGE)
def read_file(file: str, content: str) -> str:
    return f"{file}: {content}"


@app.activity_trigger(input_name="given")
@app.blob_output(arg_name="out", path="copies/{data.name}-{instanceId}.txt", connection=STORAGE)
def write_file(given: dict, out: func.Out[str]) -> str:  # type: ignore[type-arg]  # the worker takes no dict[...]
    out.set(given["text"])
    return "written"


@app.orchestration_trigger(context_name="context")
def breaks(context: df.DurableOrchestrationContext) -> Generator[Any, Any, None]:
    yield context.call_entity(df.EntityId("fragile", "one"), "drop", None)


@app.entity_trigger(context_name="context")
def fragile(context: df.DurableEntityContext) -> None:
    raise RuntimeError("it broke")


@app.orchestration_trigger(context_name="context")
def gives_up(context: df.DurableOrchestrationContext) -> Generator[Any, Any, None]:
    yield context.call_activity("look", 1)
    yield context.call_activity("look", 2)
    raise ValueError("it gave up")


@app.orchestration_trigger(context_name="context")
def asks(context: df.DurableOrchestrationContext) -> Generator[Any, Any, None]:
    yield context.call_activity("refuses", 1)


@app.activity_trigger(input_name="given")
def refuses(given: Any) -> Any:
    raise LookupError("it refused")
