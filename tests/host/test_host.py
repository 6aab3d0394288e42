"""The host as one piece, in this process: what it starts it stops, in an order in which nothing is cut off."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from durable_engine import ActivityOutcome
from durable_host.app.index import FunctionIndex
from durable_host.app.worker import Worker
from durable_host.clock import new_id
from durable_host.config.host_json import read_host_json
from durable_host.host import Host, HostOptions, activity_runner
from durable_host.http.server import PortInUseError
from host_process import HostClient

# azure-functions warns about its own converter, once in a process; the real worker calls it the same way.
pytestmark = pytest.mark.filterwarnings("ignore:azure.functions df_loads was called without:DeprecationWarning")

APP = """
import threading
import urllib.request
import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
asks, may_ask = threading.Event(), threading.Event()


@app.route(route="hello")
def hello(req: func.HttpRequest) -> str:
    return "hello"


@app.orchestration_trigger(context_name="context")
def asks_itself(context):
    answer = yield context.call_activity("ask", context.get_input())
    return answer


@app.activity_trigger(input_name="url")
def ask(url: str) -> str:
    asks.set()
    may_ask.wait(20)
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


@app.orchestration_trigger(context_name="context")
def leaves(context):
    raise SystemExit("bye")
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FunctionIndex, Any]]:
    """The app's functions, and its module."""
    root = tmp_path_factory.mktemp("app")
    (root / "hosted_app.py").write_text(APP, encoding="utf-8")
    path = list(sys.path)
    index = FunctionIndex.load(root, script_file="hosted_app.py", environment={})
    sys.path[:] = path
    yield index, sys.modules["hosted_app"]
    del sys.modules["hosted_app"]


def host_of(index: FunctionIndex, folder: Path, connection_string: str, **options: Any) -> Host:
    hub = f"Host{new_id()[:12]}"
    folder.joinpath("host.json").write_text(
        f'{{"version": "2.0", "extensions": {{"durableTask": {{"hubName": "{hub}"}}}}}}', encoding="utf-8"
    )
    options = {"port": 0, "patience_seconds": 5.0, "lease_seconds": 2.0, "renew_seconds": 0.3, **options}
    return Host(index, read_host_json(folder, {}), HostOptions(connection_string=connection_string, **options))


async def test_activity_that_ends_while_the_host_stops_still_reaches_the_host(
    app: tuple[FunctionIndex, Any], tmp_path: Path, connection_string: str
) -> None:
    """As the client binding does: it calls the host's own API."""
    index, module = app
    async with host_of(index, tmp_path, connection_string) as host:
        with HostClient(host.server.port) as client:
            await asyncio.to_thread(client.start, "asks_itself", f"{host.origin}/api/hello", instance_id="i")
        await asyncio.to_thread(module.asks.wait, 10)
        threading.Timer(0.5, module.may_ask.set).start()

    async with Host(index, host.settings, host.options) as second:
        with HostClient(second.server.port) as client:
            status = await asyncio.to_thread(client.wait_for, "i")

    assert (status["runtimeStatus"], status["output"]) == ("Completed", "hello")


async def test_orchestrator_that_would_end_the_process_fails(
    app: tuple[FunctionIndex, Any], tmp_path: Path, connection_string: str
) -> None:
    async with host_of(app[0], tmp_path, connection_string) as host:
        with HostClient(host.server.port) as client:
            await asyncio.to_thread(client.start, "leaves", instance_id="i")
            status = await asyncio.to_thread(client.wait_for, "i")

    assert status["runtimeStatus"] == "Failed"
    assert "SystemExit: bye" in status["output"]


async def test_host_whose_port_is_busy_stops_what_it_had_started(
    app: tuple[FunctionIndex, Any], tmp_path: Path, connection_string: str
) -> None:
    before = set(threading.enumerate())
    async with host_of(app[0], tmp_path, connection_string) as host:
        late = Host(app[0], host.settings, HostOptions(connection_string=connection_string, port=host.server.port))
        with pytest.raises(PortInUseError):
            await late.__aenter__()

    assert {thread for thread in set(threading.enumerate()) - before if thread.name == "worker-loop"} == set()
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_activity_that_the_app_no_longer_has_fails_once_and_for_all(app: tuple[FunctionIndex, Any]) -> None:
    index = app[0]
    run = activity_runner(index, Worker(index, client_text=lambda binding: "", environment={}))

    outcome = await run("gone", '"x"', "i")

    assert isinstance(outcome, ActivityOutcome)
    assert outcome.raised is not None
    assert outcome.raised.message.startswith("The function 'gone' doesn't exist, is disabled, or is not an activity")
