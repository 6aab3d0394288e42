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
from host_process import HostProcess, HostStartError, StorageProxy, StorageWitness, wait_until

MANAGEMENT = "/runtime/webhooks/durabletask"
EVENT_GRID = "/runtime/webhooks/EventGrid"
# One host for all of them.
pytestmark = pytest.mark.xdist_group("attack: web")


@pytest.fixture(scope="module")
def hub() -> str:
    return new_hub()


@pytest.fixture(scope="module")
def host(azurite: Azurite, hub: str) -> Iterator[HostProcess]:
    arguments = ("--cors", "http://localhost:3000", "--allow-host", "box", "--verbose")
    debug = {"AzureFunctionsJobHost__logging__logLevel__Host.Http": "Debug"}
    with start_attacked(azurite.connection_string, hub, arguments=arguments, environment=debug) as running:
        yield running


@pytest.fixture(scope="module")
def witness(azurite: Azurite, host: HostProcess, hub: str) -> Iterator[StorageWitness]:
    with StorageWitness(azurite.connection_string, hub) as running:
        yield running


def ask(
    host: HostProcess, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=30)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    # A header that was sent twice shows both of its values.
    return answer.status, {name: ", ".join(answer.headers.get_all(name, [])) for name in answer.headers}, content


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"{MANAGEMENT}/instances", 200),
        ("POST", f"{MANAGEMENT}/instances/nobody/terminate", 404),
        ("GET", "/admin/host/status", 200),
        ("GET", "/admin/functions", 200),
        ("POST", "/admin/functions/same", 415),
        ("POST", f"{EVENT_GRID}?functionName=hears", 400),
        ("GET", "/runtime/webhooks/other", 401),
    ],
)
def test_pages_and_names_of_others_are_refused_with_the_option_that_lets_them_in(
    host: HostProcess, method: str, path: str, status: int
) -> None:
    named, _, by_name = ask(host, method, path, Host="evil.example")
    sent, headers, by_page = ask(host, method, path, Origin="https://evil.example")

    assert (named, sent) == (403, 403)
    assert b"start the host with --allow-host evil.example" in by_name
    assert b"start the host with --cors https://evil.example" in by_page
    assert "Access-Control-Allow-Origin" not in headers
    assert ask(host, method, path, Host="box")[0] == status
    assert ask(host, method, path, Origin="http://localhost:3000")[0] == status


@pytest.mark.parametrize("path", ["/api/same/1", f"{MANAGEMENT}/instances", "/admin/functions", EVENT_GRID])
def test_a_browser_s_question_is_answered_for_allowed_pages_alone(host: HostProcess, path: str) -> None:
    asked = {"Access_Control_Request_Method": "DELETE", "Access_Control_Request_Headers": "x-a"}

    status, headers, body = ask(host, "OPTIONS", path, None, Origin="http://localhost:3000", **asked)
    refused, without, _ = ask(host, "OPTIONS", path, None, Origin="https://evil.example", **asked)

    assert (status, body) == (204, b"")
    assert headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
    assert (headers["Access-Control-Allow-Methods"], headers["Access-Control-Allow-Headers"]) == ("DELETE", "x-a")
    # A route of the app that takes all methods answers this one itself.
    assert refused == (200 if path.startswith("/api/") else 403)
    assert not any(name.startswith("Access-Control-") for name in without)


def test_a_host_listens_where_it_is_told_to(azurite: Azurite) -> None:
    not_of_this_machine = "192.0.2.1"

    with pytest.raises(HostStartError, match=r"Port \d+ cannot be listened on: "):
        start_attacked(azurite.connection_string, new_hub(), arguments=("--listen", not_of_this_machine))


def test_app_routes_are_open_and_tell_allowed_pages_so(host: HostProcess) -> None:
    assert ask(host, "GET", "/api/same/1", Origin="https://evil.example")[0] == 200
    _, headers, _ = ask(host, "GET", "/api/same/1", Origin="http://localhost:3000")

    assert headers["Access-Control-Allow-Origin"] == "http://localhost:3000"


def test_a_function_s_own_header_for_pages_gives_way_to_the_host_s(host: HostProcess) -> None:
    _, headers, _ = ask(host, "GET", "/api/odd/pages", Origin="http://localhost:3000")
    _, others, _ = ask(host, "GET", "/api/odd/pages", Origin="https://evil.example")

    assert headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
    assert headers["Access-Control-Expose-Headers"] == others["Access-Control-Expose-Headers"] == "X-Odd"
    assert others["Access-Control-Allow-Origin"] == "*"


def test_packed_body_reaches_the_function_as_it_was_sent(host: HostProcess) -> None:
    packed = gzip.compress(b"hello")

    assert ask(host, "POST", "/api/body", packed, Content_Encoding="gzip")[2] == packed


