"""``call_http``: the one activity that the host itself runs.

Sends the request that an orchestrator described, and turns the answer into a task's result.
Invariant: nothing is added to a request, and nothing undone of an answer, beyond what the real host does; any answer is
a result, whatever its status: only a request that got none fails.

A 202 is given back and not polled, as on the real host: the SDK (1.7) asks for no polling.
"""

from __future__ import annotations

import json
import re
import socket
from typing import Any

import aiohttp
import yarl

from durable_engine import (
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
    compact_json,
    http_activity_failure,
    unhandled_task_failure,
)
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
_USER_AGENT = "Microsoft.Azure.WebJobs.Extensions.DurableTask/3.19.0"
_ADDED_BY_AIOHTTP = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")


# Headers that .NET reads as lists, and gives back as such.
_LISTS = frozenset(["accept-ranges", "connection", "pragma", "trailer", "transfer-encoding", "upgrade", "vary", "via"])
_PRODUCTS = re.compile(r"\([^)]*\)|[^\s(]+")


class _Request(aiohttp.ClientRequest):
    """A request of .NET's kind: a DELETE without content does not say that it has none."""

    GET_METHODS = aiohttp.ClientRequest.GET_METHODS | {"DELETE"}


class _MisusedHeaderError(Exception):
    """A header of the content among those of the request: .NET refuses it before anything is sent."""


class HttpActivity:
    """Sends requests over one session, which is opened with the first of them and keeps cookies between them."""

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
        except _MisusedHeaderError as error:
            details, failure = unhandled_task_failure("System.InvalidOperationException", str(error))
            return TaskFailed(
                timestamp=now(),
                task_scheduled_id=scheduled.event_id,
                reason=str(error),
                details=details,
                failure_details=failure,
            )
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            message, native_error = _told(error, request["uri"])
            reason, details = http_activity_failure(message, native_error=native_error)
            return TaskFailed(timestamp=now(), task_scheduled_id=scheduled.event_id, reason=reason, details=details)
        return TaskCompleted(timestamp=now(), task_scheduled_id=scheduled.event_id, result=compact_json(result))

    async def _send(self, request: dict[str, Any]) -> dict[str, Any]:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS),
                # "unsafe" are the cookies of bare addresses, which .NET keeps too.
                cookie_jar=aiohttp.CookieJar(unsafe=True, quote_cookie=False),
                auto_decompress=False,
                request_class=_Request,
                skip_auto_headers=_ADDED_BY_AIOHTTP,
                requote_redirect_url=False,
            )
        method, content = str(request["method"]).upper(), request.get("content")
        async with self._session.request(
            method,
            _url(request["uri"]),
            headers=_headers(request, method, has_content=content is not None),
            data=None if content is None else content.encode(),
        ) as response:
            text = (await response.read()).decode(_charset(response), "replace")
            shown: dict[str, str | list[str]] = {}
            for name in dict.fromkeys(response.headers):
                if name.lower() not in _CONTENT_HEADERS:
                    values = [part for value in response.headers.getall(name) for part in _parts(name, value)]
                    shown[name] = values[0] if len(values) == 1 else list(values)
            return {"statusCode": response.status, "headers": shown, "content": text}


def _headers(request: dict[str, Any], method: str, *, has_content: bool) -> dict[str, str]:
    """The request's own headers, and the three that the real host adds where they are missing."""
    headers: dict[str, str] = {}
    for name, value in (request.get("headers") or {}).items():
        if name.lower() in _CONTENT_HEADERS and name.lower() != "content-type":
            raise _MisusedHeaderError(
                f"Misused header name, '{name}'. Make sure request headers are used with HttpRequestMessage, response "
                "headers with HttpResponseMessage, and content headers with HttpContent objects."
            )
        headers[name] = value
    names = {name.lower() for name in headers}
    if "user-agent" not in names:
        headers["User-Agent"] = _USER_AGENT
    if has_content and "content-type" not in names:
        headers["Content-Type"] = "text/plain"
    if not has_content and method in ("POST", "PUT", "PATCH"):
        headers["Content-Length"] = "0"
    return headers


def _parts(name: str, value: str) -> list[str]:
    """A header's value as .NET gives it: the elements of a list, the products of a server."""
    if name.lower() == "server":
        return _PRODUCTS.findall(value) or [value]
    return [part.strip() for part in value.split(",")] if name.lower() in _LISTS else [value]


def _url(uri: str) -> yarl.URL:
    """The address as it is written; letters that no address may have are escaped."""
    return yarl.URL(uri, encoded=uri.isascii() and " " not in uri)


def _charset(response: aiohttp.ClientResponse) -> str:
    """What the answer says that its text is written in, if Python knows it; else UTF-8, as .NET does."""
    name = response.charset or "utf-8"
    try:
        "".encode(name)
    except LookupError:
        return "utf-8"
    return "utf-8-sig" if name.lower() in ("utf-8", "utf8") else name


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
    if isinstance(error, aiohttp.ClientOSError | aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError):
        return "An error occurred while sending the request.", None
    return f"An error occurred while sending the request to {uri}: {type(error).__name__}: {error}", None
