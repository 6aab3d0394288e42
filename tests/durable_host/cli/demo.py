"""Show the whole app at work on this machine: one HTTP request, four activities, four titles.

Everything runs on free ports of loopback and is stopped at the end, whatever the end is: success, failure or Ctrl+C.
Invariant: it exits with 0 only if the orchestration is Completed and its output is four titles.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

from durable_engine import FINAL_STATUSES
from durable_host.azurite import Azurite, AzuriteError, free_port

__all__ = ["main"]

REPOSITORY = Path(__file__).parents[3]
SCRIPT_ROOT = Path("src")
CASSETTES = Path("fixtures") / "cassettes"
TRIGGER = "FetchOrchestration_HttpStart"
EXPECTED_TITLES = 4
HOST_START_SECONDS = 60.0
HOST_STOP_SECONDS = 30.0
ORCHESTRATION_SECONDS = 120.0
POLL_SECONDS = 0.1

# A proxy of this machine must not see requests to this machine.
_opener = build_opener(ProxyHandler({}))


class DemoError(Exception):
    """The demo did not get its four titles; the text says what happened instead."""


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; return the exit code of the process."""
    parser = argparse.ArgumentParser(prog="python -m durable_host.cli.demo", description="Fetch four titles, durably.")
    parser.add_argument("--live", action="store_true", help="fetch the real pages instead of the recorded ones")
    parser.add_argument("--keep", action="store_true", help="leave everything running at the end, to be looked at")
    parsed = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="            %(message)s", stream=sys.stdout)
    logging.getLogger("durable_host.azurite").setLevel(logging.INFO)
    signal.signal(signal.SIGTERM, _interrupt)
    began = time.monotonic()
    try:
        _run(live=parsed.live, keep=parsed.keep)
    except (AzuriteError, DemoError) as error:
        _say("", f"\nThe demo failed. {error}")
        return 1
    except KeyboardInterrupt:
        _say("", "\nInterrupted; everything is stopped.")
        return 130
    _say("", f"\nEverything is stopped; it took {time.monotonic() - began:.1f} s in all.")
    _say("", "To look at it in the browser: tox run -e demo -- --keep")
    _say("", "To keep the app running and call it yourself: tox run -e start")
    return 0


def _run(*, live: bool, keep: bool) -> None:
    _say("", "Four titles, fetched by a durable orchestration on this machine\n")
    with Azurite.start() as azurite:
        _say("Storage", f"Azurite on port {', '.join(str(port) for _, port in azurite.ports)}, in memory")
        with _running_host(azurite.connection_string, live) as address:
            _say("Host", f"{address}, with the app in {SCRIPT_ROOT}")
            _say("Pages", "fetched from the network" if live else f"recorded ones, from {CASSETTES}")
            _say("Dashboard", f"{address}/durable")
            instance_id, titles = _fetch_titles(address)
            _say("", "\nTitles")
            for number, title in enumerate(titles, start=1):
                _say("", f"  {number}. {title}")
            if keep:
                _say("", f"\nLook at it: {address}/durable/instance?id={instance_id}")
                _say("", "Everything goes on running; press Ctrl+C to stop it.")
                with contextlib.suppress(KeyboardInterrupt):
                    threading.Event().wait()


def _fetch_titles(address: str) -> tuple[str, list[str]]:
    """Call the HTTP trigger, follow the orchestration to its end, and return its id and the titles."""
    trigger = f"{address}/api/{TRIGGER}"
    _say("Request", f"GET {trigger}")
    code, links = _get(trigger)
    if code != 202:
        raise DemoError(f"The HTTP trigger answered {code} instead of 202: {links}")
    _say("Answer", f"202, orchestration {links['id']} started")
    status_url = str(links["statusQueryGetUri"])
    _say("Status", status_url)
    status = _follow(status_url)
    output = status.get("output")
    if status["runtimeStatus"] != "Completed":
        raise DemoError(f"The orchestration ended as {status['runtimeStatus']}: {output}")
    titles = str(output).split("; ")
    if len(titles) != EXPECTED_TITLES or any(title.startswith("Error fetching ") for title in titles):
        raise DemoError(f"Expected {EXPECTED_TITLES} titles; the output is: {output}")
    return str(links["id"]), titles


