"""Queue messages: the envelope around an event that is on its way, and its text.

Writes and reads the JSON of the Durable extension's queues, type names included.
Invariant: what the real host put into a queue is read without loss, and what we write is what it would have written:
same members, same order, same literals. Members that are unknown, and type names, are passed over on reading.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from durable_engine import (
    EVENT_CLASSES,
    ExecutionStarted,
    HistoryEvent,
    Message,
    OrchestrationInstance,
    TaskScheduled,
    event_from_json,
    event_to_json,
)
from durable_host.task_hub.base.errors import MessageFormatError
from durable_host.task_hub.queues.message_values import (
    checked_event,
    number_of,
    object_of,
    optional_text_of,
    text_of,
)

__all__ = ["CLIENT", "MessageData", "SequenceCounter", "compact_json", "message_text", "read_message", "reference_text"]

CLIENT: Final = OrchestrationInstance(instance_id="", execution_id="")
"""The sender of what clients send."""

_NO_ACTIVITY: Final = "00000000-0000-0000-0000-000000000000"
_DATA: Final = "DurableTask.AzureStorage.MessageData"
_TASK: Final = "DurableTask.Core.TaskMessage"
_INSTANCE: Final = "DurableTask.Core.OrchestrationInstance"
_PARENT: Final = "DurableTask.Core.ParentInstance"
_CONTEXT: Final = "DurableTask.Core.OrchestrationExecutionContext"
_TAGS: Final = (
    "System.Collections.Generic.Dictionary`2[[System.String, System.Private.CoreLib],"
    "[System.String, System.Private.CoreLib]]"
)
_JSON_TYPES: Final = {
    "Tags": _TAGS,
    "FailureDetails": "DurableTask.Core.FailureDetails",
    "ParentTraceContext": "DurableTask.Core.Tracing.DistributedTraceContext",
}
_EVENT_NUMBERS: Final = {
    f"DurableTask.Core.History.{cls.__name__.removesuffix('Event')}Event": number
    for number, cls in EVENT_CLASSES.items()
}
_EVENT_TYPES: Final = {number: name for name, number in _EVENT_NUMBERS.items()}
# What .NET's writer escapes beyond JSON's rules, and what XML, which carries the messages, cannot hold.
_ESCAPED: Final = re.compile("[\x85\u2028\u2029\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageData:
    """A message with its envelope.

    ``episode`` is the sender's, None from a client; ``sequence_number`` orders what one process sent within a second.
    ``execution_context`` is what a TaskScheduled brought along, if it came from storage.
    """

    activity_id: str
    message: Message
    sequence_number: int
    episode: int | None
    sender: OrchestrationInstance
    execution_context: Mapping[str, Any] | None = None


class SequenceCounter:
    """Numbers the messages of one process from 1, whichever queue they go to."""

    def __init__(self) -> None:
        self.next: Callable[[], int] = itertools.count(1).__next__


def compact_json(value: object) -> str:
    """JSON as the extension writes it: no spaces, other letters than ASCII's as they are."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def message_text(data: MessageData) -> str:
    """The text of a message that is small enough for its queue."""
    message = data.message
    out: dict[str, Any] = {
        "$type": _DATA,
        "ActivityId": data.activity_id,
        "TaskMessage": {
            "$type": _TASK,
            "Event": _typed_event(message.event),
            "SequenceNumber": 0,
            "OrchestrationInstance": _typed_instance(message.target),
            "OrchestrationExecutionContext": _context_of(data),
        },
        "CompressedBlobName": None,
        "SequenceNumber": data.sequence_number,
    }
    if data.episode is not None:
        out["Episode"] = data.episode
    out["Sender"] = {"InstanceId": data.sender.instance_id, "ExecutionId": data.sender.execution_id}
    out["SerializableTraceContext"] = None
    return compact_json(out)


