"""The worker: how activities, orchestrators and entities of an app are called."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from durable_engine import ActivityOutcome
from durable_host.app import async_loop
from durable_host.app.index import FunctionIndex, IndexedFunction
from durable_host.app.worker import Worker, thread_count
from host_process import soon

# azure-functions warns about its own converter, once in a process; the real worker calls it the same way.
pytestmark = pytest.mark.filterwarnings("ignore:azure.functions df_loads was called without:DeprecationWarning")

APP = """
import asyncio, threading
import azure.durable_functions as df
import azure.functions as func

app = df.DFApp()
started = threading.Event()
proceed = threading.Event()


@app.activity_trigger(input_name="x")
def same(x):
    return x


@app.activity_trigger(input_name="x")
async def same_async(x):
    await asyncio.sleep(0)
    return x


@app.activity_trigger(input_name="x")
def fails(x):
    raise ValueError("line one\\nline two é")


@app.activity_trigger(input_name="x")
async def fails_async(x):
    raise ValueError("later")


@app.activity_trigger(input_name="x")
async def cancels_itself(x):
    raise asyncio.CancelledError("on my own")


@app.activity_trigger(input_name="x")
def a_set(x):
    return {1}


@app.activity_trigger(input_name="x")
def leaves(x):
    raise SystemExit("bye")


@app.activity_trigger(input_name="x")
def thread(x):
    started.set()
    proceed.wait(20)
    return threading.current_thread().name


@app.activity_trigger(input_name="x")
async def never_ends(x):
    started.set()
    await asyncio.Event().wait()


@app.activity_trigger(input_name="x")
async def blocks(x):
    proceed.wait(20)


@app.activity_trigger(input_name="x")
async def blocks_in_a_task(x):
    async def block():
        proceed.wait(20)

    await asyncio.gather(block())


@app.activity_trigger(input_name="x")
@app.queue_output(arg_name="out", queue_name="q", connection="AzureWebJobsStorage")
def writes(x, out: func.Out[str]):
    out.set("dropped")
    return out.get()


@app.activity_trigger(input_name="x")
def with_context(x, context: func.Context):
    return [context.function_name, context.invocation_id]


@app.activity_trigger(input_name="x")
@app.durable_client_input(client_name="client")
async def with_client(x, client):
    return client._orchestration_bindings.task_hub_name


@app.orchestration_trigger(context_name="context", orchestration="Doubles")
def doubles(context):
    value = yield context.call_activity("same", context.get_input())
    return value


@app.entity_trigger(context_name="context")
def counter(context):
    context.set_state(context.get_state(lambda: 0) + context.get_input())


@app.service_bus_queue_trigger(arg_name="message", queue_name="q", connection="Bus")
def hear(message: func.ServiceBusMessage) -> None:
    pass
