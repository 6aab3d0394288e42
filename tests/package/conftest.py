"""The distribution as a stranger gets it: built, and installed with its extras into an environment outside of here.

Invariant: nothing of this repository is on the path of what runs in that environment.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from durable_host.azurite import find_node, installed_program

__all__ = ["Installed", "built_wheel", "installed"]

TESTS = Path(__file__).parents[1]
FOREIGN = Path(__file__).parent / "foreign"
collect_ignore = [FOREIGN.name]  # these tests are the stranger's
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """An environment that holds the distribution, and a project that knows nothing else of us."""

    scripts: Path
    project: Path

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.scripts / Path(sys.executable).name

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a shell in that environment."""
        ours = ("PYTHON", "PYTEST_", "VIRTUAL_ENV", "TOX_", "COV_", "HYPOTHESIS_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        path = os.pathsep.join((str(self.scripts), os.environ.get("PATH", "")))
        cache = str(self.project.parent / "cache")
        return {**kept, "PATH": path, "PYTHONUNBUFFERED": "1", "XDG_CACHE_HOME": cache}

    def run(self, *command: str | Path, folder: Path | None = None, seconds: float = 120) -> str:
        """Run a command of the environment in the project; returns what it printed, and fails with it."""
        done = subprocess.run(
            [str(word) for word in command],
            cwd=folder or self.project,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout


def _pip(*words: str | Path) -> None:
    done = subprocess.run([*PIP, *map(str, words)], capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        pytest.fail(f"pip {' '.join(map(str, words))} failed:\n{done.stdout}{done.stderr}")


@pytest.fixture(scope="session")
def built_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built with the backend that pyproject.toml pins and requirements.txt has installed."""
    folder = tmp_path_factory.mktemp("wheel")
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, TESTS)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="session")
def installed(built_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """An environment with the wheel and its extras `host` and `pytest`, and a foreign project beside it.

    Versions are those of this repository's requirements, so that a release somewhere does not break the gate.
    """
    folder = tmp_path_factory.mktemp("elsewhere")
    venv.create(folder / "env", with_pip=False, symlinks=os.name != "nt")
    scripts = Path(sysconfig.get_path("scripts", "venv", {"base": str(folder / "env")}))
    found = Installed(scripts=scripts, project=folder / "project")
    pins = [word for file in _REQUIREMENTS for word in ("--constraint", file)]
    _pip("--python", found.python, "install", "--no-compile", *pins, f"{built_wheel}[host,pytest]")
    shutil.copytree(FOREIGN, found.project)
    # Azurite's program as a first use has left it in the user's cache: installing it takes a quarter of a minute.
    program = installed_program(find_node()).parents[4]
    cache = folder / "cache" / "durable-host"
    cache.mkdir(parents=True)
    (cache / program.name).symlink_to(program, target_is_directory=True)
    return found


_REQUIREMENTS: Sequence[Path] = (TESTS.parent / "src" / "requirements.txt", TESTS / "requirements.txt")
