"""Functions with a mistake each, beside one that has none."""

# mypy: disallow-untyped-decorators=False
from __future__ import annotations

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
STORAGE = "AzureWebJobsStorage"


@app.queue_trigger(arg_name="msg", queue_name="%NoSuchSetting%", connection=STORAGE)
def no_setting(msg: func.QueueMessage) -> None: ...


@app.queue_trigger(arg_name="msg", queue_name="orders", connection="NoSuchConnection")
def no_connection(msg: func.QueueMessage) -> None: ...


@app.queue_trigger(arg_name="msg", queue_name="no_queue", connection=STORAGE)
def no_queue(msg: func.QueueMessage) -> None: ...


@app.blob_trigger(arg_name="blob", path="inbox/{name", connection=STORAGE)
def no_pattern(blob: func.InputStream) -> None: ...


@app.blob_trigger(arg_name="blob", path="v1/{name}", connection=STORAGE)
def no_container(blob: func.InputStream) -> None: ...


@app.timer_trigger(arg_name="timer", schedule="every day")
def no_schedule(timer: func.TimerRequest) -> None: ...


@app.route(route="elsewhere")
@app.cosmos_db_input(arg_name="items", database_name="d", container_name="c", connection="Cosmos")
def elsewhere(req: func.HttpRequest, items: func.DocumentList) -> str:
    raise AssertionError("there is no Cosmos DB here")


@app.route(route="nowhere")
@app.blob_output(arg_name="out", path="a/b.txt", connection="Nowhere")
def nowhere(req: func.HttpRequest, out: func.Out[str]) -> str:
    out.set("text")
    return "written"


@app.route(route="fine")
def fine(req: func.HttpRequest) -> str:
    return "fine"


@app.route(route="refused/{which}")
@app.blob_input(arg_name="blob", path="v1/{which}", connection=STORAGE)
def refused(req: func.HttpRequest, blob: str) -> str:
    raise AssertionError("storage takes no such name")


@app.queue_trigger(arg_name="msg", queue_name="malformed", connection="Malformed")
def malformed(msg: func.QueueMessage) -> None: ...
