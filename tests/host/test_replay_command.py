"""``python -m durable_host replay``, as a process, on hubs in Azurite that hold instances of an earlier app."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from azure.durable_functions import DurableOrchestrationContext as Context
from azure.durable_functions.orchestrator import Orchestrator

from durable_engine import (
    App,
    Checkpoint,
    EventRaised,
    ExecutionStarted,
    ExecutionSuspended,
    HistoryEvent,
    KnownFunctions,
    OrchestrationInstance,
    TaskCompleted,
    Ticks,
    run_episode,
    ticks_from_text,
)
from durable_harness import replay_history
from durable_host.task_hub import TaskHub
from host.dispatch_steps import SDK_WARNINGS
from host.task_hub_steps import short_options

pytestmark = SDK_WARNINGS

TESTS: Final = Path(__file__).parents[1]
_START: Final = ticks_from_text("2026-03-01T09:00:00Z")
_OLD: Final = """
import azure.durable_functions as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def invoice(context):
    order = yield context.call_activity("find_order", context.get_input())
    yield context.wait_for_external_event("paid")
    yield context.call_activity("send_invoice", order)


@app.activity_trigger(input_name="number")
def find_order(number): ...


@app.activity_trigger(input_name="order")
def send_invoice(order): ...
"""
_NEW_AT_THE_END: Final = _OLD.replace(
    '    yield context.call_activity("send_invoice", order)',
    '    yield context.call_activity("send_invoice", order)\n    yield context.call_activity("find_order", 2)',
)
_NEW_IN_FRONT: Final = _OLD.replace(
    "    order = yield", '    yield context.call_activity("send_invoice", None)\n    order = yield'
)


def invoice(context: Context) -> Generator[Any, Any, Any]:
    order = yield context.call_activity("find_order", context.get_input())
    yield context.wait_for_external_event("paid")
    yield context.call_activity("send_invoice", order)


_HANDLE: Final = Orchestrator.create(invoice)
_APP: Final = App(
    functions=KnownFunctions(orchestrators=("invoice",), activities=("find_order", "send_invoice")),
    orchestrator=lambda _: _HANDLE,
)

Live = Callable[..., None]


@pytest.fixture
def live(connection_string: str, hub_name: str) -> Live:
    """Puts an instance of the old app into the hub, which has taken these messages since it was started."""

    def put(instance_id: str, *messages: HistoryEvent, name: str = "invoice") -> None:
        asyncio.run(_put(connection_string, hub_name, instance_id, messages, name))

    return put


async def _put(
    connection_string: str, hub_name: str, instance_id: str, messages: Sequence[HistoryEvent], name: str
) -> None:
    instance = OrchestrationInstance(instance_id=instance_id, execution_id=f"{abs(hash(instance_id)):032x}")
    start = ExecutionStarted(timestamp=_START, instance=instance, name="invoice", input='"7"', generation=0)
    async with TaskHub(connection_string, short_options(hub_name, partition_count=1)) as hub:
        loaded = await hub.history.load(instance_id, None)
        past: tuple[HistoryEvent, ...] = ()
        for number, message in enumerate((start, *messages)):
            checkpoint = _episode(past, message, _START + number * 10_000_000)
            past += checkpoint.events
            loaded = await hub.apply_checkpoint(_renamed(checkpoint, name), loaded)


def _episode(past: tuple[HistoryEvent, ...], message: HistoryEvent, now: Ticks) -> Checkpoint:
    return run_episode(past, [message], _APP, now=now, new_id=lambda: "0" * 32)


def _renamed(checkpoint: Checkpoint, name: str) -> Checkpoint:
    """The checkpoint with its orchestrator under another name, as an app that had one would have written it."""
    started = checkpoint.update.started
    return replace(
        checkpoint,
        messages=(),
        events=tuple(
            replace(event, name=name) if isinstance(event, ExecutionStarted) else event for event in checkpoint.events
        ),
        update=replace(checkpoint.update, started=replace(started, name=name) if started else None),
    )


def order_found(result: str = '{"total": 12}') -> TaskCompleted:
    return TaskCompleted(timestamp=_START, task_scheduled_id=0, result=result)


def paid() -> EventRaised:
    return EventRaised(timestamp=_START, name="paid", input="true")


def replay(
    app: str | Path, *options: str, prelude: str = "", command: Sequence[str] = ("replay",)
) -> subprocess.CompletedProcess[str]:
    """Run the command, or another one, on the app of a folder."""
    code = f"{prelude}\nimport sys\nfrom durable_host.__main__ import main\nsys.exit(main(sys.argv[1:]))"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AzureWebJobs")}
    return subprocess.run(
        [sys.executable, "-c", code, *command, "--script-root", str(app), *options],
        env={**environment, "PYTHONPATH": str(TESTS), "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[str], Path]:
    """Makes an app of a text."""

    def make(text: str) -> Path:
        tmp_path.joinpath("function_app.py").write_text(text, encoding="utf-8")
        tmp_path.joinpath("host.json").write_text(json.dumps({"version": "2.0"}), encoding="utf-8")
        return tmp_path

    return make


@pytest.fixture
def hub(connection_string: str, hub_name: str) -> tuple[str, ...]:
    """The options that name this test's hub."""
    return ("--task-hub", hub_name, "--connection-string", connection_string)