def _follow(status_url: str) -> dict[str, Any]:
    """Poll the status as a client does, print each change, and return the final one."""
    deadline = time.monotonic() + ORCHESTRATION_SECONDS
    shown = ""
    while time.monotonic() < deadline:
        code, status = _get(f"{status_url}&showHistory=true")
        if code not in (200, 202):
            raise DemoError(f"The status URL answered {code}: {status}")
        history = status.get("historyEvents") or []
        done = sum(event.get("EventType") == "TaskCompleted" for event in history)
        line = f"{status['runtimeStatus']}, {done} of {EXPECTED_TITLES} pages read"
        if line != shown:
            _say("" if shown else "Progress", line if not shown else f"            {line}")
            shown = line
        if status["runtimeStatus"] in FINAL_STATUSES:
            return status
        time.sleep(POLL_SECONDS)
    raise DemoError(f"The orchestration did not end within {ORCHESTRATION_SECONDS:.0f} s; it was last {shown}.")


@contextlib.contextmanager
def _running_host(connection_string: str, live: bool) -> Iterator[str]:
    """Run the host as a process of its own until the block ends; yield its address."""
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        log = Path(folder) / "host.log"
        for _ in range(3):
            port = free_port()
            with _spawned_host(port, connection_string, live, log) as process:
                address = f"http://localhost:{port}"
                if _answers(process, address):
                    try:
                        yield address
                    except DemoError as error:
                        raise DemoError(f"{error}\nThe end of the host's log:\n{_tail(log)}") from error
                    return
                if f"Port {port} is unavailable" not in log.read_text(encoding="utf-8", errors="replace"):
                    break  # else another process took the port in the meantime: try the next one
        raise DemoError(f"The host did not start. The end of its log:\n{_tail(log)}")


@contextlib.contextmanager
def _spawned_host(port: int, connection_string: str, live: bool, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "durable_host", "start", "--script-root", str(SCRIPT_ROOT), "--port", str(port)]
    if not live:
        command += ["--cassettes", str(CASSETTES)]
    paths = [str(REPOSITORY / "tests"), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "AzureWebJobsStorage": connection_string,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
    }
    # In a group of its own: the terminal's Ctrl+C is for the demo, which then stops the host before its storage.
    flags, stop_signal = 0, signal.SIGINT
    if sys.platform == "win32":
        flags, stop_signal = subprocess.CREATE_NEW_PROCESS_GROUP, signal.CTRL_BREAK_EVENT
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            creationflags=flags,
        ) as process,
    ):
        try:
            yield process
        finally:
            # A second Ctrl+C (a runner such as tox sends one) must not leave the host behind.
            before = signal.signal(signal.SIGINT, signal.SIG_IGN)
            if process.poll() is None:
                process.send_signal(stop_signal)
            try:
                process.wait(HOST_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
            signal.signal(signal.SIGINT, before)


def _answers(process: subprocess.Popen[bytes], address: str) -> bool:
    """Wait until the host says that it is ready; False if it ended instead, or took too long."""
    deadline = time.monotonic() + HOST_START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(DemoError):  # it does not listen yet
            if _get(f"{address}/admin/host/ping")[0] == 200:
                return True
        time.sleep(0.02)
    return False


def _get(url: str) -> tuple[int, dict[str, Any]]:
    try:
        with _opener.open(url, timeout=30) as response:
            code, body = response.status, response.read()
    except HTTPError as error:
        with error:
            code, body = error.code, error.read()
    except (URLError, OSError) as error:
        raise DemoError(f"No answer from {url}: {error}") from error
    try:
        content = json.loads(body) if body else {}
    except ValueError:
        content = {"text": body.decode("utf-8", "replace")}
    return code, content if isinstance(content, dict) else {"content": content}


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _tail(log: Path, lines: int = 20) -> str:
    return "\n".join("    " + line for line in log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def _say(label: str, text: str) -> None:
    print(f"  {label:<9} {text}" if label else text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
