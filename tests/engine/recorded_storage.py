"""The recorded storage requests: the queue messages that an instance sent, and the changes of its row.

Reads ``fixtures/recordings/storage``, one request a line.
Invariant: requests stand in the order in which the real host made them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote

from engine.recordings import RECORDINGS

__all__ = ["SentMessage", "row_changes", "scenarios_with_storage", "sent_messages"]

_VISIBILITY = re.compile(r"[?&]visibilitytimeout=(\d+)")
_ROW = re.compile(r"GoldenHubInstances\(PartitionKey='(.*)',RowKey=''\)")
# What an activity reports is sent in the orchestration's name, but an episode did not decide it.
_OF_ACTIVITIES = frozenset({"TaskCompletedEvent", "TaskFailedEvent"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMessage:
    """One message that an episode sent. ``event`` is None where it was so large that a blob holds it."""

    kind: str
    event: Mapping[str, Any] | None
    target: Mapping[str, Any] | None
    episode: int | None
    visible_after: int | None


def scenarios_with_storage() -> list[str]:
    """The scenarios of which every storage request was recorded."""
    names = (path.stem for path in RECORDINGS.joinpath("storage").glob("*.jsonl"))
    return sorted(name for name in names if name != "start_up")


@cache
def _requests(scenario: str) -> tuple[dict[str, Any], ...]:
    text = RECORDINGS.joinpath("storage", f"{scenario}.jsonl").read_text(encoding="utf-8")
    # The storage was recorded with extension 3.15.2, which wrote one space more.
    return tuple(json.loads(line) for line in text.replace(" failed:  ", " failed: ").splitlines())


def sent_messages(scenario: str, instance_id: str) -> list[SentMessage]:
    """What the episodes of an instance sent."""
    return [message for sender, message in _messages(scenario) if sender == instance_id]


def _messages(scenario: str) -> Iterator[tuple[str, SentMessage]]:
    for request in _requests(scenario):
        if request["service"] != "queue" or request["method"] != "POST" or "{" not in request["body"]:
            continue
        body = request["body"]
        data = json.loads(body[body.index("{") : body.rindex("}") + 1])
        visibility = _VISIBILITY.search(request["path"])
        visible_after = int(visibility[1]) if visibility else None
        if data["TaskMessage"] is None:
            instance_id, _, blob = data["CompressedBlobName"].partition("/")
            kind = blob.rpartition("-")[2].partition(".")[0] + "Event"
            message = SentMessage(kind=kind, event=None, target=None, episode=None, visible_after=visible_after)
        else:
            event = _without_types(data["TaskMessage"]["Event"])
            kind = data["TaskMessage"]["Event"]["$type"].rpartition(".")[2]
            instance_id = data["Sender"]["InstanceId"]
            message = SentMessage(
                kind=kind,
                event=event,
                target=_without_types(data["TaskMessage"]["OrchestrationInstance"]),
                episode=data.get("Episode"),
                visible_after=visible_after,
            )
        if kind not in _OF_ACTIVITIES:
            yield instance_id, message


def row_changes(scenario: str, instance_id: str) -> list[dict[str, Any]]:
    """The columns that each episode of an instance wrote into its row."""
    found = []
    for request in _requests(scenario):
        row = _ROW.search(request["path"]) if request["method"] == "PATCH" else None
        if row and unquote(row[1]) == instance_id and "CustomStatus" in (columns := json.loads(request["body"])):
            found.append(columns)
    return found


def _without_types(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_types(item) for name, item in value.items() if name != "$type"}
    return value
