"""F5 without Core Tools: the host under a real debugger, started as .vscode/launch.json says.

Invariant: a breakpoint stops the program where the user put it, in an orchestrator and in an activity, whatever thread
runs them.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from durable_host.azurite import free_port
from host.debugger import Debugger
from host_process import HostClient, wait_until

ROOT = Path(__file__).parents[2]
APP = """import azure.durable_functions as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def double(context):
    number = context.get_input()
    doubled = yield context.call_activity("twice", number)
    return doubled


@app.activity_trigger(input_name="number")
def twice(number):
    return number * 2
"""
IN_ORCHESTRATOR, IN_ACTIVITY = 9, 15


def _configuration() -> dict[str, Any]:
    """The launch configuration of the editor that needs no Core Tools."""
    configurations = json.loads((ROOT / ".vscode" / "launch.json").read_text(encoding="utf-8"))["configurations"]
    return next(one for one in configurations if one.get("module") == "durable_host")


@pytest.mark.long
@pytest.mark.parametrize("is_option", [False, True], ids=["as F5 does", "with --debug"])
def test_breakpoints_stop_in_orchestrators_and_in_activities(
    connection_string: str, tmp_path: Path, is_option: bool
) -> None:
    code = tmp_path / "function_app.py"
    code.write_text(APP, encoding="utf-8")
    (tmp_path / "host.json").write_text('{"version": "2.0"}', encoding="utf-8")
    configuration = _configuration()
    debug_port, http_port = free_port(), free_port()
    arguments = [text.replace("${workspaceFolder}/src", str(tmp_path)) for text in configuration["args"]]
    debug = ["-m", "debugpy", "--listen", f"127.0.0.1:{debug_port}", "--wait-for-client", "-m", configuration["module"]]
    if is_option:
        debug, arguments = ["-m", configuration["module"]], [*arguments, "--debug", str(debug_port)]
    environment = {name: text.replace("${workspaceFolder}", str(ROOT)) for name, text in configuration["env"].items()}
    with contextlib.ExitStack() as resources:
        process = resources.enter_context(
            subprocess.Popen(
                [sys.executable, "-Xfrozen_modules=off", *debug, *arguments, "--port", str(http_port)],
                cwd=ROOT,
                env={**os.environ, **environment, "AzureWebJobsStorage": connection_string},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        resources.callback(process.kill)
        debugger = resources.enter_context(_connected(debug_port))
        debugger.attach({code: [IN_ORCHESTRATOR, IN_ACTIVITY]})
        client = resources.enter_context(HostClient(http_port))
        wait_until(lambda: _answers(client), "the host answers")
        start = client.call("POST", "/runtime/webhooks/durabletask/orchestrators/double", body="21")
        stops = []
        for _ in range(3):
            stops.append(debugger.wait_until_stopped())
            debugger.go_on()
        status = f"/runtime/webhooks/durabletask/instances/{start.json()['id']}"
        wait_until(lambda: client.call("GET", status).status == 200, "the orchestration has ended")
        output = client.call("GET", status).json()["output"]

    assert [(name, line) for name, line, _ in stops] == [
        ("double", IN_ORCHESTRATOR),
        ("twice", IN_ACTIVITY),
        ("double", IN_ORCHESTRATOR),  # the replay
    ]
    assert [variables["number"] for _, _, variables in stops] == ["21", "21", "21"]
    assert output == 42


def _connected(port: int) -> Debugger:
    found: list[Debugger] = []

    def connects() -> bool:
        with contextlib.suppress(ConnectionRefusedError):
            found.append(Debugger(port))
        return bool(found)

    wait_until(connects, "the debugger listens")
    return found[0]


def _answers(client: HostClient) -> bool:
    with contextlib.suppress(OSError):
        return client.call("GET", "/admin/host/ping").status == 200
    return False
