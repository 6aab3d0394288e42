"""A web server on loopback for orchestrations that call HTTP.

Answers so that the answer shows what was asked.
Invariant: it listens on loopback only, and its thread ends with its ``with`` block.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

__all__ = ["WebServer"]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet: what was asked shows in the answer."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        asked = {"method": self.command, "body": body, "asked": self.headers.get("X-Asked")}
        content = json.dumps(asked).encode() if self.path == "/echo" else b""
        self.send_response(200 if self.path == "/echo" else 404)
        self.send_header("X-Reply", "from the server")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class WebServer:
    """The running server; ``/echo`` shows the request, everything else is a 404."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True  # a kept connection must not keep the tests from ending
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="web-server", daemon=True)
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
