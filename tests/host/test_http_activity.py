"""``call_http``: what is sent, what is given back, and how a failure is told; against a real server on loopback."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from durable_engine import TaskCompleted, TaskFailed, TaskScheduled
from durable_host.clock import now
from durable_host.dispatch.http_activity import HttpActivity

Json = dict[str, Any]


class Handler(BaseHTTPRequestHandler):
    """Shows each request in its answer, but for the paths that are about the answer."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self.path == "/drop":
            self.close_connection = True
            self.connection.close()
            return
        told = {"method": self.command, "path": self.path, "body": body, "headers": dict(self.headers)}
        content, kind = json.dumps(told).encode(), "application/json"
        self.send_response_only(202 if self.path == "/later" else 200)
        match self.path:
            case "/gzip":
                content = gzip.compress(b"zipped")
                self.send_header("Content-Encoding", "gzip")
            case "/latin":
                content, kind = "caf\u00e9".encode("latin-1"), "text/plain; charset=iso-8859-1"
            case "/headers":
                self.send_header("Set-Cookie", "a=1")
                self.send_header("Set-Cookie", "b=2")
                self.send_header("Server", "One/1.0 Two/2.0")
                self.send_header("Vary", "Accept, Origin")
            case "/later":
                self.send_header("Location", "/headers")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet: what was asked shows in the answer."""


@pytest.fixture
def address() -> Iterator[str]:
    """Where the server listens."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


async def outcomes(*requests: Json) -> list[TaskCompleted | TaskFailed]:
    """What becomes of the requests, sent one after the other by one host."""
    activity = HttpActivity()
    try:
        return [
            await activity.run(
                TaskScheduled(
                    timestamp=now(),
                    name="BuiltIn::HttpActivity",
                    input=json.dumps([{"method": "GET", "content": None, "headers": {}, **request}]),
                )
            )
            for request in requests
        ]
    finally:
        await activity.close()


async def answers(*requests: Json) -> list[Json]:
    """The requests' results."""
    found = await outcomes(*requests)
    return [json.loads(one.result or "") for one in found if isinstance(one, TaskCompleted)]


def asked(answer: Json) -> Json:
    """The request that an answer shows."""
    request: Json = json.loads(answer["content"])
    return request


async def test_nothing_is_added_to_a_request_but_what_the_real_host_adds(address: str) -> None:
    get, post, empty, delete, own = map(
        asked,
        await answers(
            {"uri": f"{address}/a%2Fb?q=1%2F2#part"},
            {"uri": f"{address}/", "method": "post", "content": "\u00e9"},
            {"uri": f"{address}/", "method": "POST"},
            {"uri": f"{address}/", "method": "DELETE"},
            {"uri": f"{address}/", "headers": {"User-Agent": "mine", "Accept": "a/b"}},
        ),
    )

    agent = {"User-Agent": "Microsoft.Azure.WebJobs.Extensions.DurableTask/3.19.0"}
    host = {"Host": address.removeprefix("http://")}
    assert (get["path"], get["headers"]) == ("/a%2Fb?q=1%2F2", {**host, **agent})
    assert (post["method"], post["body"]) == ("POST", "\u00e9")
    assert post["headers"] == {**host, **agent, "Content-Type": "text/plain", "Content-Length": "2"}
    assert empty["headers"] == {**host, **agent, "Content-Length": "0"}
    assert delete["headers"] == {**host, **agent}
    assert own["headers"] == {**host, "User-Agent": "mine", "Accept": "a/b"}


async def test_cookies_are_kept_between_calls(address: str) -> None:
    _, second = await answers({"uri": f"{address}/headers"}, {"uri": f"{address}/"})

    assert asked(second)["headers"]["Cookie"] == "a=1; b=2"


async def test_an_answer_is_given_back_as_it_came(address: str) -> None:
    zipped, latin, headers = await answers(
        {"uri": f"{address}/gzip"}, {"uri": f"{address}/latin"}, {"uri": f"{address}/headers"}
    )

    assert zipped["content"].startswith("\x1f\ufffd")
    assert latin["content"] == "caf\u00e9"
    assert headers["headers"] == {
        "Set-Cookie": ["a=1", "b=2"],
        "Server": ["One/1.0", "Two/2.0"],
        "Vary": ["Accept", "Origin"],
    }


async def test_an_answer_that_asks_to_come_back_later_is_not_polled(address: str) -> None:
    [later] = await answers({"uri": f"{address}/later"})

    assert (later["statusCode"], later["headers"]) == (202, {"Location": "/headers"})


async def test_a_dropped_connection_fails_in_dotnets_words(address: str) -> None:
    [failed] = await outcomes({"uri": f"{address}/drop"})

    assert isinstance(failed, TaskFailed)
    assert failed.reason == "An error occurred while sending the request."


async def test_a_header_of_the_content_among_those_of_the_request_is_refused(address: str) -> None:
    [failed] = await outcomes({"uri": address, "headers": {"Content-Length": "3"}})

    assert isinstance(failed, TaskFailed)
    assert str(failed.reason).startswith("Misused header name, 'Content-Length'.")
    assert (failed.failure_details or {})["ErrorType"] == "System.InvalidOperationException"
