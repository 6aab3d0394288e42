"""A local TLS server that stands in for learn.microsoft.com, with the pages of ``fixtures/html``.

It listens on loopback only. A session reaches it under the site's own name by ``adapter``.
"""

from __future__ import annotations

import gzip
import json
import ssl
import sys
import tempfile
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

import trustme
from urllib3 import Retry

from recorded_pages.loopback_adapter import LoopbackAdapter


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePage:
    """One answer of the site."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


SiteAnswers = tuple[SitePage, ...]
"""What one path answers, request by request; after the last, the first again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRequest:
    """One page that the recorder asks for, and what the app should find: a title, or the code of its absence."""

    cassette: str
    url: str
    title: str | None
    code: str | None = None
    times: int = 1
    is_on_live_site: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteMap:
    """What ``site.json`` in ``fixtures/html`` says: the host, its answers, and what to record."""

    host: str
    pages: dict[str, SiteAnswers]
    recorded: tuple[RecordedRequest, ...]

    @classmethod
    def load(cls, folder: Path) -> SiteMap:
        """Read ``site.json`` and the pages that it names."""
        site = json.loads((folder / "site.json").read_text(encoding="utf-8"))
        return cls(
            host=site["host"],
            pages={
                path: tuple(_page(folder, page) for page in (pages if isinstance(pages, list) else [pages]))
                for path, pages in site["pages"].items()
            },
            recorded=tuple(RecordedRequest(**entry) for entry in site["recorded"]),
        )


def _page(folder: Path, page: dict[str, Any]) -> SitePage:
    headers = dict(page.get("headers", {}))
    if location := page.get("redirect"):
        return SitePage(status=page.get("status", 301), headers={**headers, "Location": location})
    headers.setdefault("Content-Type", "text/html")
    body = (folder / page["file"]).read_bytes()
    if page.get("gzip"):
        headers["Content-Encoding"] = "gzip"
        body = gzip.compress(body, mtime=0)
    return SitePage(status=page.get("status", 200), headers=headers, body=body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that went away or did not like the certificate: tests do that on purpose."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # passed on as it came


class LocalSite:
    """The running server, under a host's name and maybe others; use it as a context manager."""

    def __init__(self, host: str, handler: type[BaseHTTPRequestHandler], *more_hosts: str) -> None:
        self._hosts = (host, *more_hosts)
        self._authority = trustme.CA()
        self._folder = tempfile.TemporaryDirectory(prefix="local-site-")
        self.ca_file = Path(self._folder.name) / "ca.pem"
        self._authority.cert_pem.write_to_path(str(self.ca_file))
        self._server = _Server(("127.0.0.1", 0), handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(host, *more_hosts).configure_cert(context)
        # The handshake belongs to the connection's own thread, or one silent client would hold up all others.
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.address: tuple[str, int] = ("127.0.0.1", self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="local-site", daemon=True)

    def adapter(self, *, max_retries: Retry | int = 0) -> LoopbackAdapter:
        """Return an adapter that leads the names of this server here, for a session to mount."""
        return LoopbackAdapter(dict.fromkeys(self._hosts, self.address), ca_file=self.ca_file, max_retries=max_retries)

    def __enter__(self) -> LocalSite:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._folder.cleanup()


def site_handler(site: SiteMap) -> type[BaseHTTPRequestHandler]:
    """Answer as the site map says: what has no locale is redirected to en-us, what is not there is a 404."""

    answered: Counter[str] = Counter()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            pages = site.pages.get(path) or site.pages["*"]
            with lock:
                page = pages[answered[path] % len(pages)]
                answered[path] += 1
            if path not in site.pages and not path.startswith("/en-us/"):
                page = SitePage(status=301, headers={"Location": f"/en-us{path}"})
            self.send_response(page.status)
            for name, value in page.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(page.body)))
            self.end_headers()
            self.wfile.write(page.body)

        def version_string(self) -> str:
            return "local-site"

        def log_message(self, format: str, *args: object) -> None:
            """Stay quiet: what was served shows in the cassettes."""

    return Handler
