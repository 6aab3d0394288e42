"""The storage requests of the real host, scenario by scenario, with the ids of one run instead of those that were lost.

Reads ``fixtures/recordings/storage``; each run gets ids of its own, so that many runs can share a hub.
Invariant: equal names give equal ids. Ids that the recording kept, which are those inside escaped JSON, are changed
one to one, so that what was equal stays equal; ``<guid>`` and ``<time..>`` are left for ``filled_run``.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import unescape

__all__ = [
    "RECORDINGS",
    "SCENARIOS",
    "RunNames",
    "StorageRequest",
    "messages_in",
    "recorded_requests",
    "scenario",
    "written_rows",
]

Json = dict[str, Any]

RECORDINGS: Final = Path(__file__).parents[2] / "fixtures" / "recordings"
SCENARIOS: Final = tuple(
    sorted(path.stem for path in RECORDINGS.joinpath("storage").glob("*.jsonl") if path.stem != "start_up")
)
"""The scenarios of which every storage request was recorded."""

# Inside of escaped JSON the characters before an id are those of an escaped quotation mark.
_GUID: Final = re.compile(
    r"(?:(?<=u0022)|(?<![0-9a-fA-F-]))((?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32}))(?![0-9a-fA-F-])"
)
_TEXT: Final = re.compile(r"<MessageText>(.*?)</MessageText>", re.DOTALL)
_OPERATION: Final = re.compile(r"(PUT|PATCH|POST) \S+/(\w+)\S* HTTP/1\.1\r?\n.*?\r?\n\r?\n(\{.*?\})\r?\n", re.DOTALL)
_CHILD_OF: Final = re.compile(r"u0022([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}):\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunNames:
    """What tells one run of a scenario from all others, and the places where it happened."""

    tag: str
    hub: str
    blob_endpoint: str

    def instance_id(self, token: str) -> str:
        """The instance that a token such as ``<id0>`` stands for."""
        return f"{self.tag}-{token.strip('<>')}"

    def guid(self, what: str) -> str:
        """An id for something of this run."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.tag} {what}"))

    def in_text(self, recorded: str) -> str:
        """A recorded text with the names of this run."""
        between, *rest = _around_ids(recorded)
        text = between + "".join(
            self._mine(kept) + between for kept, between in zip(rest[::2], rest[1::2], strict=True)
        )
        for token in ("<id0>", "<id1>"):
            text = text.replace(token, self.instance_id(token))
        text = text.replace("GoldenHub", self.hub).replace("goldenhub", self.hub.lower())
        return text.replace("<storage>", self.blob_endpoint).replace("<hash>", self.guid("hash")[:8].upper())

    def _mine(self, kept: str) -> str:
        mine = self.guid(kept)
        return mine if "-" in kept else mine.replace("-", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageRequest:
    """One request as it was recorded, and its answer."""

    number: int
    at_ms: float
    service: str
    method: str
    path: str
    body: str
    reply: str


def recorded_requests(scenario_name: str, names: RunNames) -> list[StorageRequest]:
    """The requests of one scenario, in their order."""
    text = names.in_text(_text(scenario_name))
    return [
        StorageRequest(
            number=number,
            **{name: line[name] for name in ("at_ms", "service", "method", "path", "body", "reply")},
        )
        for number, line in enumerate(map(json.loads, text.splitlines()))
    ]


def messages_in(xml: str) -> list[Json]:
    """The messages in what was sent to a queue, or in what a queue answered."""
    return [json.loads(unescape(text)) for text in _TEXT.findall(xml)]


def written_rows(request: StorageRequest, names: RunNames) -> list[tuple[str, str, Json]]:
    """The rows that a request writes: how, into which table (without the hub's name), and what is sent."""
    if request.path.endswith("$batch"):
        written = _OPERATION.findall(request.body)
    else:
        table = re.split(r"[(?]", request.path.rpartition("devstoreaccount1/")[2])[0]
        written = [(request.method, table, request.body)]
    return [(verb, table.removeprefix(names.hub), json.loads(body)) for verb, table, body in written]


@cache
def _around_ids(recorded: str) -> list[str]:
    """The text in pieces: what is between the ids that the recording kept, and those, by turns.

    The id of a child is its parent's execution, which the recording kept elsewhere, and a number.
    """
    parent = _CHILD_OF.search(recorded)
    return _GUID.split(recorded.replace("<guid>:", f"{parent[1]}:") if parent else recorded)


@cache
def scenario(name: str) -> Mapping[str, Any]:
    """What else was recorded of a scenario: its exchanges, and its instances' rows at the end."""
    found: Mapping[str, Any] = json.loads((RECORDINGS / "scenarios" / f"{name}.json").read_text(encoding="utf-8"))
    return found


@cache
def _text(scenario_name: str) -> str:
    return (RECORDINGS / "storage" / f"{scenario_name}.jsonl").read_text(encoding="utf-8")
