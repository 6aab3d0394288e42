"""HTTP triggers over a real socket: what functions are given, and what callers get.

A small app with the HTTP functions of the recorded one; the recorded exchanges are held against it, and what the
recordings do not show is tested beside them.
Invariant: the server listens on a free port of loopback, and runs the functions as the host does, through the worker.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from durable_host.app.index import FunctionIndex
from durable_host.app.worker import Worker
from durable_host.http.client_binding import ClientBinding
from durable_host.http.server import HttpServer, PortInUseError
from durable_host.task_hub.hub.client import TaskHubClient
from host.served import Served

SCENARIOS = Path(__file__).parents[2] / "fixtures" / "recordings" / "scenarios"
APP = """
import asyncio, json, threading
import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


def reply(value):
    return func.HttpResponse(json.dumps(value))


@app.route(route="ping", methods=["GET"])
def ping(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("pong")


@app.route(route="crash", methods=["GET"])
def crash(req: func.HttpRequest) -> func.HttpResponse:
    raise ValueError("http function failed on purpose")


@app.route(route="echo/{a}/{b?}", methods=["POST", "PUT"])
def echo(req: func.HttpRequest) -> func.HttpResponse:
    shown = {"method": req.method, "url": req.url, "params": dict(req.params), "route": dict(req.route_params)}
    shown["headers"] = {k: v for k, v in req.headers.items() if k.startswith("x-")}
    shown["body"] = req.get_body().decode()
    return func.HttpResponse(
        json.dumps(shown), mimetype="application/json", status_code=201, headers={"X-Reply": "yes"}
    )


@app.route(route="text")
def text(req: func.HttpRequest) -> str:
    return "plain"


@app.route(route="bytes", methods=["GET"])
def bytes_reply(req: func.HttpRequest) -> func.HttpResponse:
    headers = {"X-Reply": "b", "Cache-Control": "no-store"}
    return func.HttpResponse(bytes(range(8)), mimetype="application/octet-stream", headers=headers)


@app.route(route="empty", methods=["GET"])
def empty_reply(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(status_code=204)


@app.route(route="nothing", methods=["GET"])
def nothing_returned(req: func.HttpRequest):
    return None


@app.route(route="returns/{kind}", methods=["GET"])
def returns(req: func.HttpRequest):
    return {
        "int": 5,
        "dict": {},
        "bytes": b"",
        "list": [func.HttpResponse("x")],
        "NoneType": None,
        "letters": func.HttpResponse("x", headers={"X-Odd": "h\u00e9", "Retry-After": "10"}),
        "tab": func.HttpResponse("x", headers={"X-Odd": "a\tb"}),
        "no-content": func.HttpResponse("x", status_code=204),
        "not-modified": func.HttpResponse("x", status_code=304),
    }[req.route_params["kind"]]


@app.route(route="number/{n:int}", methods=["GET"])
def constrained(req: func.HttpRequest) -> func.HttpResponse:
    return reply({"n": req.route_params["n"], "type": type(req.route_params["n"]).__name__})


@app.route(route="files/{*rest}")
async def catch_all(req: func.HttpRequest) -> func.HttpResponse:
    return reply({"rest": req.route_params.get("rest"), "method": req.method, "form": dict(req.form)})


@app.route(route="locked", auth_level=func.AuthLevel.FUNCTION)
def locked(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("open")


@app.route(route="cookies")
def cookies(req: func.HttpRequest) -> func.HttpResponse:
    response = func.HttpResponse("")
    response.headers.add("Set-Cookie", "a=1; Path=/")
    response.headers.add("Set-Cookie", "b=2; HttpOnly")
    return response


@app.route(route="context")
def with_context(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    same = context.thread_local_storage.invocation_id == context.invocation_id
    return reply([context.function_name, len(context.invocation_id), same, context.retry_context.retry_count])


@app.route(route="thread")
def thread(req: func.HttpRequest) -> func.HttpResponse:
    return reply(threading.current_thread().name)


@app.route(route="loop")
async def loop(req: func.HttpRequest) -> func.HttpResponse:
    await asyncio.sleep(0)
    return reply(threading.current_thread().name)


@app.route(route="leave")
def leave(req: func.HttpRequest) -> func.HttpResponse:
    raise SystemExit(3)


@app.route(route="binding")
@app.durable_client_input(client_name="client")
async def binding(req: func.HttpRequest, client) -> func.HttpResponse:
    return client.create_check_status_response(req, "a b")


@app.route(route="plain_client")
@app.durable_client_input(client_name="client")
def plain_client(req: func.HttpRequest, client) -> func.HttpResponse:
    return func.HttpResponse("never")


@app.route(route="blob")
@app.cosmos_db_input(arg_name="rows", database_name="d", container_name="c", connection="Cosmos")
def blob(req: func.HttpRequest, rows: func.DocumentList) -> str:
    return ""
"""


@pytest.fixture(name="served", scope="module")
def _served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("app")
    (root / "function_app.py").write_text(APP, encoding="utf-8")
    path, known = list(sys.path), sys.modules.pop("function_app", None)
    index = FunctionIndex.load(root, environment={})
    sys.path[:] = path
    sys.modules.pop("function_app")
    if known is not None:
        sys.modules["function_app"] = known
    binding = ClientBinding(hub_name="GoldenHub")
    worker = Worker(index, client_text=binding.text_for, environment={})
    # No trigger here touches the task hub.
    server = HttpServer(index, worker, cast(TaskHubClient, None), binding)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="host-loop")
    thread.start()
    loop.call_soon_threadsafe(worker.start)
    port = asyncio.run_coroutine_threadsafe(server.start(0), loop).result(10)
    yield Served(port, server, loop, index, worker)
    asyncio.run_coroutine_threadsafe(worker.stop(), loop).result(10)
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def _recorded() -> list[Any]:
    cases = []
    for name in ("http", "http_more"):
        recording = json.loads((SCENARIOS / f"{name}.json").read_text(encoding="utf-8"))
        for number, exchange in enumerate(recording["http"]):
            path = exchange["path"]
            if not path.startswith(("/admin/", "/api/client/", "/api/start/")):
                cases.append(pytest.param(exchange, id=f"{name}-{number}-{exchange['method']}-{path}"))
    return cases


@pytest.mark.parametrize("exchange", _recorded())
def test_a_request_is_answered_as_the_real_host_answered_it(served: Served, exchange: dict[str, Any]) -> None:
    given = exchange["body"]
    body = given.encode() if isinstance(given, str) else json.dumps(given).encode() if given is not None else None
    kind = "application/x-www-form-urlencoded" if exchange["path"].endswith("/form") else "application/json"
    headers = {"X-Mine": "v"} if "x-mine" in str(exchange["reply"]) else {}
    reply = served.call(
        exchange["method"],
        exchange["path"].replace("<key>", "wrong"),
        body,
        headers | ({"Content-Type": kind} if body is not None else {}),
    )

    wanted = ("location", "retry-after", "content-type", "x-reply", "allow")
    text = reply.body.decode().replace(f"http://127.0.0.1:{served.port}", "<base>")
    assert reply.status == exchange["status"]
    assert {name: value for name in wanted if (value := reply.header(name)) is not None} == exchange["headers"]
    assert (json.loads(text) if isinstance(exchange["reply"], dict) else text) == exchange["reply"]


@pytest.mark.parametrize("kind", ["int", "dict", "bytes", "list"])
def test_a_value_that_http_cannot_carry_is_a_500_that_says_what_to_return(served: Served, kind: str) -> None:
    reply = served.call("GET", f"/api/returns/{kind}")

    assert (reply.status, reply.header("content-type")) == (500, "text/plain; charset=utf-8")
    assert reply.body.decode() == (
        f"Function 'returns' returned what HTTP cannot carry: a value of type {kind}. Return a str or an "
        'azure.functions.HttpResponse, for JSON HttpResponse(json.dumps(value), mimetype="application/json").'
    )


@pytest.mark.parametrize(
    ("kind", "recorded", "said"),
    [
        ("NoneType", ("http_more", "/api/nothing"), "a value of type NoneType. Return a str or"),
        ("letters", ("../edge/scenarios/start_ids", "-c"), "the headers X-Odd hold letters that are not ASCII. Escape"),
    ],
)
def test_where_the_real_host_s_empty_500_is_recorded_the_log_alone_says_why(
    served: Served, caplog: pytest.LogCaptureFixture, kind: str, recorded: tuple[str, str], said: str
) -> None:
    scenario, path = recorded
    exchanges = json.loads((SCENARIOS / f"{scenario}.json").read_text(encoding="utf-8"))["http"]
    wanted = next(one for one in exchanges if one["path"].endswith(path) and one["reply"] == "")

    reply = served.call("GET", f"/api/returns/{kind}")

    assert (reply.status, reply.body.decode()) == (wanted["status"], wanted["reply"]) == (500, "")
    assert reply.header("retry-after") == wanted["headers"].get("retry-after")
    assert f"Function 'returns' returned what HTTP cannot carry: {said}" in caplog.text


def test_a_header_may_hold_a_tab(served: Served) -> None:
    # https://www.rfc-editor.org/rfc/rfc9110#section-5.5
    assert served.call("GET", "/api/returns/tab").header("x-odd") == "a\tb"


@pytest.mark.parametrize(("kind", "status"), [("no-content", 204), ("not-modified", 304)])
def test_an_answer_that_has_no_body_goes_out_without_one(served: Served, kind: str, status: int) -> None:
    reply = served.call("GET", f"/api/returns/{kind}")

    assert (reply.status, reply.body, reply.header("transfer-encoding")) == (status, b"", None)


def test_a_host_listens_on_loopback_unless_it_is_told_where(served: Served) -> None:
    async def addresses(server: HttpServer) -> set[str]:
        return {one.getsockname()[0] for listener in server._listeners for one in listener.sockets}

    async def elsewhere() -> set[str]:
        binding = ClientBinding(hub_name="GoldenHub")
        server = HttpServer(served.index, served.worker, cast(TaskHubClient, None), binding, listen="0.0.0.0")
        await server.start(0)
        found = await addresses(server)
        await server.stop()
        return found

    usual = asyncio.run_coroutine_threadsafe(addresses(served.server), served.loop).result(10)
    told = asyncio.run_coroutine_threadsafe(elsewhere(), served.loop).result(10)

    assert usual in ({"127.0.0.1"}, {"127.0.0.1", "::1"})
    assert told == {"0.0.0.0"}


def test_a_body_goes_out_in_chunks_and_an_empty_answer_with_its_length(served: Served) -> None:
    # call_http shows an orchestration its answer's headers, and there the real host's are chunked.
    assert served.call("GET", "/api/ping").header("transfer-encoding") == "chunked"
    assert served.call("GET", "/api/nowhere").header("content-length") == "0"


def test_repeated_headers_reach_the_function_joined(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as raw:
        raw.sendall(
            b"POST /api/echo/one HTTP/1.1\r\nHost: here\r\nX-Many: 1\r\nX-Many: 2\r\n"
            b"Connection: close\r\nContent-Length: 0\r\n\r\n"
        )
        with raw.makefile("rb") as stream:
            text = stream.read().decode()

    assert '"headers": {"x-many": "1,2"}' in text
    assert '"url": "http://here/api/echo/one"' in text


def test_query_names_without_regard_to_case_are_one_parameter(served: Served) -> None:
    reply = json.loads(served.call("POST", "/api/echo/one?Q=1&q=2&plus=a+b").body)

    assert reply["params"] == {"Q": "1,2", "plus": "a b"}


def test_each_cookie_is_a_header_of_its_own(served: Served) -> None:
    reply = served.call("GET", "/api/cookies")

    assert [value for name, value in reply.headers if name == "Set-Cookie"] == ["a=1; Path=/", "b=2; HttpOnly"]


def test_a_function_s_context_names_it_and_its_invocation(served: Served) -> None:
    assert json.loads(served.call("GET", "/api/context").body) == ["with_context", 36, True, 0]


def test_sync_functions_run_in_the_pool_and_async_ones_on_the_worker_s_loop(served: Served) -> None:
    assert json.loads(served.call("GET", "/api/thread").body).startswith("trigger thread ")
    assert json.loads(served.call("GET", "/api/loop").body) == "worker-loop"


def test_a_function_that_leaves_the_interpreter_fails_alone(served: Served) -> None:
    assert served.call("GET", "/api/leave").status == 500
    assert served.call("GET", "/api/ping").status == 200


def test_the_client_s_check_status_response_has_the_recorded_members(served: Served) -> None:
    recording = json.loads((SCENARIOS / "chain.json").read_text(encoding="utf-8"))["http"][0]
    reply = served.call("GET", "/api/binding")
    text = reply.body.decode().replace(f"http://127.0.0.1:{served.port}", "<base>").replace("a b", "<id0>")
    members = json.loads(text)

    assert reply.status == 202
    assert (reply.header("content-type"), reply.header("retry-after")) == ("application/json", "10")
    assert list(members) == list(recording["reply"])
    assert {name: value.rpartition("code=")[0] for name, value in members.items()} == {
        name: value.rpartition("code=")[0] for name, value in recording["reply"].items()
    }


def test_a_plain_function_with_a_client_fails_when_it_is_called(served: Served) -> None:
    assert served.call("GET", "/api/plain_client").status == 500


def test_a_function_whose_input_binding_is_not_served_says_so(served: Served) -> None:
    reply = served.call("GET", "/api/blob")

    assert reply.status == 501
    assert b"an input binding of type cosmosDB is not filled by this host" in reply.body


def test_the_front_page_and_the_admin_api_are_there(served: Served) -> None:
    page = served.call("GET", "/")
    function = json.loads(served.call("GET", "/admin/functions/PING").body)

    assert (page.status, page.header("content-type")) == (200, "text/html; charset=utf-8")
    assert function["invoke_url_template"] == f"http://127.0.0.1:{served.port}/api/ping"
    assert served.call("GET", "/admin/functions/nobody").status == 404
    assert served.call("POST", "/admin/host/ping").status == 200
    assert json.loads(served.call("GET", "/admin/host/status").body)["state"] == "Running"


def test_a_busy_port_is_a_clear_message(served: Served) -> None:
    starting = asyncio.run_coroutine_threadsafe(served.server.start(served.port), served.loop)

    with pytest.raises(PortInUseError, match=rf"Port {served.port} is unavailable\. Close the process using that port"):
        starting.result(10)


def test_a_long_query_and_a_large_body_arrive_whole(served: Served) -> None:
    reply = json.loads(served.call("POST", f"/api/echo/one?q={'x' * 20_000}", b"y" * 3_000_000).body)

    assert len(reply["params"]["q"]) == 20_000
    assert len(reply["body"]) == 3_000_000