"""


@pytest.fixture(name="index", scope="module")
def _index(tmp_path_factory: pytest.TempPathFactory) -> FunctionIndex:
    root = tmp_path_factory.mktemp("app")
    (root / "worked_app.py").write_text(APP, encoding="utf-8")
    path = list(sys.path)
    index = FunctionIndex.load(root, script_file="worked_app.py", environment={})
    sys.path[:] = path
    sys.modules.pop("worked_app")
    return index


@asynccontextmanager
async def _running(index: FunctionIndex, **options: float) -> AsyncIterator[Worker]:
    urls = {"id": "i"}
    text = json.dumps({"taskHubName": "Hub", "creationUrls": urls, "managementUrls": urls, "rpcBaseUrl": "http://x/"})
    worker = Worker(index, client_text=lambda binding: text, environment={}, timeout=options.get("timeout"))
    worker.start()
    try:
        yield worker
    finally:
        await worker.stop(grace=0.1)


def _function(index: FunctionIndex, name: str) -> IndexedFunction:
    function = index.find(name)
    assert function is not None
    return function


def _run(index: FunctionIndex, name: str, text: str | None, **options: float) -> ActivityOutcome:
    async def run() -> ActivityOutcome:
        async with _running(index, **options) as worker:
            return await worker.run_activity(_function(index, name), text)

    return asyncio.run(run())


@pytest.mark.parametrize("name", ["same", "same_async"])
@pytest.mark.parametrize(
    ("text", "result"),
    [
        ('{"a": [1, null]}', {"a": [1, None]}),
        ('"text"', "text"),
        ("not json", "not json"),
        ("null", None),
        (None, None),
        ("", ""),
    ],
)
def test_an_activity_gets_its_input_decoded_and_gives_json(
    index: FunctionIndex, name: str, text: str | None, result: object
) -> None:
    outcome = _run(index, name, text)

    assert outcome.raised is None
    assert json.loads(outcome.result or "") == result


@pytest.mark.parametrize(
    ("name", "type_name", "message"),
    [
        ("fails", "ValueError", "line one\nline two é"),
        ("fails_async", "ValueError", "later"),
        ("cancels_itself", "CancelledError", "on my own"),
        ("leaves", "", "python exited with code 1 (0x1)"),
        ("a_set", "ValueError", "activity trigger output must be json serializable ({1})"),
    ],
)
def test_what_an_activity_raises_is_its_outcome(index: FunctionIndex, name: str, type_name: str, message: str) -> None:
    raised = _run(index, name, "1").raised

    assert raised is not None
    assert (raised.type_name, raised.message) == (type_name, message)
    assert raised.stack.startswith('  File "')
    assert raised.stack.endswith("\n")


def test_an_output_binding_can_be_set_and_read(index: FunctionIndex) -> None:
    assert _run(index, "writes", "1").result == '"dropped"'


def test_an_activity_may_take_a_context_and_a_client(index: FunctionIndex) -> None:
    name, invocation_id = json.loads(_run(index, "with_context", "1").result or "")

    assert (name, len(invocation_id)) == ("with_context", 36)
    assert _run(index, "with_client", "1").result == '"Hub"'


def test_an_activity_that_outlasts_the_function_timeout_fails(index: FunctionIndex) -> None:
    raised = _run(index, "never_ends", "1", timeout=0.05).raised

    assert raised is not None
    assert raised.text == (
        "FunctionTimeoutException: Timeout value of 00:00:00 was exceeded by function: Functions.never_ends"
    )


def test_a_sync_activity_that_outlasts_the_function_timeout_keeps_its_thread_which_is_said(
    index: FunctionIndex, caplog: pytest.LogCaptureFixture
) -> None:
    proceed: threading.Event = _function(index, "thread").function.__globals__["proceed"]
    proceed.clear()

    async def run() -> tuple[ActivityOutcome, int]:
        async with _running(index, timeout=0.05) as worker:
            outcome = await worker.run_activity(_function(index, "thread"), "1")
            still_running = worker.still_running
            proceed.set()
            return outcome, still_running

    outcome, still_running = asyncio.run(run())

    assert outcome.raised is not None
    assert outcome.raised.type_name == "FunctionTimeoutException"
    assert still_running == 1
    assert "Function 'thread' goes on in its thread after its timeout" in caplog.text


def test_stopping_cancels_the_async_activities_that_do_not_end(index: FunctionIndex) -> None:
    started: threading.Event = _function(index, "never_ends").function.__globals__["started"]
    started.clear()

    async def stop_in_the_middle() -> None:
        async with _running(index) as worker:
            run = asyncio.create_task(worker.run_activity(_function(index, "never_ends"), "1"))
            assert await asyncio.to_thread(started.wait, 10)
        await asyncio.wait([run], timeout=10)
        assert run.cancelled()

    asyncio.run(stop_in_the_middle())


@pytest.mark.parametrize(
    ("name", "said"),
    [("blocks", r"by blocks \(\d s\)\."), ("blocks_in_a_task", r"by never_ends \(\d s\), blocks_in_a_task \(\d s\)\.")],
)
def test_async_function_that_blocks_the_loop_of_all_is_named_while_it_does(
    index: FunctionIndex, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str, said: str
) -> None:
    monkeypatch.setattr(async_loop, "_SILENT_SECONDS", 0.1)
    state = _function(index, name).function.__globals__
    started, proceed = state["started"], state["proceed"]
    started.clear()
    proceed.clear()

    async def run() -> None:
        async with _running(index) as worker:
            waiting = asyncio.create_task(worker.run_activity(_function(index, "never_ends"), "1"))
            assert await asyncio.to_thread(started.wait, 10)
            blocking = asyncio.create_task(worker.run_activity(_function(index, name), "1"))
            await soon(lambda: re.search(said, caplog.text) is not None, "it is named")
            proceed.set()
            assert (await blocking).raised is None
        await asyncio.wait([waiting])

    asyncio.run(run())

    assert caplog.text.count("The event loop of all async functions has not answered for 0.1 s") == 1


def test_sync_activities_run_side_by_side_in_the_pool(index: FunctionIndex) -> None:
    state = _function(index, "thread").function.__globals__
    started, proceed = state["started"], state["proceed"]
    started.clear()
    proceed.clear()

    async def run_two() -> list[str | None]:
        async with _running(index) as worker:
            function = _function(index, "thread")
            runs = [asyncio.create_task(worker.run_activity(function, "1")) for _ in range(2)]
            assert await asyncio.to_thread(started.wait, 10)
            # The loop is free while both wait.
            same = await worker.run_activity(_function(index, "same_async"), "7")
            proceed.set()
            return [same.result, *(outcome.result for outcome in await asyncio.gather(*runs))]

    results = asyncio.run(run_two())

    assert results[0] == "7"
    assert len(set(results[1:])) == 2


def test_an_orchestrator_is_called_by_its_durable_name_with_the_payload(index: FunctionIndex) -> None:
    payload = {
        "history": [
            {"EventType": 12, "EventId": -1, "IsPlayed": False, "Timestamp": "2026-01-01T00:00:00Z"},
            {
                "EventType": 0,
                "Version": None,
                "Name": "Doubles",
                "Input": None,
                "EventId": -1,
                "IsPlayed": False,
                "Timestamp": "2026-01-01T00:00:00Z",
            },
        ],
        "input": "5",
        "instanceId": "i",
        "isReplaying": False,
        "parentInstanceId": None,
        "upperSchemaVersion": 1,
        "upperSchemaVersionNew": 3,
    }

    async def call() -> str:
        async with _running(index) as worker:
            return worker.orchestrator_handle("doubles")(json.dumps(payload))

    state = json.loads(asyncio.run(call()))

    assert state["isDone"] is False
    assert state["actions"] == [[{"actionType": 0, "functionName": "same", "input": "5"}]]


def test_an_entity_is_called_with_its_batch(index: FunctionIndex) -> None:
    batch = {
        "self": {"name": "counter", "key": "k"},
        "exists": True,
        "state": "5",
        "batch": [{"name": "add", "input": '"3"', "isSignal": True, "id": "r"}],
    }

    async def call() -> str:
        async with _running(index) as worker:
            return worker.entity_handle("Counter")(json.dumps(batch))

    assert json.loads(asyncio.run(call()))["entityState"] == "8"


def test_an_unknown_name_is_a_lookup_error_with_the_extension_s_words(index: FunctionIndex) -> None:
    async def ask() -> None:
        async with _running(index) as worker:
            worker.orchestrator_handle("nobody")

    with pytest.raises(LookupError, match="The function 'nobody' doesn't exist, is disabled, or is not an orchestr"):
        asyncio.run(ask())


def test_a_function_that_is_not_run_here_is_refused(index: FunctionIndex) -> None:
    with pytest.raises(LookupError, match="Function 'hear' cannot be run: a serviceBusTrigger is not run by this host"):
        _run(index, "hear", "1")


@pytest.mark.parametrize(("setting", "expected"), [("3", 3), ("", None), ("many", None), ("0", None)])
def test_the_thread_count_is_a_setting(setting: str, expected: int | None) -> None:
    assert thread_count({"PYTHON_THREADPOOL_THREAD_COUNT": setting}) == expected
