"""The listening server: takes requests off the wire and hands each to whoever answers it.

Aiohttp's low-level server, so that paths arrive as they were sent and nothing is routed twice.
Invariant: every request gets exactly one answer; one that fails in here is an empty 500, and is logged.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import re
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import TYPE_CHECKING, Final, Protocol

import aiohttp
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict

from durable_engine import TICKS_PER_SECOND
from durable_host.app.index import FunctionIndex
from durable_host.app.worker import Worker
from durable_host.clock import now
from durable_host.dispatch.state_log import StateLog
from durable_host.http.admin import AdminApi, ByHand
from durable_host.http.client_binding import WEBHOOK_PATH, ClientBinding
from durable_host.http.event_grid import EVENT_GRID_PATH, EventGrid
from durable_host.http.host_reads import HostReads
from durable_host.http.keys import UNAUTHORIZED, Keys
from durable_host.http.management.api import ManagementApi
from durable_host.http.management.context import ManagementContext
from durable_host.http.messages import NOT_FOUND, Answer, Request
from durable_host.http.origins import Origins
from durable_host.http.triggers import HttpTriggers

if TYPE_CHECKING:
    from durable_host.task_hub.hub.client import TaskHubClient

__all__ = ["HttpServer", "PortInUseError", "PortRefusedError", "Site", "read_request", "response_of"]

_log = logging.getLogger("Host.Http")


class _InOneLine(logging.Filter):
    """Of a request that is no HTTP, one line is said, and not where in the parser it was found to be none."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            record.exc_info, record.levelno, record.levelname = None, logging.INFO, "INFO"
            record.msg = "What is no HTTP request was answered 400: %.200s"
            record.args = (" ".join(error.message.split()),)
        return True


_log.addFilter(_InOneLine())

_LONGEST_LINE: Final = 65_536
_SERVER: Final = "Kestrel"
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e]*")
_IPV4: Final = "127.0.0.1"
_IPV6: Final = "::1"
_SITE_PATHS: Final = ("/durable", "/durable-dashboard", "/admin/durable")
"""Where the pages of this host may be: at the first that no route of the app takes, which none can of the last."""


class PortRefusedError(Exception):
    """The system does not let us listen on the port."""

    def __init__(self, port: int, reason: str | None) -> None:
        self.port = port
        super().__init__(f"Port {port} cannot be listened on: {reason}. Specify another port using --port [-p].")


class PortInUseError(PortRefusedError):
    """Something else listens on the port."""

    def __init__(self, port: int) -> None:
        self.port = port
        Exception.__init__(
            self,
            f"Port {port} is unavailable. Close the process using that port, or specify another port using --port "
            "[-p].",
        )


_OTHER_WEBHOOKS: Final = "/runtime/webhooks/"


class Site(Protocol):
    """Pages beside those of the app."""

    async def answer(self, request: Request) -> Answer:
        """Answer a request below the place of the pages."""

    async def stop(self) -> None:
        """End what the pages have begun."""


OpenSite = Callable[[str, Callable[[Request, str], Awaitable[Answer]]], Site]
"""Makes the pages, given their place, and what answers a request to the management API and its path below that."""


