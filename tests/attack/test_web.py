"""Requests that no friend sends: foreign pages, clients that leave, bodies that are packed, answers that cannot be."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import re
import socket
import time
from collections.abc import Iterator

import pytest

from attack.hosts import new_hub, start_attacked
from durable_host.azurite import Azurite
from host_process import HostProcess, StorageProxy, wait_until

MANAGEMENT = "/runtime/webhooks/durabletask"
# One host for all of them.
pytestmark = pytest.mark.xdist_group("attack: web")


@pytest.fixture(scope="module")
def host(azurite: Azurite) -> Iterator[HostProcess]:
    arguments = ("--cors", "http://localhost:3000", "--allow-host", "box", "--verbose")
    with start_attacked(azurite.connection_string, new_hub(), arguments=arguments) as running:
        yield running


def ask(
    host: HostProcess, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=30)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders()), content


@pytest.mark.parametrize("path", [f"{MANAGEMENT}/instances", "/admin/host/status", "/admin/functions"])
def test_pages_and_names_of_others_are_refused(host: HostProcess, path: str) -> None:
    assert ask(host, "GET", path, Host="evil.example")[0] == 403
    assert ask(host, "GET", path, Origin="https://evil.example")[0] == 403
    assert ask(host, "GET", path, Host="box")[0] == 200
    assert ask(host, "GET", path, Origin="http://localhost:3000")[0] == 200


def test_app_routes_are_open_and_tell_allowed_pages_so(host: HostProcess) -> None:
    assert ask(host, "GET", "/api/same/1", Origin="https://evil.example")[0] == 200
    _, headers, _ = ask(host, "GET", "/api/same/1", Origin="http://localhost:3000")

    assert headers["Access-Control-Allow-Origin"] == "http://localhost:3000"


def test_packed_body_reaches_the_function_as_it_was_sent(host: HostProcess) -> None:
    packed = gzip.compress(b"hello")

    assert ask(host, "POST", "/api/body", packed, Content_Encoding="gzip")[2] == packed


@pytest.mark.parametrize("query", ["instanceIdPrefix=" + "x" * 20_000, "runtimeStatus=" + ",".join(["Running"] * 500)])
def test_question_that_storage_refuses_is_a_400_with_a_sentence(host: HostProcess, query: str) -> None:
    status, _, body = ask(host, "GET", f"{MANAGEMENT}/instances?{query}")

    assert status == 400
    assert b"Storage refuses what the request asks for: " in body
    assert "Traceback" not in host.log_text


def test_body_nested_without_end_reaches_the_function_as_it_was_sent(host: HostProcess) -> None:
    nested = b'{"a":' * 50_000 + b"1" + b"}" * 50_000

    assert ask(host, "POST", "/api/body", nested, Content_Type="application/json")[2] == nested
    assert ask(host, "POST", "/admin/functions/same", nested, Content_Type="application/json")[0] == 400
    assert "Traceback" not in host.log_text


@pytest.mark.parametrize("kind", ["status", "name", "length"])
def test_answer_that_http_cannot_carry_is_a_500_with_a_sentence(host: HostProcess, kind: str) -> None:
    status, _, body = ask(host, "GET", f"/api/odd/{kind}")

    assert status == 500
    assert body.startswith(b"Function 'http_odd' returned what HTTP cannot carry: ")


def test_answer_that_was_passed_on_is_sent_in_this_host_s_own_way(host: HostProcess) -> None:
    status, headers, body = ask(host, "GET", "/api/odd/passed-on")

    assert (status, headers["Content-Length"], body) == (200, "1", b"x")
    assert "Transfer-Encoding" not in headers


def exchange(host: HostProcess, sent: bytes) -> bytes:
    """Everything that the host answers to these very bytes."""
    with socket.create_connection(("127.0.0.1", host.port), timeout=10) as client:
        client.sendall(sent)
        return b"".join(iter(lambda: client.recv(65_536), b""))


def test_client_of_an_older_http_is_answered_without_chunks(host: HostProcess) -> None:
    answer = exchange(host, b"GET /api/same/old HTTP/1.0\r\nHost: localhost\r\n\r\n")

    assert answer.endswith(b"\r\n\r\nold")


@pytest.mark.parametrize(
    "sent",
    [
        b"POST /api/body HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nabc\r\n0\r\n\r\n",
        b"GET /api/" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /api/same/1 HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
    ],
    ids=["chunk", "path", "hosts"],
)
def test_what_is_no_request_is_a_400_and_one_line(host: HostProcess, sent: bytes) -> None:
    before = host.log_text.count("What is no HTTP request was answered 400")

    answer = exchange(host, sent)

    assert answer.startswith(b"HTTP/1.0 400 ")
    assert host.log_text.count("What is no HTTP request was answered 400") == before + 1
    assert "Traceback" not in host.log_text


def test_client_that_leaves_in_mid_body_is_one_line(host: HostProcess) -> None:
    with socket.create_connection(("127.0.0.1", host.port)) as client:
        client.sendall(b"POST /api/body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhalf")

    time.sleep(0.3)  # for what must not come: a traceback
    assert ask(host, "GET", "/api/same/1")[0] == 200
    assert "Traceback" not in host.log_text


def test_wait_for_an_instance_ends_when_its_client_has_gone(azurite: Azurite) -> None:
    async def looks_after_the_client_left() -> int:
        async with StorageProxy(azurite.connection_string) as proxy:
            with await asyncio.to_thread(start_attacked, proxy.connection_string, new_hub()) as host:

                def leave() -> None:
                    with socket.create_connection(("127.0.0.1", host.port)) as client:
                        path = f"{MANAGEMENT}/orchestrators/waits/i?timeout=100000000&pollingInterval=0"
                        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
                        client.sendall(head.encode())
                        wait_until(lambda: len(looks()) > 3, "the host looks at the instance")
                        time.sleep(0.5)  # for what must not come: a look at every moment

                def looks() -> list[str]:
                    return [r.path for r in proxy.requests if r.method == "GET" and "Instances" in r.path]

                began = time.monotonic()
                await asyncio.to_thread(leave)
                assert len(looks()) <= 4 + 10 * (time.monotonic() - began)
                await asyncio.sleep(1.5)
                before = len(looks())
                await asyncio.sleep(1.0)
                return len(looks()) - before

    assert asyncio.run(looks_after_the_client_left()) == 0


@pytest.mark.parametrize(
    "path",
    [
        f"{MANAGEMENT}/orchestrators/waits/{'i' * 600}",
        f"{MANAGEMENT}/orchestrators/waits/{'%C3%A9' * 600}",
        f"{MANAGEMENT}/entities/ledger/{'k' * 600}?op=note",
    ],
    ids=["orchestration", "orchestration-not-ascii", "entity"],
)
def test_id_that_no_table_can_hold_is_a_400_with_a_sentence_before_anything_is_queued(
    host: HostProcess, path: str
) -> None:
    status, _, body = ask(host, "POST", path, b"1")

    assert status == 400
    assert b"512 characters" in body


def test_function_that_starts_an_instance_with_such_an_id_gets_the_same_sentence(host: HostProcess) -> None:
    status, _, body = ask(host, "POST", f"/api/starts/{'i' * 600}")

    assert status == 200
    assert re.fullmatch(rb"Exception: The instance id 'i{40}\.\.\.' takes 600 characters.* Give a shorter one\.", body)
