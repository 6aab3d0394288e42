"""Queues with settings of their own, bindings of a message's metadata, and outputs of every shape."""

# mypy: disallow-untyped-decorators=False
from __future__ import annotations

import json
import threading
import time
import typing

import azure.functions as func

app = func.FunctionApp()
STORAGE = "AzureWebJobsStorage"
_running, _lock = [0], threading.Lock()


@app.queue_trigger(arg_name="msg", queue_name="slow", connection=STORAGE)
@app.queue_output(arg_name="$return", queue_name="slow-done", connection=STORAGE)
def slow(msg: func.QueueMessage) -> str:
    """How many ran at the same time."""
    with _lock:
        _running[0] += 1
        at_once = _running[0]
    time.sleep(0.5)
    with _lock:
        _running[0] -= 1
    return str(at_once)


@app.queue_trigger(arg_name="msg", queue_name="again", connection=STORAGE)
@app.queue_output(arg_name="out", queue_name="attempts", connection=STORAGE)
def again(msg: func.QueueMessage, out: func.Out[str]) -> None:
    """Fails the first time."""
    if msg.dequeue_count == 1:
        raise RuntimeError("not yet")
    out.set(f"{msg.get_body().decode()} at attempt {msg.dequeue_count}")


@app.queue_trigger(arg_name="msg", queue_name="described", connection=STORAGE)
@app.blob_input(arg_name="known", path="described/{name}.txt", connection=STORAGE)
@app.blob_output(arg_name="copy", path="described/{inner.x}-{DequeueCount}.json", connection=STORAGE)
def described(msg: str, known: str, copy: func.Out[str]) -> None:
    """Bindings named by the members of a message, and by its metadata."""
    copy.set(json.dumps({"message": json.loads(msg), "known": known}))


@app.route(route="send/{shape}", methods=["POST"])
@app.queue_output(arg_name="text", queue_name="sent", connection=STORAGE)
@app.queue_output(arg_name="data", queue_name="sent", connection=STORAGE)
@app.queue_output(arg_name="texts", queue_name="sent", connection=STORAGE)
def send(
    req: func.HttpRequest,
    text: func.Out[str],
    data: func.Out[bytes],
    texts: func.Out[typing.List[str]],  # noqa: UP006  # the worker takes no other list
) -> str:
    match req.route_params["shape"]:
        case "text":
            text.set("one")
        case "object":
            text.set('{"a": 1}')
        case "bytes":
            data.set(b"bytes")
        case "list":
            texts.set(["one", "two"])
    return "sent"