Folder = Callable[[str], Path]


def test_instances_that_the_same_code_left_go_on(live: Live, folder: Folder, hub: tuple[str, ...]) -> None:
    live("order-1")
    live("order-2", order_found())
    live("order-3", order_found(), paid())

    result = replay(folder(_OLD), *hub)

    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[:3] == [
        "ok      order-1  invoice  Running, 1 episode",
        "ok      order-2  invoice  Running, 2 episodes",
        "ok      order-3  invoice  Running, 3 episodes",
    ]
    assert "3 live instances of task hub" in result.stdout


def test_the_history_of_an_instance_is_written_so_that_a_test_can_hold_code_against_it(
    live: Live, folder: Folder, hub: tuple[str, ...], tmp_path: Path
) -> None:
    live("order-2", order_found())

    written = replay(folder(_OLD), *hub, command=("history", "order-2"))
    absent = replay(folder(_OLD), *hub, command=("history", "order-9"))

    assert written.returncode == 0, written.stderr
    path = tmp_path / "order-2.json"
    path.write_text(written.stdout, encoding="utf-8")
    assert replay_history(invoice, path).is_same
    assert [line for line in written.stdout.splitlines() if '"TaskScheduledId": 0' in line]
    assert (absent.returncode, absent.stdout) == (1, "")
    assert "has no history of 'order-9'" in absent.stderr


def test_a_step_in_front_breaks_each_instance_and_each_is_named_with_its_diff(
    live: Live, folder: Folder, hub: tuple[str, ...]
) -> None:
    live("order-1")
    live("order-2", order_found())

    result = replay(folder(_NEW_IN_FRONT), *hub)

    assert result.returncode == 1, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == (
        "BREAKS  order-1  invoice  episode 1, event 0: history records activity 'find_order', replay gives activity "
        "'send_invoice'"
    )
    assert lines[1].startswith("BREAKS  order-2  invoice  ")
    assert "-   0 activity 'find_order'\n+   0 activity 'send_invoice'" in result.stdout
    assert "Usual cause: A step was renamed" in result.stdout
    assert lines[-1].endswith(": 2 break.")


@pytest.mark.long
def test_a_step_behind_what_any_instance_has_reached_breaks_nothing(
    live: Live, folder: Folder, hub: tuple[str, ...]
) -> None:
    live("order-1", order_found())

    result = replay(folder(_NEW_AT_THE_END), *hub)

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.long
def test_only_the_instances_that_break_are_reported_as_broken(live: Live, folder: Folder, hub: tuple[str, ...]) -> None:
    live("order-1", order_found())
    live("order-2", order_found(), paid())

    result = replay(folder(_OLD.replace('call_activity("send_invoice", order)', 'call_activity("print", order)')), *hub)

    assert result.returncode == 1
    assert [line.split()[:2] for line in result.stdout.splitlines()[:2]] == [["ok", "order-1"], ["BREAKS", "order-2"]]


@pytest.mark.long
def test_an_orchestrator_that_is_gone_breaks_its_instances(live: Live, folder: Folder, hub: tuple[str, ...]) -> None:
    live("order-1", name="billing")

    result = replay(folder(_OLD), *hub)

    assert result.returncode == 1
    assert "BREAKS  order-1  billing  " in result.stdout
    assert "'billing' doesn't exist" in result.stdout


