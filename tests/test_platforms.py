"""The distribution runs on Windows too: nothing in it calls what only POSIX has, unless it asks for the platform."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PACKAGES = ("durable_engine", "durable_harness", "durable_host", "recorded_pages")


@pytest.mark.long
@pytest.mark.timeout(900)
def test_every_call_is_there_on_windows() -> None:
    # typeshed says of each module, function and signal which platforms have it. The first run reads all packages anew.
    root = TESTS.parent
    options = ["--platform", "win32", "--cache-dir", str(root / ".tox" / ".mypy_cache_win32")]
    packages = [str(TESTS / package) for package in PACKAGES]
    command = [sys.executable, "-m", "mypy", "--config-file", str(root / ".mypy.ini"), *options, *packages]

    checked = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout
