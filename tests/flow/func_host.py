"""A real Functions host, started with Azure Functions Core Tools.

Role: ``func start`` as a process of its own, until its ``with`` block ends.
Invariant: the host answers when ``__enter__`` returns, and whatever goes wrong before that is said with its log.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from durable_host.azurite import free_port
from flow.http_exchange import ask
from flow.titles import CASSETTES

__all__ = ["FuncMissingError", "find_func", "running_func", "write_recorded_app"]

ROOT: Final = Path(__file__).parents[2]
START_SECONDS: Final = 120.0
STOP_SECONDS: Final = 20.0
POLL_SECONDS: Final = 0.2

_RECORDED_APP: Final = '''\
"""The app of src, on recorded pages."""

import pathlib
import sys

sys.path.insert(0, {source!r})

import recorded_pages
from function_app import app

recorded_pages.install(pathlib.Path({cassettes!r}))
'''
# Not function_app.py: that is the module that it imports.
_RECORDED_APP_FILE: Final = "recorded_app.py"


class FuncMissingError(Exception):
    """``func`` was asked for and is not there."""


def find_func() -> str:
    """The path of ``func``; an error that says how to get it where there is none."""
    found = shutil.which("func")
    if found is None:
        raise FuncMissingError(
            "--target func needs Azure Functions Core Tools, and there is no `func` on PATH. Install them (npm install "
            "-g azure-functions-core-tools@4), or choose --target local, --target harness, or both by leaving it out."
        )
    return found


def write_recorded_app(folder: Path) -> dict[str, str]:
    """Make a script root whose app is that of ``src`` on recorded pages; returns the settings that it needs."""
    shutil.copy(ROOT / "src" / "host.json", folder / "host.json")
    text = _RECORDED_APP.format(source=str(ROOT / "src"), cassettes=str(CASSETTES))
    (folder / _RECORDED_APP_FILE).write_text(text, encoding="utf-8")
    return {"PYTHON_SCRIPT_FILE_NAME": _RECORDED_APP_FILE}


@contextlib.contextmanager
def running_func(
    script_root: Path, *, connection_string: str, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Run ``func start`` until the block ends; yields its address."""
    func, port = find_func(), free_port()
    address = f"http://127.0.0.1:{port}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [func, "start", "--port", str(port)],
            cwd=script_root,
            env=_environment(connection_string, environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # its worker is a process of its own, and both are stopped together
        )
    try:
        _wait_until_running(process, address, log)
        yield address
    except BaseException as error:
        error.add_note(f"The end of the log of `func start`:\n{_tail(log)}")
        raise
    finally:
        _stop(process)


def _environment(connection_string: str, additions: Mapping[str, str]) -> dict[str, str]:
    python = Path(sys.executable)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "WEBSITE_"))},
        "AzureWebJobsStorage": connection_string,
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "FUNCTIONS_CORE_TOOLS_TELEMETRY_OPTOUT": "1",
        # Only tests: the worker looks here before the app's folder, and src has a function_app of its own.
        "PYTHONPATH": str(ROOT / "tests"),
        "VIRTUAL_ENV": str(python.parents[1]),
        "PATH": os.pathsep.join([str(python.parent), os.environ.get("PATH", "")]),
        **additions,
    }


def _wait_until_running(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):  # it does not listen yet
            reply = ask("GET", f"{address}/admin/host/status")
            if reply.status == 200 and reply.json()["state"] == "Running":
                return
        time.sleep(POLL_SECONDS)
    why = "ended" if process.poll() is not None else f"was not running after {START_SECONDS:g} s"
    raise TimeoutError(f"`func start` {why}; its log is {log}.")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        process.terminate()
    else:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _tail(log: Path, lines: int = 25) -> str:
    text = log.read_text(encoding="utf-8", errors="replace")
    return "\n".join("    " + line for line in text.splitlines()[-lines:]) or "    (nothing)"
