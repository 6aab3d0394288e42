"""The storage requests of a host of ours as steps, so that what it leaves at any point can be looked at as well.

From what a proxy saw to the steps of a run.
Invariant: every request that changes the hub's instances, messages or large values is a step, in the order in which
storage answered; what concerns leases and receipts alone is none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote
from xml.sax.saxutils import unescape

from host_process import StorageRequest
from takeover.hub_state import HISTORY, INSTANCES, BlobWrite, Delete, Put, RowWrite, Step, Take, Write
from takeover.recorded_run import queue_of

__all__ = ["our_steps"]

Json = dict[str, Any]

_MESSAGE_ID: Final = re.compile(r"<MessageId>([^<]+)</MessageId>")
_TEXT: Final = re.compile(r"<MessageText>(.*?)</MessageText>", re.DOTALL)
_DELETED: Final = re.compile(r"/messages/([0-9a-f-]{36})\?")
_VISIBILITY: Final = re.compile(r"[?&]visibilitytimeout=(\d+)")
_TABLE: Final = re.compile(rf"/\w+?({HISTORY}|{INSTANCES})(?=[(?]|$)")
_OPERATION: Final = re.compile(
    r"(PUT|PATCH|POST|DELETE) (\S+) HTTP/1\.1\r?\n(.*?)\r?\n\r?\n(\{.*?\})?\r?\n?--changeset", re.DOTALL
)
_BLOB: Final = re.compile(r"-largemessages/([^?]+)")


def our_steps(requests: Iterable[StorageRequest], large_messages: Mapping[str, Json]) -> list[Step]:
    """The steps of these requests. ``large_messages`` is what the blobs of messages hold, by their names."""
    return [step for at, request in enumerate(requests) for step in _steps(float(at), request, large_messages)]


def _steps(at_ms: float, request: StorageRequest, large_messages: Mapping[str, Json]) -> Iterator[Step]:
    if request.status is None or request.status >= 400:
        return
    match request.service, request.method:
        case "queue", "POST":
            (key,) = _MESSAGE_ID.findall(request.reply)
            wire: Json = json.loads(unescape(_TEXT.findall(request.text)[0]))
            data = large_messages[wire["CompressedBlobName"]] if wire["CompressedBlobName"] else wire
            visibility = _VISIBILITY.search(request.path)
            yield Put(
                at_ms=at_ms,
                key=key,
                queue=queue_of(data),
                wire=wire,
                data=data,
                visible_after=int(visibility[1]) if visibility else None,
            )
        case "queue", "GET":
            yield Take(at_ms=at_ms, keys=tuple(_MESSAGE_ID.findall(request.reply)))
        case "queue", "DELETE" if deleted := _DELETED.search(request.path):
            yield Delete(at_ms=at_ms, key=deleted[1])
        case "table", "POST" | "PUT" | "PATCH" | "DELETE" if rows := _rows(request):
            yield Write(at_ms=at_ms, rows=tuple(rows))
        case "blob", "PUT" if (blob := _BLOB.search(request.path)) and "restype=" not in request.path:
            yield BlobWrite(at_ms=at_ms, name=unquote(blob[1]), text="")


def _rows(request: StorageRequest) -> list[RowWrite]:
    if "/$batch" in request.path:
        # Each operation ends where the next one's boundary begins, which therefore has to be there twice.
        body = request.text.replace("--changeset", "--changeset--changeset")
        written = [(verb, path, text) for verb, path, _, text in _OPERATION.findall(body)]
    else:
        written = [(request.method, request.path, request.text)]
    found = []
    for verb, path, text in written:
        if table := _TABLE.search(path):
            found.append(RowWrite(verb=verb, table=table[1], row=_row(text) if text else _key(path)))
    return found


def _row(text: str) -> Json:
    """A row as the real host sends it: only times say what they are."""
    row: Json = json.loads(text)
    return {name: cell for name, cell in row.items() if not name.endswith("@odata.type") or cell == "Edm.DateTime"}


def _key(path: str) -> Json:
    """The key of a row that is deleted."""
    found = re.search(r"PartitionKey='(.*?)',RowKey='(.*?)'\)", unquote(path))
    if found is None:
        raise ValueError(f"{path} names no row.")
    return {"PartitionKey": found[1], "RowKey": found[2]}
