"""One HTTP request and its reply, whatever the status.

How the flow tests ask a host, near or far.
Invariant: a reply is a value, a 500 included; only a request that got no reply raises.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

__all__ = ["Reply", "ask"]

REQUEST_SECONDS: Final = 60.0  # a deployed app that sleeps needs some time to wake up

# A proxy of this machine must not see requests to this machine.
_near = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_far = urllib.request.build_opener()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What was answered."""

    status: int
    headers: Mapping[str, str]
    text: str

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)


def ask(method: str, url: str, body: str | None = None, headers: Mapping[str, str] | None = None) -> Reply:
    """Send a request and read the reply."""
    request = urllib.request.Request(
        url, data=None if body is None else body.encode(), headers=dict(headers or {}), method=method
    )
    opener = _near if urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1") else _far
    try:
        with opener.open(request, timeout=REQUEST_SECONDS) as answer:
            return Reply(status=answer.status, headers=dict(answer.headers), text=answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return Reply(status=error.code, headers=dict(error.headers), text=error.read().decode())
