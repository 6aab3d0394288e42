"""Puts a hub as a killed real host left it into storage: the requests of its start, then what its runs had written.

From states to storage, over plain HTTP, so that what storage holds is what it was sent and not what a client library,
or code of ours, made of it.
Invariant: when ``leave`` returns, messages that the real host had taken have been received once and are, or will be
within ``TAKEN_SECONDS``, visible again. The real host takes them for 300 s, and its leases run for 30 s; here both are
over when the next host starts.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote
from xml.sax.saxutils import escape

import aiohttp
from azure.storage.blob import AccountSasPermissions, ResourceTypes, generate_account_sas
from yarl import URL

from durable_engine import TICKS_PER_SECOND, Ticks, ticks_to_full_text
from durable_host.task_hub.base.names import partition_of
from takeover.hub_state import WORK_ITEMS, HubState, QueuedMessage
from takeover.recorded_requests import RunNames, StorageRequest, recorded_requests

__all__ = ["PARTITIONS", "TAKEN_SECONDS", "HubWriter"]

PARTITIONS: Final = 4
TAKEN_SECONDS: Final = 1
_AT_A_TIME: Final = 8
_LEASE_SECONDS: Final = 30
_MACHINE: Final = "the-machine-that-died"
_VERSION: Final = "2021-12-02"
_MESSAGES_AT_A_TIME: Final = 32
_EXISTS: Final = 409
# Of the recorded requests the 18th acquires the app lease, and the 24th renews it.
_RENEWAL: Final = 24
# The app lease's id: the hash of the name of an app that has none.
_APP_LEASE_ID: Final = "811c9dc5-0000-0000-0000-000000000000"


class HubWriter:
    """Writes one hub into the account behind ``connection_string``. ``async with`` opens it."""

    def __init__(self, connection_string: str, names: RunNames) -> None:
        self._names = names
        self._settings = dict(part.split("=", 1) for part in connection_string.split(";") if "=" in part)
        self._signature = generate_account_sas(
            self._settings["AccountName"],
            self._settings["AccountKey"],
            resource_types=ResourceTypes(service=True, container=True, object=True),
            permission=AccountSasPermissions(
                read=True, write=True, delete=True, list=True, add=True, create=True, update=True, process=True
            ),
            expiry=datetime.now(UTC) + timedelta(hours=1),
            services="bqt",
        )
        self._places = asyncio.Semaphore(_AT_A_TIME)

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(trust_env=False, cookie_jar=aiohttp.DummyCookieJar())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def start_up(self, expired_at: Ticks) -> None:
        """What a real host writes when it starts, with leases that run out at this moment."""
        for request in recorded_requests("start_up", self._names):
            if request.method not in ("GET", "HEAD"):
                await self._repeat(request, expired_at)

    async def leave(self, states: Iterable[HubState]) -> None:
        """Write what these runs left."""
        states = list(states)
        await self._all(self._rows(partition) for state in states for partition in _partitions(state))
        if any(state.blobs for state in states):
            container = f"{self._names.hub.lower()}-largemessages"
            await self._send("blob", "PUT", f"/{container}?restype=container")
            await self._all(
                self._blob(f"/{container}/{quote(name)}", blob.content)
                for state in states
                for name, blob in state.blobs.items()
            )
        messages = [message for state in states for message in state.messages.values()]
        await self._all(self._message(message) for message in messages if message.taken)
        queues = {self._queue(message) for message in messages if message.taken}
        await self._all(self._take_all(queue) for queue in queues)
        await self._all(self._message(message) for message in messages if not message.taken)

    # Requests.

    async def _repeat(self, request: StorageRequest, expired_at: Ticks) -> None:
        path = request.path.removeprefix("/devstoreaccount1")
        body = request.body.replace("<machine>", _MACHINE).replace("<guid>", _APP_LEASE_ID)
        if "ExpiresAt" in body:
            renewed = ticks_to_full_text(expired_at - _LEASE_SECONDS * TICKS_PER_SECOND)
            row = json.loads(body.replace("<timeT.fZ>", renewed))
            if row["ExpiresAt"]:
                row["ExpiresAt"] = ticks_to_full_text(expired_at)
            body = json.dumps(row)
        headers = {}
        match request.service, request.method:
            case "blob", "PUT" if "comp=lease" in path:
                action = "acquire" if request.number < _RENEWAL else "renew"
                headers = {"x-ms-lease-action": action, "x-ms-proposed-lease-id": _APP_LEASE_ID}
                headers |= {"x-ms-lease-duration": "60"} if action == "acquire" else {"x-ms-lease-id": _APP_LEASE_ID}
            case "blob", "PUT" if body:
                headers = {"x-ms-blob-type": "BlockBlob"}
            case "table", "PUT":
                headers = {"If-Match": "*"}
        await self._send(request.service, request.method, path, body.encode(), headers)

    async def _rows(self, rows: list[tuple[str, Mapping[str, Any]]]) -> None:
        """One batch for the rows of a partition."""
        parts = [self._part(table, row) for table, row in rows]
        body = "".join(["--batch_b\r\nContent-Type: multipart/mixed; boundary=changeset_c\r\n\r\n", *parts])
        body += "--changeset_c--\r\n\r\n--batch_b--\r\n"
        headers = {"Content-Type": "multipart/mixed; boundary=batch_b", "DataServiceVersion": "3.0"}
        answer = await self._send("table", "POST", "/$batch", body.encode(), headers)
        if refused := re.findall(r"HTTP/1\.1 [45]\d\d .*", answer):
            raise RuntimeError(f"A row of {rows[0][1]['PartitionKey']} was refused: {refused[0]}")

    def _part(self, table: str, row: Mapping[str, Any]) -> str:
        key = ",".join(f"{name}='{quote(str(row[name]), safe='')}'" for name in ("PartitionKey", "RowKey"))
        return (
            "--changeset_c\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n"
            f"PUT {self._settings['TableEndpoint']}/{self._names.hub}{table}({key}) HTTP/1.1\r\n"
            "Accept: application/json\r\nContent-Type: application/json\r\nDataServiceVersion: 3.0\r\n\r\n"
            f"{json.dumps(row)}\r\n"
        )

    async def _blob(self, path: str, content: bytes) -> None:
        headers = {"x-ms-blob-type": "BlockBlob", "Content-Type": "application/octet-stream"}
        await self._send("blob", "PUT", path, content, headers)

    async def _message(self, message: QueuedMessage) -> None:
        text = escape(json.dumps(message.put.wire, separators=(",", ":"), ensure_ascii=False))
        body = f"\ufeff<QueueMessage><MessageText>{text}</MessageText></QueueMessage>"
        delay = (
            "" if message.taken or not message.put.visible_after else f"visibilitytimeout={message.put.visible_after}&"
        )
        path = f"/{self._queue(message)}/messages?{delay}messagettl=-1"
        await self._send("queue", "POST", path, body.encode(), {"Content-Type": "application/xml"})

    async def _take_all(self, queue: str) -> None:
        path = f"/{queue}/messages?numofmessages={_MESSAGES_AT_A_TIME}&visibilitytimeout={TAKEN_SECONDS}"
        while "<MessageId>" in await self._send("queue", "GET", path):
            pass

    def _queue(self, message: QueuedMessage) -> str:
        hub = self._names.hub.lower()
        if message.put.queue == WORK_ITEMS:
            return f"{hub}-{WORK_ITEMS}"
        return f"{hub}-control-{partition_of(message.put.queue, PARTITIONS):02d}"

    async def _send(
        self, service: str, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> str:
        endpoint = self._settings[f"{service.capitalize()}Endpoint"]
        url = f"{endpoint}{path}{'&' if '?' in path else '?'}{self._signature}"
        defaults = {"x-ms-version": _VERSION, "Accept": "application/json", "Content-Type": "application/json"}
        async with self._session.request(
            method, URL(url, encoded=True), data=body, headers={**defaults, **(headers or {})}
        ) as answer:
            text = await answer.text()
            if answer.status >= 400 and answer.status != _EXISTS:
                raise RuntimeError(f"{method} {path} was answered {answer.status}: {text[:300]}")
            return text

    async def _all(self, work: Iterable[Awaitable[None]]) -> None:
        async def one(item: Awaitable[None]) -> None:
            async with self._places:
                await item

        await asyncio.gather(*map(one, work))


def _partitions(state: HubState) -> list[list[tuple[str, Mapping[str, Any]]]]:
    """The rows of a state, those of one table and partition together."""
    found: dict[tuple[str, str], list[tuple[str, Mapping[str, Any]]]] = {}
    for (table, partition, _), row in state.rows.items():
        found.setdefault((table, partition), []).append((table, row))
    return list(found.values())
