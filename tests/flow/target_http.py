"""A host that speaks HTTP as a target: the local host, or ``func start``.

The flow tests' verbs as requests.
Invariant: nothing is known of the host but what its answers say.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from flow.http_exchange import Reply, ask
from flow.target import Message, Status, shown_status

__all__ = ["HttpTarget", "status_of"]

POLL_SECONDS: Final = 0.03
_LINKS: Final = {
    "raiseEvent": "sendEventPostUri",
    "terminate": "terminatePostUri",
    "suspend": "suspendPostUri",
    "resume": "resumePostUri",
    "rewind": "rewindPostUri",
}


class UnexpectedReplyError(AssertionError):
    """The host answered something else than it should."""


class HttpTarget:
    """Runs orchestrations on a host, by the URLs of its management API."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._links: dict[str, Mapping[str, str]] = {}

    def start(self, name: str, value: Any, instance_id: str) -> None:
        """Start an orchestration through the app's trigger."""
        url = f"{self._address}/api/flow/{quote(name)}?id={quote(instance_id, safe='')}"
        reply = ask("POST", url, json.dumps(value), {"Content-Type": "application/json"})
        self._links[instance_id] = _expect(reply, 202, "POST", url).json()

    def look(self, instance_id: str) -> Status | None:
        """The instance as it stands."""
        return status_of(self._link(instance_id, "statusQueryGetUri"))

    def tell(self, instance_id: str, message: Message) -> None:
        """Tell an instance something."""
        if message.verb == "purge":
            url = self._link(instance_id, "purgeHistoryDeleteUri")
            _expect(ask("DELETE", url), 200, "DELETE", url)
            return
        url = self._link(instance_id, _LINKS[message.verb])
        url = url.replace("{eventName}", quote(message.text, safe="")).replace("{text}", quote(message.text, safe=""))
        body = json.dumps(message.value) if message.verb == "raiseEvent" else None
        _expect(ask("POST", url, body, {"Content-Type": "application/json"}), 202, "POST", url)

    def let_happen(self, instance_id: str) -> None:
        """Let a moment pass."""
        time.sleep(POLL_SECONDS)

    def _link(self, instance_id: str, name: str) -> str:
        links = self._links.get(instance_id)
        if links is not None:
            return links[name]
        # A sub-orchestration, whose id begins with that of its parent.
        known = max((one for one in self._links if instance_id.startswith(one)), key=len)
        return self._links[known][name].replace(f"/{quote(known)}", f"/{quote(instance_id)}", 1)


def status_of(url: str) -> Status | None:
    """What a status URL shows, history included."""
    reply = ask("GET", f"{url}&showHistory=true&showInput=false")
    if reply.status == 404:
        return None
    if reply.status not in (200, 202):
        raise UnexpectedReplyError(f"GET {url} was answered {reply.status}: {reply.text}")
    shown = reply.json()
    events = shown.get("historyEvents") or ()
    return shown_status(shown["runtimeStatus"], shown["output"], shown["customStatus"], events)


def _expect(reply: Reply, status: int, method: str, url: str) -> Reply:
    if reply.status != status:
        raise UnexpectedReplyError(f"{method} {url} was answered {reply.status}, and not {status}: {reply.text}")
    return reply
