"""The demo says where to look, and leaves everything running for as long as one looks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

TESTS = Path(__file__).parents[1]


def test_demo_that_keeps_running_can_be_looked_at_until_it_is_interrupted() -> None:
    command = [sys.executable, "-m", "durable_host.cli.demo", "--keep"]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, creationflags=flags) as demo:
        assert demo.stdout is not None
        told = next(line for line in demo.stdout if line.startswith(("Look at it:", "The demo failed")))
        address = told.removeprefix("Look at it:").strip()

        with build_opener(ProxyHandler({})).open(address, timeout=30) as answer:
            page = answer.read().decode()
        if sys.platform == "win32":
            demo.send_signal(signal.CTRL_BREAK_EVENT)
        else:
            demo.send_signal(signal.SIGTERM)
        rest = demo.stdout.read()

    assert "fetch_title" in page
    assert page.count('class="activity completed"') >= 4
    assert "Everything is stopped" in rest
    assert demo.returncode == 0
