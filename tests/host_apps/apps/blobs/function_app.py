"""Blobs in every type that a parameter may have, in an account of their own; one always fails. And other bindings."""

# mypy: disallow-untyped-decorators=False, disable-error-code=redundant-expr
from __future__ import annotations

import json

import azure.functions as func
import azurefunctions.extensions.bindings.blob as blob_types

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
OTHER = "OtherStorage"


@app.blob_trigger(arg_name="blob", path="inbox/{name}", connection=OTHER)
@app.blob_output(arg_name="out", path="outbox/{name}", connection=OTHER)
def copied(blob: blob_types.BlobClient, out: func.Out[bytes]) -> None:
    """A client of the SDK as the trigger's type."""
    out.set(blob.download_blob().readall()[::-1])


@app.blob_trigger(arg_name="blob", path="failing", connection=OTHER)
def failing(blob: func.InputStream) -> None:
    raise ValueError(f"{blob.name} cannot be read")


@app.route(route="read/{name}", methods=["GET"])
@app.blob_input(arg_name="stream", path="inbox/{name}", connection=OTHER)
@app.blob_input(arg_name="text", path="inbox/{name}", connection=OTHER)
@app.blob_input(arg_name="raw", path="inbox/{name}", connection=OTHER, data_type=func.DataType.BINARY)
def read(req: func.HttpRequest, stream: func.InputStream, text: str, raw: bytes) -> str:
    return "nothing" if text is None else f"{stream.read().decode()} {text} {raw!r}"


@app.route(route="count", methods=["GET"])
@app.blob_input(arg_name="container", path="inbox", connection=OTHER)
def count(req: func.HttpRequest, container: blob_types.ContainerClient) -> str:
    return ",".join(sorted(container.list_blob_names()))


@app.route(route="download/{name}", methods=["GET"])
@app.blob_input(arg_name="stream", path="inbox/{name}", connection=OTHER)
def download(req: func.HttpRequest, stream: blob_types.StorageStreamDownloader) -> func.HttpResponse:
    return func.HttpResponse(stream.readall())


@app.queue_trigger(arg_name="msg", queue_name="moves", connection="Other")
@app.queue_output(arg_name="$return", queue_name="moved", connection="AzureWebJobsStorage")
@app.table_output(arg_name="row", table_name="moves", connection=OTHER)
def move(msg: func.QueueMessage, row: func.Out[str]) -> str:
    """From one account to another: ``Other`` is the setting AzureWebJobsOther."""
    text = msg.get_body().decode()
    row.set(json.dumps({"PartitionKey": "p", "RowKey": text}))
    return text
