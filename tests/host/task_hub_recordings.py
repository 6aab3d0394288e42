"""The recorded storage requests of the real host, as the task hub's tests use them.

Invariant: what was replaced when the recordings were made fit for comparison is filled in the same way every time:
each ``<time..>`` is one instant, and ids keep their tokens.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from azure.data.tables import EdmType, EntityProperty

RECORDINGS = Path(__file__).parents[2] / "fixtures" / "recordings" / "storage"
INSTANT = "2026-01-02T03:04:05.6789012Z"

_TEXT = re.compile(r"<MessageText>(.*)</MessageText>", re.DOTALL)
_OPERATION = re.compile(r"(PUT|PATCH|POST) \S+/(\w+)\S* HTTP/1\.1\r?\n.*?\r?\n\r?\n(\{.*?\})\r?\n", re.DOTALL)


@dataclass(frozen=True, slots=True)
class RecordedWrite:
    """One row that the real host sent: how, to which table, and the body."""

    scenario: str
    verb: str
    table: str
    row: dict[str, Any]


def recorded_requests(scenario: str) -> Iterator[dict[str, Any]]:
    """The requests of one scenario, in their order."""
    text = (RECORDINGS / f"{scenario}.jsonl").read_text(encoding="utf-8")
    for line in re.sub(r"<time\w*(?:\.f)?Z>", INSTANT, text).splitlines():
        yield json.loads(line)


def scenarios() -> list[str]:
    """The names of the recorded scenarios."""
    return sorted(path.stem for path in RECORDINGS.glob("*.jsonl"))


def recorded_messages(scenario: str) -> list[str]:
    """The texts that were put into queues."""
    requests = [r for r in recorded_requests(scenario) if r["service"] == "queue" and r["method"] == "POST"]
    found = [_TEXT.search(request["body"]) for request in requests]
    return [html.unescape(match[1]) for match in found if match]


def recorded_writes(scenario: str) -> Iterator[RecordedWrite]:
    """The rows that were written, those inside batches included."""
    for request in recorded_requests(scenario):
        if request["service"] != "table" or request["method"] == "GET":
            continue
        if request["path"].endswith("$batch"):
            for verb, table, body in _OPERATION.findall(request["body"]):
                yield RecordedWrite(scenario, verb, table, json.loads(body))
        elif request["body"].startswith('{"Partition'):
            table = re.split(r"[(?]", request["path"].rsplit("devstoreaccount1/", 1)[1])[0]
            yield RecordedWrite(scenario, request["method"], table, json.loads(request["body"]))


def as_sent(row: dict[str, Any]) -> dict[str, Any]:
    """A row of ours as a body: times as a text and a type, as the recorded ones have them."""
    body: dict[str, Any] = {}
    for column, value in row.items():
        if isinstance(value, EntityProperty):
            assert value.edm_type is EdmType.DATETIME
            body[column], body[f"{column}@odata.type"] = value.value, "Edm.DateTime"
        else:
            body[column] = value
    return body


def without_nulls(row: dict[str, Any]) -> dict[str, Any]:
    """A recorded row without the columns that store nothing."""
    return {column: value for column, value in row.items() if value is not None}