@pytest.mark.long
def test_suspended_instances_are_live_and_one_status_can_be_asked_for(
    live: Live, folder: Folder, hub: tuple[str, ...]
) -> None:
    live("order-1", order_found())
    live("order-2", ExecutionSuspended(timestamp=_START, reason="a pause"))

    everything = replay(folder(_OLD), *hub)
    suspended = replay(folder(_OLD), *hub, "--status", "Suspended", "--every-episode")

    assert "ok      order-2  invoice  Suspended, 2 episodes" in everything.stdout
    assert suspended.stdout.splitlines()[0].startswith("ok      order-2")
    assert "1 live instance of" in suspended.stdout


@pytest.mark.long
def test_a_hub_without_live_instances_passes(live: Live, folder: Folder, hub: tuple[str, ...]) -> None:
    live("order-1", order_found(), paid(), TaskCompleted(timestamp=_START, task_scheduled_id=1))

    result = replay(folder(_OLD), *hub)

    assert result.returncode == 0
    assert "nothing to check" in result.stdout


@pytest.mark.long
def test_a_large_result_is_read_from_its_blob(live: Live, folder: Folder, hub: tuple[str, ...]) -> None:
    live("order-1", order_found(json.dumps("x" * 40_000)), paid())

    result = replay(folder(_OLD), *hub)

    assert result.returncode == 0, result.stdout + result.stderr


def test_a_hub_that_does_not_exist_is_named_with_what_to_do(folder: Folder, connection_string: str) -> None:
    result = replay(folder(_OLD), "--task-hub", "Nowhere", "--connection-string", connection_string)

    assert result.returncode == 2
    assert "There is no task hub 'Nowhere'" in result.stderr
    assert "--task-hub" in result.stderr


@pytest.mark.long
def test_storage_that_does_not_answer_is_told_in_one_line(folder: Folder, connection_string: str) -> None:
    silent = ";".join(
        part if "Endpoint=" not in part else f"{part.partition('=')[0]}=http://127.0.0.1:9/devstoreaccount1"
        for part in connection_string.split(";")
    )

    result = replay(folder(_OLD), "--task-hub", "Hub", "--connection-string", silent)

    assert result.returncode == 2
    assert "cannot be reached" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.long
def test_the_apps_own_settings_name_the_account_and_the_hub(
    live: Live, folder: Folder, connection_string: str, hub_name: str
) -> None:
    live("order-1")
    app = folder(_OLD)
    app.joinpath("host.json").write_text(
        json.dumps({"version": "2.0", "extensions": {"durableTask": {"hubName": hub_name}}}), encoding="utf-8"
    )
    app.joinpath("local.settings.json").write_text(
        json.dumps({"IsEncrypted": False, "Values": {"AzureWebJobsStorage": connection_string}}), encoding="utf-8"
    )

    result = replay(app)

    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("ok      order-1")


@pytest.mark.long
def test_an_account_name_without_azure_identity_says_what_to_install(folder: Folder) -> None:
    missing = "import sys\nsys.modules['azure.identity'] = sys.modules['azure.identity.aio'] = None"

    result = replay(folder(_OLD), "--task-hub", "Hub", "--account", "mystorage", prelude=missing)

    assert result.returncode == 2
    assert "pip install azure-identity" in result.stderr


@pytest.mark.long
def test_an_app_that_cannot_be_imported_is_told_with_file_and_line(
    live: Live, folder: Folder, hub: tuple[str, ...]
) -> None:
    live("order-1")

    result = replay(folder("import azure.durable_functions as df\nraise ValueError('not set up')\n"), *hub)

    assert result.returncode == 2
    assert "function_app.py, line 2" in result.stderr


@pytest.mark.long
def test_the_hub_is_left_as_it_was(live: Live, folder: Folder, hub: tuple[str, ...], connection_string: str) -> None:
    live("order-1", order_found())
    hub_name = hub[1]

    before = asyncio.run(_rows(connection_string, hub_name))
    replay(folder(_NEW_IN_FRONT), *hub)

    assert asyncio.run(_rows(connection_string, hub_name)) == before


async def _rows(connection_string: str, hub_name: str) -> list[tuple[str | None, str]]:
    """ETag and text of every row of the hub."""
    from durable_host.task_hub.account.storage import StorageAccount

    async with StorageAccount(connection_string) as account:
        return [
            (row.metadata["etag"], str(row))
            for table in ("History", "Instances", "Partitions")
            async for row in account.table(f"{hub_name}{table}").list_entities()
        ]