@pytest.mark.parametrize(
    "query",
    ["instanceIdPrefix=" + "x" * 20_000, "runtimeStatus=" + ",".join(["Running"] * 500)],
    ids=["prefix", "statuses"],
)
def test_question_that_storage_refuses_is_a_400_with_a_sentence(host: HostProcess, query: str) -> None:
    status, _, body = ask(host, "GET", f"{MANAGEMENT}/instances?{query}")

    assert status == 400
    assert b"Storage refuses what the request asks for: " in body
    assert "Traceback" not in host.log_text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "instances?createdTimeFrom={}", 200),
        ("GET", "instances?createdTimeTo={}", 200),
        ("GET", "entities?lastOperationTimeFrom={}", 200),
        ("DELETE", "instances?createdTimeFrom={}", 400),
    ],
)
def test_date_that_no_calendar_has_counts_as_absent(host: HostProcess, method: str, path: str, status: int) -> None:
    for date in ("0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00"):
        assert ask(host, method, f"{MANAGEMENT}/{path.format(date)}")[0] == status
    assert "Traceback" not in host.log_text


def test_body_nested_without_end_reaches_the_function_as_it_was_sent(host: HostProcess) -> None:
    nested = b'{"a":' * 50_000 + b"1" + b"}" * 50_000

    assert ask(host, "POST", "/api/body", nested, Content_Type="application/json")[2] == nested
    assert "Traceback" not in host.log_text


@pytest.mark.parametrize("path", ["/admin/functions/hears", f"{EVENT_GRID}?functionName=hears"])
@pytest.mark.parametrize(
    ("body", "said"),
    [(b'{"a":' * 50_000, b"nested too deeply"), (b"\xff", b"no JSON: 'utf-8'"), (b"9" * 5_000, b"no JSON: Exceeds")],
    ids=["deep", "not-utf-8", "number"],
)
def test_body_that_cannot_be_read_is_a_400_with_a_sentence(
    host: HostProcess, path: str, body: bytes, said: bytes
) -> None:
    status, headers, answered = ask(host, "POST", path, body, Content_Type="application/json")

    assert (status, headers["Content-Type"]) == (400, "text/plain; charset=utf-8")
    assert said in answered
    assert "Traceback" not in host.log_text


@pytest.mark.parametrize("body", [b"", b"{not", b"5", b"[]", b'[{"id": "1"}, 5]'])
def test_delivery_that_is_no_events_is_a_400_with_a_sentence_and_none_of_it_is_heard(
    host: HostProcess, body: bytes
) -> None:
    status, _, answered = ask(host, "POST", f"{EVENT_GRID}?functionName=hears", body)

    assert status == 400
    assert answered.startswith(
        (b"The delivery is no JSON: ", b"A delivery is an event, which is a JSON object, or a list")
    )
    assert "Executing 'Functions.hears'" not in host.log_text


@pytest.mark.parametrize("kind", ["status", "name", "length", "number"])
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
    said = "dbug: Host.Http[0]\n      POST /api/body: the client left before its body was there: "
    with socket.create_connection(("127.0.0.1", host.port)) as client:
        client.sendall(b"POST /api/body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhalf")

    wait_until(lambda: said in host.log_text, "the host says that the client left")
    assert ask(host, "GET", "/api/same/1")[0] == 200  # whatever else there was to say has been said by then
    assert host.log_text.count("the client left") == 1
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
    ("method", "path", "letter"),
    [
        ("POST", "orchestrators/waits", "i"),
        ("POST", "orchestrators/waits", "%C3%A9"),
        ("POST", "entities/counts", "k"),
        ("DELETE", "entities/counts", "k"),
    ],
)
def test_id_that_no_table_can_hold_is_a_400_with_a_sentence_before_anything_is_queued(
    host: HostProcess, witness: StorageWitness, method: str, path: str, letter: str
) -> None:
    mark = new_hub()
    before = witness.message_counts(), witness.rows_without_history(), set(witness.instances())

    status, _, body = ask(host, method, f"{MANAGEMENT}/{path}/{mark}{letter * 600}", b"1")

    assert status == 400
    assert b"512 characters" in body
    assert (witness.message_counts(), witness.rows_without_history(), set(witness.instances())) == before
    assert mark not in host.log_text  # a message that was queued and is gone by now has left a line


@pytest.mark.parametrize(
    ("method", "rest", "status"),
    [
        ("GET", "", 404),
        ("DELETE", "", 404),
        ("POST", "/terminate", 404),
        ("POST", "/suspend", 404),
        ("POST", "/resume", 404),
        ("POST", "/rewind", 404),
        ("POST", "/raiseEvent/go", 404),
        ("POST", "/restart", 400),
    ],
)
def test_what_is_asked_of_an_instance_with_such_an_id_is_answered_as_for_one_that_is_not_there(
    host: HostProcess, witness: StorageWitness, method: str, rest: str, status: int
) -> None:
    mark, before = new_hub(), witness.message_counts()
    answers = [
        ask(host, method, f"{MANAGEMENT}/instances/{one}{rest}", b"1", Content_Type="application/json")
        for one in (mark, mark + "i" * 600)
    ]

    assert [answer[0] for answer in answers] == [status, status]
    assert witness.message_counts() == before
    assert mark not in host.log_text


def test_function_that_starts_an_instance_with_such_an_id_gets_the_same_sentence(host: HostProcess) -> None:
    status, _, body = ask(host, "POST", f"/api/starts/{'i' * 600}")

    assert status == 200
    assert re.fullmatch(rb"Exception: The instance id 'i{40}\.\.\.' takes 600 characters.* Give a shorter one\.", body)
