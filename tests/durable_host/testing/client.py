"""The management API of a host, over one kept connection.

Starts instances and follows them, with as little between question and answer as there can be: benchmarks poll with it
every few milliseconds.
Invariant: every wait has an end, and a wait that failed says what was seen last.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, urlencode

from durable_engine import FINAL_STATUSES
from durable_host.testing.waiting import wait_until

__all__ = ["Answer", "HostClient"]

MANAGEMENT: Final = "/runtime/webhooks/durabletask"
REQUEST_SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the host answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; None where there is no body."""
        return json.loads(self.body) if self.body else None


class HostClient:
    """A client of one host. Not for several threads at once."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=REQUEST_SECONDS)

    def call(self, method: str, path: str, body: object = None) -> Answer:
        """Send one request; ``body`` goes as JSON."""
        data = None if body is None else json.dumps(body).encode()
        headers = {} if data is None else {"Content-Type": "application/json"}
        try:
            return self._send(method, path, data, headers)
        except (http.client.RemoteDisconnected, ConnectionResetError):
            # A kept connection may have been closed at its end meanwhile. Only what changes nothing is sent again.
            self._connection.close()
            if method != "GET":
                raise
            return self._send(method, path, data, headers)
        except OSError:
            self._connection.close()
            raise

    def start(self, name: str, data: object = None, *, instance_id: str) -> str:
        """Start an orchestration; returns its id. The input is JSON in JSON, which is what the SDK's client sends."""
        text = None if data is None else json.dumps(data)
        answer = self.call("POST", f"{MANAGEMENT}/orchestrators/{name}/{_quoted(instance_id)}", text)
        if answer.status != 202:
            raise AssertionError(f"Starting {name!r} was answered {answer.status}: {answer.body!r}")
        return instance_id

    def status(self, instance_id: str, **query: str) -> dict[str, Any] | None:
        """The status of an instance, None if there is no such instance."""
        question = f"?{urlencode(query)}" if query else ""
        answer = self.call("GET", f"{MANAGEMENT}/instances/{_quoted(instance_id)}{question}")
        if answer.status == 404:
            return None
        status: dict[str, Any] = answer.json()
        return status

    def history(self, instance_id: str) -> list[dict[str, Any]]:
        """The history events of an instance, as the management API shows them."""
        status = self.status(instance_id, showHistory="true", showHistoryOutput="true") or {}
        events: list[dict[str, Any]] = status.get("historyEvents") or []
        return events

    def raise_event(self, instance_id: str, name: str, data: object = None) -> None:
        """Raise an external event."""
        self._post(f"{MANAGEMENT}/instances/{_quoted(instance_id)}/raiseEvent/{_quoted(name)}", data)

    def operate(self, operation: str, instance_id: str, reason: str = "") -> None:
        """Terminate, suspend, resume or rewind an instance."""
        self._post(f"{MANAGEMENT}/instances/{_quoted(instance_id)}/{operation}?reason={quote(reason)}", None)

    def signal(self, entity: str, key: str, operation: str, data: object = None) -> None:
        """Signal an entity. The input is JSON in JSON, as for a start."""
        text = None if data is None else json.dumps(data)
        self._post(f"{MANAGEMENT}/entities/{_quoted(entity)}/{_quoted(key)}?op={quote(operation)}", text)

    def wait_for(
        self,
        instance_id: str,
        states: Collection[str] = FINAL_STATUSES,
        *,
        seconds: float = 30.0,
        poll_seconds: float = POLL_SECONDS,
    ) -> dict[str, Any]:
        """Poll until the instance is in one of the states; returns that status."""
        seen: dict[str, Any] = {}

        def has_arrived() -> bool:
            seen.clear()
            seen.update(self.status(instance_id) or {})
            return seen.get("runtimeStatus") in states

        wait_until(
            has_arrived,
            lambda: f"instance {instance_id!r} is {' or '.join(sorted(states))}; it is {seen or 'unknown'}",
            seconds=seconds,
            poll_seconds=poll_seconds,
        )
        return seen

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _post(self, path: str, data: object) -> None:
        answer = self.call("POST", path, data)
        if answer.status != 202:
            raise AssertionError(f"POST {path} was answered {answer.status}: {answer.body!r}")

    def _send(self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]) -> Answer:
        self._connection.request(method, path, body=data, headers=dict(headers))
        response = self._connection.getresponse()
        return Answer(
            status=response.status,
            headers={name.lower(): value for name, value in response.getheaders()},
            body=response.read(),
        )


def _quoted(text: str) -> str:
    return quote(text, safe="@")
