"""``call_http``: the one activity that the host itself runs.

Sends the request that an orchestrator described, and turns the answer into a task's result.
Invariant: any answer is a result, whatever its status; only a request that got none fails.

The real host polls on a 202 with a Location; SDK 1.7 does not know the ids that this takes (issue 380 of
azure-functions-durable-python), so that here, for the orchestration's sake, the 202 is the answer.
"""

from __future__ import annotations

import json
import socket
from typing import Any

import aiohttp

from durable_engine import TaskCompleted, TaskFailed, TaskScheduled, compact_json, http_activity_failure
from durable_host.clock import now

__all__ = ["HttpActivity"]

# .NET keeps these with the content, and the extension hands only the headers of the answer itself on.
_CONTENT_HEADERS = frozenset(
    [
        "allow",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-length",
        "content-location",
        "content-md5",
        "content-range",
        "content-type",
        "expires",
        "last-modified",
    ]
)
_TIMEOUT_SECONDS = 100.0  # .NET's HttpClient, which the extension leaves as it is.


class HttpActivity:
    """Sends requests over one session, which is opened with the first of them."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the session, if there is one."""
        if self._session is not None:
            await self._session.close()

    async def run(self, scheduled: TaskScheduled) -> TaskCompleted | TaskFailed:
        """Send the request of a scheduled ``BuiltIn::HttpActivity``."""
        [request] = json.loads(scheduled.input or "[{}]")
        try:
            result = await self._send(request)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            message, native_error = _told(error, request["uri"])
            reason, details = http_activity_failure(message, native_error=native_error)
            return TaskFailed(timestamp=now(), task_scheduled_id=scheduled.event_id, reason=reason, details=details)
        return TaskCompleted(timestamp=now(), task_scheduled_id=scheduled.event_id, result=compact_json(result))

    async def _send(self, request: dict[str, Any]) -> dict[str, Any]:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS), cookie_jar=aiohttp.DummyCookieJar()
            )
        content: str | None = request.get("content")
        headers = dict(request.get("headers") or {})
        if content is not None and not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = "text/plain; charset=utf-8"
        async with self._session.request(
            request["method"],
            request["uri"],
            headers=headers,
            data=None if content is None else content.encode(),
            skip_auto_headers=("User-Agent",),
        ) as response:
            text = await response.text(errors="replace")
            shown: dict[str, str | list[str]] = {}
            for name in dict.fromkeys(response.headers):
                if name.lower() not in _CONTENT_HEADERS:
                    values = response.headers.getall(name)
                    shown[name] = values[0] if len(values) == 1 else list(values)
            return {"statusCode": response.status, "headers": shown, "content": text}


def _told(error: Exception, uri: str) -> tuple[str, int | None]:
    """The failure as .NET words it, and the socket's error number."""
    if isinstance(error, aiohttp.ClientConnectorError):
        where = f"({error.host}:{error.port})"
        if isinstance(error.os_error, ConnectionRefusedError):
            return f"Connection refused {where}", error.os_error.errno
        if isinstance(error.os_error, socket.gaierror):
            return f"Name or service not known {where}", error.os_error.errno
        return f"{error.os_error.strerror or error.os_error} {where}", error.os_error.errno
    if isinstance(error, TimeoutError):
        seconds = f"{_TIMEOUT_SECONDS:.0f}"
        return f"The request was canceled due to the configured HttpClient.Timeout of {seconds} seconds elapsing.", None
    return f"An error occurred while sending the request to {uri}: {type(error).__name__}: {error}", None
