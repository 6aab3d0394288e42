"""The READMEs' commands are run as they stand there, but for the port; others say why they cannot run here."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from durable_host.azurite import Azurite
from host_process import HostProcess
from infra.readme import READMES, Needs, commands, needs_of
from infra.template import ROOT

COMMANDS = [each for path in READMES for each in commands((ROOT / path).read_text(encoding="utf-8"))]
RUN_HERE = [command for command in COMMANDS if needs_of(command) is Needs.NOTHING]
CALLS = [command for command in RUN_HERE if command.startswith("curl ")]
OTHERS = [command for command in RUN_HERE if command not in CALLS]
STATUS_URL = re.compile(r"<?statusQueryGetUri>?|\$STATUS_URL")

pytestmark = pytest.mark.xdist_group("readme")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A host as `tox run -e start -- --cassettes fixtures/cassettes` serves it, on a free port."""
    with Azurite.start() as azurite:
        arguments = ["--cassettes", str(ROOT / "fixtures" / "cassettes")]
        with HostProcess.start(ROOT / "src", connection_string=azurite.connection_string, arguments=arguments) as host:
            yield host.address


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run one line as a shell does, with this Python as `python`."""
    here = Path(sys.executable).parent
    if command.startswith("curl ") and shutil.which("curl") is None:
        command = f"{shlex.quote(sys.executable)} -m infra.{command}"
    environment = {
        **os.environ,
        "NO_PROXY": "localhost,127.0.0.1",
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "PATH": os.pathsep.join((str(here), os.environ.get("PATH", ""))),
    }
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_every_command_of_the_readmes_is_run_or_says_what_it_needs() -> None:
    assert len(COMMANDS) > 5
    assert {needs_of(command) for command in COMMANDS} >= {Needs.AZURE, Needs.TOX, Needs.NOTHING}


def test_a_command_that_nobody_has_explained_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"say in tests/infra/readme\.py what it needs"):
        needs_of("frobnicate --all")


def test_commands_are_found_in_fenced_blocks_with_continued_lines_joined() -> None:
    text = "`azd up`\n\n```shell\n# a comment\nazd env set A b\n$ curl -i \\\n  http://x\n```\n\n```json\n{}\n```\n"

    assert list(commands(text)) == ["azd env set A b", "curl -i http://x"]


def test_a_machine_without_curl_sends_the_same_calls(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    call = f"curl -i -X GET -H 'x: y' {address}/api/FetchOrchestration_HttpStart"

    good, bad = run(call, tmp_path), run(call.replace("FetchOrch", "Nowhere"), tmp_path)

    assert good.stdout.startswith("HTTP/1.1 202 ")
    assert "statusQueryGetUri" in good.stdout
    assert (good.returncode, bad.returncode) == (0, 22), good.stderr


def test_every_call_of_the_readmes_is_answered(address: str, tmp_path: Path) -> None:
    status_url = ""
    for command in CALLS:
        called = re.sub(r"https?://(localhost|127\.0\.0\.1):7071", address, command)
        called = STATUS_URL.sub(status_url, called)

        done = run(f"{called} --fail-with-body --silent --show-error --max-time 30", tmp_path)

        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        body = done.stdout[done.stdout.index("{") :]
        status_url = json.loads(body).get("statusQueryGetUri", status_url)
    assert CALLS


def test_every_other_command_of_the_readmes_that_can_run_here_does(tmp_path: Path) -> None:
    left_out = shutil.ignore_patterns(".git", ".tox", ".azurite", ".venv", "__pycache__", ".*_cache")
    copy = shutil.copytree(ROOT, tmp_path / "copy", ignore=left_out)
    for command in OTHERS:
        done = run(command, copy)

        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
