"""The blobs of the recorded large values, whose contents the recordings give only by their sizes.

Says what a message's or a history row's blob holds, and how much of it is there after each of its six requests.
Invariant: what is said of a blob does not depend on when it is asked for.
"""

from __future__ import annotations

import copy
import json
import re
from typing import Any, Final, Literal

from takeover.hub_state import BlobWrite
from takeover.recorded_requests import RunNames, StorageRequest, messages_in, recorded_requests

__all__ = ["LargeValues"]

_SIZE: Final = 70_000
_NAME: Final = re.compile(r"-largemessages/([^?]+)")
_MESSAGE: Final = re.compile(r"/message-([0-9a-f]{32})-(\w+)\.json\.gz$")
# The messages that were too large for a queue: kind, position among those of its kind, then what they say.
_SEQUENCE_NUMBERS: Final = {("TaskCompleted", 0): 265, ("TaskScheduled", 0): 266, ("TaskCompleted", 1): 267}


class LargeValues:
    """The large values of one run: an activity gives 70,000 letters, and another one gives them back."""

    def __init__(self, names: RunNames) -> None:
        self._names = names
        self._messages: dict[str, dict[str, Any]] = {}
        self._seen: dict[str, list[str]] = {}
        self._commits: dict[str, int] = {}

    def message(self, blob_name: str) -> dict[str, Any]:
        """The message that this blob holds."""
        if blob_name not in self._messages:
            self._messages[blob_name] = self._new_message(blob_name)
        return self._messages[blob_name]

    def _new_message(self, blob_name: str) -> dict[str, Any]:
        found = _MESSAGE.search(blob_name)
        if found is None:
            raise ValueError(f"{blob_name} is not the name of a message's blob.")
        activity_id, kind = found.groups()
        of_kind = self._seen.setdefault(kind, [])
        if blob_name not in of_kind:
            of_kind.append(blob_name)
        position = of_kind.index(blob_name)
        message = copy.deepcopy(_small_message(kind, self._names))
        event = message["TaskMessage"]["Event"]
        if kind == "TaskScheduled":
            event |= {"Name": "same", "Input": json.dumps([_result()]), "EventId": 1}
            message["Episode"] = 2
        else:
            event |= {"TaskScheduledId": position, "Result": _result()}
            message["Episode"] = position + 1
        message["ActivityId"] = "-".join(
            activity_id[begin:end] for begin, end in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
        )
        message["SequenceNumber"] = _SEQUENCE_NUMBERS[kind, position]
        return message

    def write(self, request: StorageRequest) -> BlobWrite:
        """What a request does to its blob: the first empties it, each of the others adds a block or commits them."""
        found = _NAME.search(request.path)
        if found is None:
            raise ValueError(f"{request.path} is not the address of a large value.")
        name = found[1]
        if "comp=" not in request.path:
            self._commits[name] = 0
        self._commits[name] += "comp=blocklist" in request.path
        shares: dict[int, Literal["nothing", "most", "all"]] = {0: "nothing", 3: "all"}
        # What a message's blob says is that message, which has tokens in it until it is filled in.
        text = "" if _MESSAGE.search(name) else _result()
        return BlobWrite(at_ms=request.at_ms, name=name, text=text, share=shares.get(self._commits[name], "most"))


def _result() -> str:
    return json.dumps("x" * _SIZE)


def _small_message(kind: str, names: RunNames) -> dict[str, Any]:
    """A message of the same kind that was recorded whole."""
    for request in recorded_requests("fan_out_3", names):
        if request.service == "queue" and request.method == "POST" and f".{kind}Event" in request.body:
            return messages_in(request.body)[0]
    raise LookupError(f"fan_out_3 has no {kind}.")
