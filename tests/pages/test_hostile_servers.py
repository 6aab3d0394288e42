"""Servers that mean harm: each fetch ends in time, within bounds, and with its own code."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from pages.hostile_answers import ANSWERS, EXPECTED
from recorded_pages.local_site import LocalSite

HOST = "learn.microsoft.com"
TOTAL_SECONDS = 5.0
MOST_SECONDS = 45.0
"""Of one fetch among all others at once: 5, two attempts of 9 with their waits, and the time of a busy machine."""
MOST_BYTES = 100_000_000
_HANDSHAKES = {
    "silent-handshake.example": "timeout",
    "dripping-handshake.example": "timeout",
    "no-tls.example": "tls_error",
    "closed-handshake.example": "tls_error",
    "other-certificate.example": "tls_error",
    "old-tls.example": "tls_error",
    "nobody-listens.example": "connection_failed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the process of ``fetch_hostile_pages`` said."""

    outcomes: dict[str, tuple[str, float]]
    peak: int


class HostileHandler(BaseHTTPRequestHandler):
    """Answers each path as ``hostile_answers`` says."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            ANSWERS[self.path.removeprefix("/")](self)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def tcp_server(serve: Callable[[socket.socket], object]) -> Iterator[tuple[str, int]]:
    """Listen, and let ``serve`` treat every connection in a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with suppress(OSError):  # closing the listener ends it
            while True:
                threading.Thread(target=treat, args=(listener.accept()[0],), daemon=True).start()

    def treat(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            serve(connection)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield ("127.0.0.1", listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def wait_for_the_client(connection: socket.socket) -> None:
    connection.settimeout(10)
    while connection.recv(65536):
        pass


def drip_handshake(connection: socket.socket) -> None:
    connection.recv(1)
    connection.sendall(b"\x16\x03\x03\x40\x00")  # a handshake record of 16 KB begins
    for _ in range(200):
        connection.sendall(b"\x02")
        time.sleep(0.05)  # the pace of the drip


def speak_plain_http(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def speak_old_tls(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(b"\x15\x03\x01\x00\x02\x02\x46")  # the alert "protocol version"


@pytest.fixture(scope="module")
def measured() -> Measured:
    """Fetch everything once, all at the same time, in another process."""
    with ExitStack() as stack:
        site = stack.enter_context(LocalSite(HOST, HostileHandler))
        stranger = stack.enter_context(LocalSite("stranger.example", HostileHandler))
        with socket.create_server(("127.0.0.1", 0)) as closed:
            nobody = closed.getsockname()
        addresses = {
            HOST: site.address,
            "silent-handshake.example": stack.enter_context(tcp_server(wait_for_the_client)),
            "dripping-handshake.example": stack.enter_context(tcp_server(drip_handshake)),
            "no-tls.example": stack.enter_context(tcp_server(speak_plain_http)),
            "closed-handshake.example": stack.enter_context(tcp_server(lambda c: c.recv(65536))),
            "old-tls.example": stack.enter_context(tcp_server(speak_old_tls)),
            "other-certificate.example": stranger.address,
            "nobody-listens.example": nobody,
        }
        order = {
            "addresses": addresses,
            "ca_file": str(site.ca_file),
            "urls": [f"https://{HOST}/{path}" for path in ANSWERS] + [f"https://{host}/" for host in _HANDSHAKES],
            "total_seconds": TOTAL_SECONDS,
            "threads": 32,
        }
        script = Path(__file__).with_name("fetch_hostile_pages.py")
        run = subprocess.run(
            [sys.executable, str(script), json.dumps(order)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
    assert run.returncode == 0, run.stderr
    return Measured(**json.loads(run.stdout))


@pytest.mark.xdist_group("hostile servers")
@pytest.mark.parametrize(("path", "expected"), EXPECTED.items())
def test_hostile_answer_ends_with_its_own_code(measured: Measured, path: str, expected: str) -> None:
    assert measured.outcomes[f"https://{HOST}/{path}"][0] == expected


@pytest.mark.xdist_group("hostile servers")
@pytest.mark.parametrize(("host", "expected"), _HANDSHAKES.items())
def test_hostile_handshake_ends_with_its_own_code(measured: Measured, host: str, expected: str) -> None:
    assert measured.outcomes[f"https://{host}/"][0] == expected


@pytest.mark.xdist_group("hostile servers")
def test_all_hostile_answers_together_take_less_than_100_mb(measured: Measured) -> None:
    assert measured.peak < MOST_BYTES


@pytest.mark.xdist_group("hostile servers")
def test_no_hostile_answer_holds_a_fetch_for_long(measured: Measured) -> None:
    slow = {url: seconds for url, (_, seconds) in measured.outcomes.items() if seconds > MOST_SECONDS}

    assert slow == {}


def test_tls_of_this_python_refuses_what_is_older_than_tls_1_2() -> None:
    assert ssl.create_default_context().minimum_version >= ssl.TLSVersion.TLSv1_2
