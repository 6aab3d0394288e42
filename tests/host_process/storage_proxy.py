"""What stands between a host and its storage: it passes every request on, remembers it, and can cut the host off.

Counts what a host asks of storage, and lets a host "die" between two of its writes: from then on nothing that it sends
is carried out.
Invariant: a request is either carried out whole and its answer passed on unchanged, or refused and not carried out;
only a fault that is asked for answers otherwise.
Requests stay valid on the way: a shared key signs the path and the headers, but not the port.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from yarl import URL

__all__ = ["Fault", "StorageProxy", "StorageRequest"]

LOOPBACK: Final = "127.0.0.1"
# The headers of one hop are not passed on, and the length is that of the body as it is sent on. A request's date goes
# on, because it may be signed; an answer's is set anew.
OF_ONE_HOP: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host"})
SET_ANEW: Final = OF_ONE_HOP | {"date"}
UNSENT: Final = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
# Not a status that any storage client tries again: a host that is cut off should give up at once.
CUT_OFF: Final = 403
# One that all of them try again.
FAILED: Final = 503
CUT_OFF_TEXTS: Final = {
    "application/xml": "<?xml version='1.0'?><Error><Code>AuthorizationFailure</Code><Message>cut</Message></Error>",
    "application/json": '{"odata.error": {"code": "AuthorizationFailure", "message": {"value": "cut"}}}',
}


class Fault(Enum):
    """How storage fails one request: before it is carried out, or after."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageRequest:
    """One request to storage; ``status`` is None where it was refused because the host is cut off.

    ``reply`` is the text of the answer: a queue's names the messages that other requests speak of. With ``fault`` the
    host was not told of it.
    """

    service: str
    method: str
    path: str
    text: str
    status: int | None
    reply: str = ""
    fault: Fault | None = None

    @property
    def is_write(self) -> bool:
        """Whether it may change something; taking messages, which comes back by itself, does not count."""
        return self.method not in ("GET", "HEAD")


class StorageProxy:
    """Passes on what one host asks of the account behind ``connection_string``. ``async with`` opens it.

    ``fault`` says of a request whether and how storage fails it. ``remember`` is told of every request that was
    answered; without it they are kept in ``requests``.
    """

    def __init__(
        self,
        connection_string: str,
        *,
        fault: Callable[[StorageRequest], Fault | None] = lambda request: None,
        remember: Callable[[StorageRequest], None] | None = None,
    ) -> None:
        self._fault = fault
        self._settings = dict(part.split("=", 1) for part in connection_string.split(";") if "=" in part)
        self._resources = contextlib.AsyncExitStack()
        self._ports: dict[str, int] = {}
        self._writes_left: int | None = None
        self._counts: Callable[[StorageRequest], bool] = lambda request: request.is_write
        self.requests: list[StorageRequest] = []
        self._remember = remember or self.requests.append
        self.delay_seconds = 0.0
        """How long each request waits before it is passed on; it can be set at any time."""

    @property
    def connection_string(self) -> str:
        """The account's connection string with this proxy's ports."""
        here = dict(self._settings)
        for service, port in self._ports.items():
            here[_endpoint(service)] = f"http://{LOOPBACK}:{port}{urlsplit(self._settings[_endpoint(service)]).path}"
        return ";".join(f"{name}={value}" for name, value in here.items()) + ";"

    @property
    def is_cut(self) -> bool:
        """Whether the host's storage has gone away."""
        return self._writes_left == 0

    def cut_after(self, writes: int, counts: Callable[[StorageRequest], bool] | None = None) -> None:
        """Let so many more writes through, and then nothing. ``counts`` says which requests are counted."""
        self._writes_left = writes
        if counts is not None:
            self._counts = counts

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as on_failure:
            self._session = await on_failure.enter_async_context(
                aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)
            )
            for service in ("blob", "queue", "table"):
                self._ports[service] = await self._listen(service, on_failure)
            self._resources = on_failure.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._resources.aclose()

    async def _listen(self, service: str, resources: contextlib.AsyncExitStack) -> int:
        origin = urlsplit(self._settings[_endpoint(service)])

        async def serve(request: web.BaseRequest) -> web.StreamResponse:
            return await self._pass_on(service, f"http://{origin.netloc}", request)

        runner = web.ServerRunner(web.Server(serve, access_log=None), shutdown_timeout=1.0)
        await runner.setup()
        resources.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, LOOPBACK, 0)
        await site.start()
        port: int = runner.addresses[0][1]
        return port

    async def _pass_on(self, service: str, origin: str, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        await asyncio.sleep(self.delay_seconds)
        seen = StorageRequest(
            service=service,
            method=request.method,
            path=request.raw_path,
            text=body.decode("utf-8", "replace"),
            status=None,
        )
        # Decided without a pause in between, so that of parallel requests exactly as many get through as were allowed.
        if self.is_cut:
            self.requests.append(seen)
            content_type = "application/json" if service == "table" else "application/xml"
            return web.Response(status=CUT_OFF, text=CUT_OFF_TEXTS[content_type], content_type=content_type)
        if self._writes_left is not None and self._counts(seen):
            self._writes_left -= 1
        fault = self._fault(seen)
        if fault is Fault.BEFORE:
            return web.Response(status=FAILED)
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in OF_ONE_HOP]
        async with self._session.request(
            request.method,
            URL(origin + request.raw_path, encoded=True),
            headers=headers,
            data=body or None,
            skip_auto_headers=UNSENT,
            allow_redirects=False,
        ) as answer:
            content = await answer.read()
            reply = content.decode("utf-8", "replace")
            self._remember(replace(seen, status=answer.status, fault=fault, reply=reply))
            if fault is Fault.AFTER:
                return web.Response(status=FAILED)
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in SET_ANEW}
            return web.Response(status=answer.status, reason=answer.reason, headers=kept, body=content)


def _endpoint(service: str) -> str:
    return f"{service.capitalize()}Endpoint"
