"""Drives one recorded scenario on a host and keeps every exchange that the recording kept.

The hands of the scenarios: calls that are kept, and waits that are not.
Invariant: what the host is sent is what the real host was sent, byte for byte but for ids and places.
"""

from __future__ import annotations

import contextlib
import json
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from durable_engine import FINAL_STATUSES
from host_process import wait_until

__all__ = ["MANAGEMENT", "NO_BODY", "Driver", "Json"]

Json = dict[str, Any]

MANAGEMENT: Final = "/runtime/webhooks/durabletask"
NO_BODY: Final = object()
"""Stands for the absence of a body where ``None`` is a JSON body."""

_KEPT_HEADERS: Final = {"location", "retry-after", "content-type", "x-reply", "allow", "x-ms-continuation-token"}
_POLL_SECONDS: Final = 0.03
_REQUEST_SECONDS: Final = 30.0

# A proxy of this machine must not see requests to this machine.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Driver:
    """One scenario's conversation with a host; ``exchanges`` is what is compared."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.exchanges: list[Json] = []

    # What a scenario does.

    def call(
        self,
        method: str,
        path: str,
        body: object = NO_BODY,
        *,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Mapping[str, str], str]:
        """Send a request and keep the exchange. ``body`` goes as JSON, ``raw`` as it is."""
        data = raw if raw is not None or body is NO_BODY else json.dumps(body).encode()
        status, answered, reply = self._send(method, path, data, headers or {})
        self.exchanges.append(
            {
                "method": method,
                "path": path,
                "body": data.decode("utf-8", "replace") if data else None,
                "status": status,
                "headers": {name: value for name, value in answered.items() if name in _KEPT_HEADERS},
                "reply": reply,
            }
        )
        return status, answered, reply

    def manage(
        self,
        method: str,
        path: str,
        body: object = NO_BODY,
        *,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Mapping[str, str], str]:
        """A call of the management API; ``path`` is what follows its prefix."""
        return self.call(method, MANAGEMENT + path, body, raw=raw, headers=headers)

    def start(self, name: str, data: object = NO_BODY, instance_id: str | None = None) -> str:
        """Start an orchestration through the app's HTTP trigger; returns the instance's id."""
        instance = instance_id or f"{name}-{new_key()}"
        self.call("POST", f"/api/start/{name}?id={urllib.parse.quote(instance, safe='')}", data)
        return instance

    def final(self, instance_id: str) -> None:
        """Ask for everything that the management API shows of an instance."""
        self.show(instance_id, "?showHistory=true&showHistoryOutput=true&showInput=true")

    def show(self, instance_id: str, query: str = "") -> None:
        """Ask for the status of an instance."""
        self.call("GET", _status_path(instance_id) + query)

    # What is not kept.

    def status(self, instance_id: str, query: str = "") -> Json | None:
        """Look at the status of an instance without keeping the exchange."""
        _, _, reply = self._send("GET", _status_path(instance_id) + query, None, {})
        status: Json | None = json.loads(reply) if reply else None
        return status

    def children(self, instance_id: str) -> list[str]:
        """The sub-orchestrations that an instance has started and not yet heard of."""
        status = self.status(instance_id, "?showHistory=true") or {}
        created = "SubOrchestrationInstanceCreated"
        return [event["InstanceId"] for event in status["historyEvents"] if event["EventType"] == created]

    def wait(self, instance_id: str, states: Collection[str] = FINAL_STATUSES, *, seconds: float = 40.0) -> None:
        """Wait until the instance is in one of the states. If it never is, the comparison that follows says so."""

        def is_there() -> bool:
            status = self.status(instance_id)
            return status is not None and str(status["runtimeStatus"]) in states

        self.wait_until(is_there, seconds=seconds)

    def wait_for_event(self, instance_id: str, event_type: str, *, times: int = 1, seconds: float = 10.0) -> None:
        """Wait until the history shows an event of this kind so many times."""

        def is_there() -> bool:
            status = self.status(instance_id, "?showHistory=true") or {}
            kinds = [event["EventType"] for event in status.get("historyEvents") or []]
            return kinds.count(event_type) >= times

        self.wait_until(is_there, seconds=seconds)

    def wait_for_entity(self, name: str, key: str, state: object, *, seconds: float = 10.0) -> None:
        """Wait until the state of an entity is this."""

        def is_there() -> bool:
            code, _, reply = self._send("GET", f"{MANAGEMENT}/entities/{name}/{key}", None, {})
            return code == 200 and bool(reply) and bool(json.loads(reply) == state)

        self.wait_until(is_there, seconds=seconds)

    def wait_until(self, holds: Callable[[], bool], *, seconds: float = 10.0) -> None:
        """Poll until something is so, at most this long."""
        with contextlib.suppress(TimeoutError):  # what is then recorded shows what is missing
            wait_until(holds, "it is so", seconds=seconds, poll_seconds=_POLL_SECONDS)

    def let_pass(self, seconds: float) -> None:
        """Let time pass where what is recorded is that nothing happens meanwhile."""
        time.sleep(seconds)

    def _send(
        self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], str]:
        content_type = {} if data is None else {"Content-Type": "application/json"}
        request = urllib.request.Request(
            self.base + path, data=data, headers={**content_type, **headers}, method=method
        )
        try:
            with _opener.open(request, timeout=_REQUEST_SECONDS) as answer:
                return answer.status, _lower_case(answer.headers.items()), answer.read().decode("utf-8", "replace")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _lower_case(error.headers.items()), error.read().decode("utf-8", "replace")


def new_key() -> str:
    """Eight hexadecimal digits that nobody has had: the end of an id, or an entity's key."""
    return uuid.uuid4().hex[:8]


def _status_path(instance_id: str) -> str:
    return f"{MANAGEMENT}/instances/{urllib.parse.quote(instance_id, safe='@')}"


def _lower_case(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}
