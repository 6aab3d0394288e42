"""The rules of conftest hold: nothing leaves this machine, and a skip is a failure."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("host", ["learn.microsoft.com", "192.0.2.1", "2001:db8::1", "169.254.169.254"])
def test_a_test_cannot_look_up_or_reach_another_machine(host: str) -> None:
    with pytest.raises(Exception, match=f"A test tried to reach '{host}'"):
        socket.create_connection((host, 443), timeout=1)


def test_a_test_cannot_send_a_datagram_to_another_machine() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
        pytest.raises(Exception, match=r"A test tried to reach '192\.0\.2\.1'"),
    ):
        sender.sendto(b"?", ("192.0.2.1", 53))


def test_loopback_is_reachable_under_each_of_its_names() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for name in ("127.0.0.1", "localhost"):
            socket.create_connection((name, port), timeout=5).close()


def test_each_kind_of_skip_fails_the_run(tmp_path: Path) -> None:
    skips = {
        "in_the_test": "def test_it():\n    pytest.skip('no emulator')\n",
        "by_a_mark": "@pytest.mark.skipif(True, reason='no emulator')\ndef test_it():\n    pass\n",
        "of_the_module": "pytest.skip('no emulator', allow_module_level=True)\n",
    }
    (tmp_path / "conftest.py").write_text((TESTS / "conftest.py").read_text(encoding="utf-8"), encoding="utf-8")
    for name, body in skips.items():
        (tmp_path / f"test_{name}.py").write_text(f"import pytest\n{body}", encoding="utf-8")

    options = ["-q", "-p", "no:cacheprovider", "-p", "no:randomly", "--continue-on-collection-errors"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(tmp_path)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(TESTS), "COLUMNS": "300"},  # wide enough for the reasons
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode != 0
    assert set(re.findall(r"^(?:FAILED|ERROR) test_(\w+)\.py.*no emulator", run.stdout, re.MULTILINE)) == set(skips)
    assert "passed" not in run.stdout
