"""The queue output: what a function gave, as messages.

Invariant: the messages are those that the real host would send, in their order; a missing queue is made.
"""

from __future__ import annotations

import base64
import json
from functools import partial
from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.functions.meta import Datum
from azure.storage.queue.aio import QueueServiceClient

from durable_host.app.trigger import BindingError
from durable_host.bindings.making import made_when_missing

__all__ = ["messages_of", "send_messages"]


def messages_of(datum: Datum) -> list[str | bytes]:
    """The bodies of the messages: an array is one message for each element, a JSON object is written anew."""
    if datum.value is None:
        return []
    if isinstance(datum.value, bytes):
        return [datum.value]
    text = str(datum.value)
    begins, ends = text.strip()[:1], text.strip()[-1:]
    if (begins, ends) in (("{", "}"), ("[", "]")):
        try:
            value = json.loads(text)
        except (RecursionError, ValueError):
            return [text]
        return [_element(one) for one in value] if isinstance(value, list) else [_element(value)]
    return [text]


def _element(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, indent=2, ensure_ascii=False)


async def send_messages(service: QueueServiceClient, name: str, datum: Datum, *, is_base64: bool) -> None:
    """Send what a function gave to a queue."""
    client = service.get_queue_client(name.lower())
    for body in messages_of(datum):
        try:
            raw = _raw(body, is_base64=is_base64)
            await made_when_missing(partial(client.send_message, raw), client.create_queue)
        except HttpResponseError as error:
            said = str(error.message).partition("\n")[0]
            raise BindingError(f"{said} (a message of {len(body)} for queue '{name}')") from error


def _raw(body: str | bytes, *, is_base64: bool) -> str:
    content = body if isinstance(body, bytes) else body.encode("utf-8")
    if is_base64:
        return base64.b64encode(content).decode()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BindingError("Service request failed.") from error
