"""A running server of HTTP triggers, as the tests call it."""

from __future__ import annotations

import asyncio
import http.client
from dataclasses import dataclass

from durable_host.app.index import FunctionIndex
from durable_host.app.worker import Worker
from durable_host.http.server import HttpServer

__all__ = ["Reply", "Served"]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as a client sees it."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)


@dataclass(frozen=True, slots=True)
class Served:
    """The running server."""

    port: int
    server: HttpServer
    loop: asyncio.AbstractEventLoop
    index: FunctionIndex
    worker: Worker

    def call(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Reply(response.status, response.getheaders(), response.read())
        finally:
            connection.close()