def reference_text(blob_name: str) -> str:
    """The text that stands in the queue for a message in a blob."""
    return compact_json(
        {
            "$type": _DATA,
            "ActivityId": _NO_ACTIVITY,
            "TaskMessage": None,
            "CompressedBlobName": blob_name,
            "SequenceNumber": 0,
            "Sender": None,
            "SerializableTraceContext": None,
        }
    )


def read_message(text: str) -> MessageData | str:
    """The message of a text, or the name of the blob that holds it. Older hosts wrote Base64."""
    try:
        data = _from_text(text)
        if data.get("CompressedBlobName"):
            return text_of(data, "CompressedBlobName")
        return _from_json(data)
    except (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise MessageFormatError(
            f"Queue message {text[:120]!r} is not a message of the Durable extension ({type(error).__name__}: "
            f"{error}). If something else shares the queue, give it, or this app, another task hub."
        ) from error


def _context_of(data: MessageData) -> Mapping[str, Any] | None:
    """Only work that an orchestration starts says whose tags it inherits; there always is a list, if an empty one."""
    if data.execution_context is not None:
        return data.execution_context
    event = data.message.event
    if isinstance(event, TaskScheduled) or (isinstance(event, ExecutionStarted) and event.parent is not None):
        return {"$type": _CONTEXT, "OrchestrationTags": {"$type": _TAGS, **(event.tags or {})}}
    return None


def _typed_instance(instance: OrchestrationInstance) -> dict[str, Any]:
    return {"$type": _INSTANCE, "InstanceId": instance.instance_id, "ExecutionId": instance.execution_id}


def _typed_event(event: HistoryEvent) -> dict[str, Any]:
    members = event_to_json(event)
    if isinstance(event, ExecutionStarted):
        members["OrchestrationInstance"] = _typed_instance(event.instance)
        if event.parent is not None:
            members["ParentInstance"] = {
                "$type": _PARENT,
                "Name": event.parent.name,
                "OrchestrationInstance": _typed_instance(event.parent.instance),
                "TaskScheduleId": event.parent.task_schedule_id,
                "Version": event.parent.version,
            }
    for name, type_name in _JSON_TYPES.items():
        if members.get(name) is not None:
            members[name] = {"$type": type_name, **members[name]}
    return {"$type": _EVENT_TYPES[event.event_type], **members}


def _from_text(text: str) -> Mapping[str, Any]:
    if not text.startswith("{"):
        try:
            text = base64.b64decode(text, validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise ValueError("neither JSON nor Base64") from error
    data = json.loads(text)
    if not isinstance(data, dict):
        raise TypeError("a JSON object is expected")
    return data


def _from_json(data: Mapping[str, Any]) -> MessageData:
    task = object_of(data, "TaskMessage")
    target = object_of(task, "OrchestrationInstance")
    sender = data.get("Sender") or {}
    context = task.get("OrchestrationExecutionContext")
    return MessageData(
        activity_id=optional_text_of(data, "ActivityId") or _NO_ACTIVITY,
        message=Message(
            event=checked_event(_event(object_of(task, "Event"))),
            target=OrchestrationInstance(
                instance_id=text_of(target, "InstanceId"), execution_id=optional_text_of(target, "ExecutionId") or None
            ),
        ),
        sequence_number=number_of(data, "SequenceNumber", 0, bits=64),
        episode=None if data.get("Episode") is None else number_of(data, "Episode", 0),
        sender=OrchestrationInstance(
            instance_id=optional_text_of(sender, "InstanceId") or "",
            execution_id=optional_text_of(sender, "ExecutionId"),
        ),
        execution_context=None if context is None else object_of(task, "OrchestrationExecutionContext"),
    )


def _event(data: Mapping[str, Any]) -> HistoryEvent:
    members = {"EventId": -1, "IsPlayed": False, **data}
    if "EventType" not in members:
        members["EventType"] = _EVENT_NUMBERS[str(members["$type"]).partition(",")[0]]
    for name in _JSON_TYPES:
        value = members.get(name)
        if isinstance(value, dict):
            members[name] = {key: item for key, item in value.items() if key != "$type"}
    return event_from_json(members)