class HttpServer:
    """The host's HTTP side. ``start`` listens on loopback; ``stop`` lets running requests end.

    ``default_version`` and ``replaces_running`` are host.json's ``defaultVersion`` and
    ``overridableExistingInstanceStates: AnyState``. Making one raises AppError for a route that cannot be read.
    """

    def __init__(
        self,
        index: FunctionIndex,
        worker: Worker,
        client: TaskHubClient,
        binding: ClientBinding,
        *,
        route_prefix: str = "api",
        default_version: str | None = None,
        replaces_running: bool = False,
        origins: Origins | None = None,
        listen: str = _IPV4,
        by_hand: ByHand | None = None,
        open_site: OpenSite | None = None,
        reads: HostReads | None = None,
        keys: Keys | None = None,
        log: StateLog | None = None,
    ) -> None:
        self.triggers, self._keys = HttpTriggers(index, worker, route_prefix, keys), keys
        self.port = 0
        self._origins, self._listen = origins or Origins(), listen
        self._open_site = open_site
        self._site: Site | None = None
        *wanted, reserved = _SITE_PATHS
        self.site_path = next((path for path in wanted if not self.triggers.takes(path)), reserved)
        self.admin = AdminApi(index, worker, self.triggers, reads or HostReads("", {}, {}), by_hand)
        self._event_grid = EventGrid(index, worker)
        self._binding = binding
        self._management = ManagementApi(
            ManagementContext(
                client=client,
                index=index,
                binding=binding,
                default_version=default_version,
                replaces_running=replaces_running,
                log=log or StateLog(binding.hub_name),
            )
        )
        self._server: web.Server | None = None
        self._listeners: list[asyncio.Server] = []

    @property
    def origin(self) -> str:
        """Scheme, host and port to print."""
        return self._binding.origin

    async def start(self, port: int) -> int:
        """Listen on a port, 0 for any that is free; the port that it is."""
        loop = asyncio.get_running_loop()
        server = web.Server(
            self._handle,
            access_log=None,
            logger=_log,
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_LINE,
            auto_decompress=False,  # a function gets the body as it was sent
        )
        try:
            first = await loop.create_server(server, self._listen, port)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUseError(port) from error
            raise PortRefusedError(port, error.strerror) from error
        self._server = server
        self._listeners.append(first)
        bound: int = first.sockets[0].getsockname()[1]
        try:
            if self._listen == _IPV4:
                self._listeners.append(await loop.create_server(server, _IPV6, bound))
        except OSError:
            _log.debug("No listener on %s: clients that try it for localhost fall back to %s.", _IPV6, _IPV4)
        self._binding.listening_on(bound)
        self.port = bound
        return bound

    async def stop(self, *, grace: float = 1.0) -> None:
        """Take no more connections and give running requests ``grace`` seconds to end."""
        for listener in self._listeners:
            listener.close()
        if self._server is not None:
            # Connections that wait for a next request would use up the whole of the grace.
            self._server.pre_shutdown()
            await self._server.shutdown(grace)
        if self._site is not None:
            await self._site.stop()
        await self.admin.stop(grace)
        await self._event_grid.stop(grace)

    async def _handle(self, message: web.BaseRequest) -> web.StreamResponse:
        try:
            answer = await self._answer(await read_request(message))
        except (ConnectionError, aiohttp.ClientError, web.RequestPayloadError) as error:
            _log.debug("%s %s: the client left before its body was there: %s", message.method, message.path, error)
            answer = Answer(status=400)
        except Exception:
            _log.exception("%s %s failed in the host", message.method, message.path)
            answer = Answer(status=500)
        return response_of(answer, message.version)

    async def _answer(self, request: Request) -> Answer:
        preflight = self._origins.preflight(request)
        if preflight is not None:
            return preflight
        answer = await self._routed(request)
        return self._origins.answer_for(request, answer)

    async def _routed(self, request: Request) -> Answer:
        path = request.decoded_path
        if "\0" in path:
            return Answer(status=400)
        lowered = path.lower()
        is_site = self._open_site is not None and f"{path}/".startswith(f"{self.site_path}/")
        is_guarded = is_site or lowered.startswith(("/runtime/", "/admin/"))
        if is_guarded and (refusal := self._origins.refusal(request)):
            return refusal
        rpc_path, keys = self._binding.rpc_path, self._keys
        if lowered.startswith(f"{rpc_path}/"):
            return await self._management.answer(request, path[len(rpc_path) :])
        if keys is not None and not keys.open_place(request, is_site=is_site):
            return UNAUTHORIZED
        if lowered.startswith(WEBHOOK_PATH) and lowered[len(WEBHOOK_PATH) :][:1] in ("", "/"):
            return await self._management.answer(request, path[len(WEBHOOK_PATH) :])
        if lowered == EVENT_GRID_PATH:
            return await self._event_grid.answer(request)
        if self._open_site is not None and is_site:
            # Made when somebody looks: a start has no need of templates.
            self._site = self._site or self._open_site(self.site_path, self._management.answer)
            page = await self._site.answer(request)
            return keys.with_cookie(request, page, self.site_path) if keys is not None else page
        if lowered.startswith(_OTHER_WEBHOOKS):
            # Of other extensions; the real host asks for their key before it looks further.
            has_key = "x-functions-key" in request.headers or any(name.lower() == "code" for name, _ in request.query)
            return NOT_FOUND if has_key else UNAUTHORIZED
        if lowered.startswith("/admin/"):
            return await self.admin.answer(request)
        answer = await self.triggers.answer(request)
        if answer is not None:
            return answer
        return self.admin.front_page() if path == "/" and request.method == "GET" else NOT_FOUND


async def read_request(message: web.BaseRequest) -> Request:
    """A request as it came."""
    target = message.raw_path
    if not target.startswith("/"):
        # The absolute form, which proxies send, and OPTIONS *.
        target = "/" + target.partition("://")[2].partition("/")[2]
    path, _, query = target.partition("?")
    headers: dict[str, str] = {}
    for name, value in message.headers.items():
        lowered = name.lower()
        headers[lowered] = f"{headers[lowered]},{value}" if lowered in headers else value
    # Not message.read(): that one has a limit of its own.
    body = await message.content.read() if message.body_exists else b""
    return Request(
        method=message.method,
        origin=f"{message.scheme}://{message.host}",
        path=path,
        query_text=query,
        headers=headers,
        body=body,
        is_abandoned=lambda: message.transport is None or message.transport.is_closing(),
    )


def response_of(answer: Answer, version: aiohttp.HttpVersion = aiohttp.HttpVersion11) -> web.Response:
    """An answer as it goes out, to a client of this version of HTTP: before 1.1 there are no chunks."""
    unsendable = [name for name, value in answer.headers if not _HEADER_VALUE.fullmatch(value)]
    if unsendable:
        _log.error("The answer's headers %s hold letters that HTTP headers cannot have.", ", ".join(unsendable))
        answer = Answer(status=500)
    # In the real host's order, and with the name of its server: through call_http these become part of histories.
    date = formatdate(now() // TICKS_PER_SECOND, usegmt=True)
    headers = CIMultiDict({"Date": date, "Server": _SERVER})
    headers.extend(CIMultiDict(answer.headers))
    response = web.Response(status=answer.status, body=answer.body or None, headers=headers)
    if answer.is_chunked and version >= aiohttp.HttpVersion11:
        response.enable_chunked_encoding()
    return response
