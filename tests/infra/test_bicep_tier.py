"""The tier that needs the compiler runs wherever there is one, and is named where there is none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.compiler import Compiler, find_compiler, start_compiler
from infra.template import ROOT


def program(folder: Path, text: str = "exit 3") -> Path:
    """Make a program of the compiler's name."""
    folder.mkdir(parents=True)
    path = folder / "bicep"
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def no_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and a PATH without one."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/nowhere")
    return tmp_path


def test_the_compiler_is_looked_for_on_path_then_where_azd_and_then_where_the_azure_cli_keeps_it(
    no_compiler: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [find_compiler()]
    made = [program(no_compiler / folder) for folder in (".azure/bin", ".azd/bin", "on-path")]
    found.append(find_compiler())
    monkeypatch.setenv("PATH", str(no_compiler / "on-path"))
    found.append(find_compiler())

    assert found == [None, made[1], made[2]]


def test_a_compiler_that_does_not_work_is_an_error_that_says_what_to_try(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match="whether `bicep --version` works"),
        start_compiler(program(tmp_path / "broken")) as broken,
    ):
        broken.version()


def test_without_the_compiler_its_tests_are_left_out_and_the_run_says_which_and_how_to_get_it(
    no_compiler: Path,
) -> None:
    files = [f"tests/infra/{name}.py" for name in ("test_azd_parameters", "test_compiler")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT / "tests")))}

    done = subprocess.run(
        [sys.executable, "-m", "pytest", *files, "-o", f"cache_dir={no_compiler}"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "bicep: not found, so the tests that need it do not run" in done.stdout
    assert "not run: no Bicep compiler" in done.stdout
    assert "Get Bicep by `az bicep install`" in done.stdout
    assert " deselected" in done.stdout
    assert "test_compiler" not in done.stdout


@pytest.mark.bicep
@pytest.mark.xdist_group("bicep")
def test_a_running_compiler_tells_its_version(compiler: Compiler) -> None:
    assert compiler.version().count(".") == 2
