"""Queue triggers: from a message to what the function's parameter gets, and what goes with it.

Invariant: a message is read as host.json's ``messageEncoding`` says; one that cannot be is poison at once.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from azure.functions.meta import Datum
from azure.storage.queue import QueueMessage

from durable_host.app.index import IndexedFunction
from durable_host.app.trigger import BindingError, Trigger
from durable_host.app.worker import Worker
from durable_host.bindings.expressions import value_text
from durable_host.triggers.queue_reader import Handled

__all__ = ["QueueListener", "queue_trigger_by_hand"]

_BY_HAND: Final = "This function was programmatically called via the host APIs."
_FOR_EVER: Final = "9999-12-31T23:59:59.9999999+00:00"
_CONVERTING: Final = (
    "Microsoft.Azure.WebJobs.Extensions.Storage.Queues.QueueCausalityManager",
    "Microsoft.Azure.WebJobs.Extensions.Storage.Queues.Triggers.QueueTriggerBinding",
    "Microsoft.Azure.WebJobs.Extensions.Storage.Queues.Triggers.QueueMessageValueProvider",
)
"""Who says that a body is no text: a parameter of text fails before the other two come to it."""


class QueueListener:
    """One queue function."""

    def __init__(self, function: IndexedFunction, queue: str, worker: Worker, *, is_base64: bool) -> None:
        self._function, self._queue, self._worker, self._is_base64 = function, queue, worker, is_base64

    async def handle(self, message: QueueMessage) -> Handled:
        """Run the function on a message."""
        content = self._content(message.content or "")
        if content is None:
            return Handled(is_done=False, is_poison=True)
        outcome = await self._worker.run_with_retries(self._function, self._trigger(message, content))
        return Handled(is_done=outcome.raised is None)

    def _content(self, raw: str) -> bytes | None:
        if not self._is_base64:
            return raw.encode("utf-8")
        try:
            return base64.b64decode(raw, validate=True)
        except binascii.Error:
            return None

    def _trigger(self, message: QueueMessage, content: bytes) -> Trigger:
        inserted = message.inserted_on or datetime.now(UTC)
        reason = f"New queue message detected on '{self._queue}'."
        details = (
            f"MessageId: {message.id}, DequeueCount: {message.dequeue_count}, "
            f"InsertedOn: {inserted:%Y-%m-%dT%H:%M:%S}.000+00:00"
        )
        is_binary = str(self._function.trigger.raw.get("dataType", "")).upper() == "BINARY"
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            for category in _CONVERTING if is_binary else _CONVERTING[:1]:
                logging.getLogger(category).warning(
                    "Queue message's body cannot be converted to string because it contains non-UTF8 bytes, message "
                    "id=%s",
                    message.id,
                )
            text = content.decode("utf-8", "replace")
            if not is_binary:
                wrong = f"[{content[error.start]:02X}] at index {error.start}"
                failure = BindingError(
                    f"Exception binding parameter '{self._function.trigger.name}'",
                    f"Unable to translate bytes {wrong} from specified code page to Unicode.",
                )
                return Trigger(data=Datum(text, "string"), reason=reason, details=details, failure=failure)
        known = {
            "Id": str(message.id),
            "PopReceipt": str(message.pop_receipt),
            "DequeueCount": message.dequeue_count or 0,
            "InsertionTime": _text(inserted),
            "ExpirationTime": _text(message.expires_on),
            "NextVisibleTime": _text(message.next_visible_on),
            "QueueTrigger": text,
        }
        data = Datum(content, "bytes") if is_binary else Datum(text, "string")
        return Trigger(
            data=data, metadata=_metadata(known, text), names=_names(known, text), reason=reason, details=details
        )


def queue_trigger_by_hand(function: IndexedFunction, text: str | None) -> Trigger:
    """What a call of the admin API gives to a queue function: the text as the message, and nothing of a queue."""
    parameter = function.trigger.name
    if text is None:
        failure = BindingError(
            f"Exception binding parameter '{parameter}'", "Unable to convert trigger to IStorageQueueMessage."
        )
        return Trigger(data=Datum("", "string"), reason=_BY_HAND, failure=failure)
    known = {
        "DequeueCount": 0,
        "InsertionTime": _text(datetime.now(UTC)),
        "ExpirationTime": _FOR_EVER,
        "NextVisibleTime": _FOR_EVER,
        "QueueTrigger": text,
    }
    metadata = {**_metadata(known, text), parameter: Datum(text, "string")}
    is_binary = str(function.trigger.raw.get("dataType", "")).upper() == "BINARY"
    data = Datum(text.encode(), "bytes") if is_binary else Datum(text, "string")
    return Trigger(data=data, metadata=metadata, names=_names({**known, "Id": ""}, text), reason=_BY_HAND)


def _metadata(known: Mapping[str, Any], text: str) -> dict[str, Datum]:
    """The message's own properties, and the top members of a JSON object in it; lists are left out."""
    plain = ("Id", "PopReceipt", "QueueTrigger")
    own = {
        name: Datum(value, "string") if name in plain else Datum(json.dumps(value), "json")
        for name, value in known.items()
    }
    # Names are compared without regard to case, and the message's members come last.
    known_as = {name.lower(): name for name in own}
    members = {
        known_as.get(name.lower(), name): Datum(json.dumps(value, separators=(",", ":")), "json")
        if isinstance(value, dict)
        else Datum(value_text(value), "string")
        for name, value in _members(text).items()
        if not isinstance(value, list) and value is not None
    }
    return {**own, **members}


def _names(known: Mapping[str, Any], text: str) -> dict[str, Any]:
    known_as = {name.lower(): name for name in known}
    members = _members(text).items()
    own = {known_as.get(name.lower(), name): value for name, value in members if not isinstance(value, list)}
    return {**known, **own}


def _members(text: str) -> dict[str, Any]:
    if not text.lstrip().startswith("{"):
        return {}
    try:
        value = json.loads(text)
    except (RecursionError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _text(moment: datetime | None) -> str:
    return _FOR_EVER if moment is None else f"{moment:%Y-%m-%dT%H:%M:%S}+00:00"
