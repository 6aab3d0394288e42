"""What a hostile server may answer, each under its own path, and with which code each must end.

Every answer ends by itself when the client goes away, so that no thread is left behind.
"""

from __future__ import annotations

import gzip
import socket
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

Answer = Callable[[BaseHTTPRequestHandler], object]

_HTML = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
_MOST_SECONDS = 10.0


def _write(*parts: bytes) -> Answer:
    return lambda handler: handler.wfile.write(b"".join(parts))


def _endless(start: bytes, more: bytes) -> Answer:
    """Send as fast as the client takes it."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(start)
        block = more * (65536 // len(more))
        ends = time.monotonic() + _MOST_SECONDS
        while time.monotonic() < ends:
            handler.wfile.write(block)

    return answer


def _drip(start: bytes, more: bytes) -> Answer:
    """Send a little again and again, so that no single wait is long."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(start)
        ends = time.monotonic() + _MOST_SECONDS
        while time.monotonic() < ends:
            handler.wfile.write(more)
            time.sleep(0.05)  # the pace of the drip

    return answer


def _reset(start: bytes) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(start)
        time.sleep(0.1)  # lets the start arrive before the reset throws away what is on its way
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.socket.close(handler.connection)

    return answer


def _gigabyte_bomb() -> bytes:
    """Return 1 GB of blanks compressed: one block, said a hundred times."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = compressor.compress(b" " * 10_000_000) + compressor.flush(zlib.Z_FULL_FLUSH)
    return gzip.compress(b"")[:10] + block * 100


def _chunked(*chunks: bytes) -> bytes:
    return _HTML + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(chunks)


def _redirect(location: bytes, more: bytes = b"Content-Length: 0\r\n\r\n") -> bytes:
    return b"HTTP/1.1 302 Found\r\nLocation: " + location + b"\r\n" + more


def _page(body: bytes, headers: bytes = b"") -> bytes:
    return _HTML + headers + b"Content-Length: %d\r\n\r\n" % len(body) + body


def _answers() -> Iterator[tuple[str, Answer, str]]:
    title = b"<title>Title</title>"
    yield "body-without-end", _endless(_HTML + b"\r\n", b"x"), "too_large"
    yield "body-of-blanks-in-chunks", _endless(_chunked(), b"1000\r\n" + b" " * 4096 + b"\r\n"), "too_large"
    yield "chunk-size-without-end", _endless(_chunked(), b"0"), "connection_broken"
    yield "trailer-without-end", _endless(_chunked(b"5\r\n<body\r\n0\r\n"), b"x"), "connection_broken"
    yield "header-without-end", _endless(_HTML + b"X: ", b"x"), "bad_headers"
    yield "headers-without-end", _endless(_HTML, b"X: y\r\n"), "bad_headers"
    yield "thousand-headers", _write(_HTML, b"X: y\r\n" * 1000, b"\r\n", title), "bad_headers"
    yield "drip-of-body", _drip(_HTML + b"Content-Length: 1000000\r\n\r\n", b"x"), "timeout"
    yield "drip-without-length", _drip(_HTML + b"\r\n", b"x"), "timeout"
    yield "silence", _drip(b"", b""), "timeout"
    yield "drip-after-the-title", _drip(_HTML + b"\r\n" + title.ljust(2048), b"x"), "Title"
    yield "bomb", _write(_page(_gigabyte_bomb(), b"Content-Encoding: gzip\r\n")), "too_large"
    yield "bomb-after-the-title", _write(_chunked_bomb(title)), "Title"
    yield "broken-gzip", _write(_page(b"no gzip at all", b"Content-Encoding: gzip\r\n")), "bad_encoding"
    yield "brotli", _write(_page(b"\x0b\x02\x80", b"Content-Encoding: br\r\n")), "bad_encoding"
    yield "redirect-loop", _write(_redirect(b"/redirect-loop")), "too_many_redirects"
    yield "redirect-to-metadata", _write(_redirect(b"https://169.254.169.254/latest/meta-data")), "host_not_allowed"
    yield "redirect-to-localhost", _write(_redirect(b"https://localhost/")), "host_not_allowed"
    yield "redirect-to-http", _write(_redirect(b"http://learn.microsoft.com/")), "not_https"
    yield "redirect-with-endless-body", _endless(_redirect(b"/good-page", b"\r\n"), b"x"), "Title"
    yield "redirect-to-nothing", _write(_redirect(b"https://[")), "bad_redirect"
    yield "length-too-long", _write(_HTML, b"Content-Length: 5000\r\nConnection: close\r\n\r\n<p>"), "connection_broken"
    yield "length-too-short", _write(_HTML, b"Content-Length: 11\r\nConnection: close\r\n\r\n", title), "Titl"
    yield "length-nonsense", _write(_HTML, b"Content-Length: many\r\nConnection: close\r\n\r\n", title), "Title"
    yield "chunks-cut", _write(_chunked(b"100\r\n<p>")), "connection_broken"
    yield "chunk-size-nonsense", _write(_chunked(b"zz\r\n<p>\r\n")), "connection_broken"
    yield "reset-in-body", _reset(_HTML + b"Content-Length: 5000\r\n\r\n<p>"), "connection_broken"
    yield "reset-at-once", _reset(b""), "connection_failed"
    yield "closed-at-once", _write(b""), "connection_failed"
    yield "no-http", _write(b"220 mail.example ESMTP\r\n"), "not_http"
    yield "busy-for-a-day", _write(b"HTTP/1.1 429 Slow\r\nRetry-After: 86400\r\nContent-Length: 0\r\n\r\n"), "http_429"
    yield "busy-for-ever", _write(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"), "http_503"
    yield "busy-with-endless-body", _endless(b"HTTP/1.1 503 Busy\r\n\r\n", b"x"), "http_503"
    yield "one-long-tag", _write(_page(b"<p" + b" a" * 900_000)), "too_large"
    yield "good-page", _write(_page(title)), "Title"


def _chunked_bomb(title: bytes) -> bytes:
    start = gzip.compress(b"<head>" + title)
    body = start + _gigabyte_bomb()
    headers = _HTML + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    return headers + b"%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"


_ALL = list(_answers())
ANSWERS = {path: answer for path, answer, _ in _ALL}
EXPECTED = {path: expected for path, _, expected in _ALL}
"""The title, or the code of its absence, that each answer must end with."""
