"""The distribution from the outside: what is in the wheel, and a foreign project that tests and serves its app with it.

Invariant: what a test here uses of ours is the installed copy, never this repository's folders.
"""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import sys
import time
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from durable_host.azurite import Azurite, free_port
from package.conftest import FOREIGN, TESTS, Installed

ROOT = TESTS.parent
PROJECT = tomllib.loads((TESTS / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SECONDS = 60.0

# One environment is made for all: no two workers shall make one each.
pytestmark = [pytest.mark.xdist_group("package"), pytest.mark.timeout(900)]

_open = build_opener(ProxyHandler({})).open


def test_the_version_is_the_same_wherever_it_is_written() -> None:
    template = re.search(r"^  template: \S+@(\S+)$", (ROOT / "azure.yaml").read_text(encoding="utf-8"), re.MULTILINE)
    changelog = ROOT / "CHANGELOG.md"
    # A copy that `azd init` made has no changelog: it has other versions to tell of.
    newest = re.search(r"^## \[(.+?)\]", changelog.read_text(encoding="utf-8"), re.MULTILINE) if _is_ours() else None

    assert template
    assert template[1] == PROJECT["version"]
    assert newest is None or newest[1] == PROJECT["version"]


def test_the_license_and_the_build_backend_are_those_of_the_repository() -> None:
    backend = tomllib.loads((TESTS / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]

    assert (TESTS / "LICENSE").read_text(encoding="utf-8") == (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert set(backend) <= set((TESTS / "requirements.txt").read_text(encoding="utf-8").splitlines())


def test_the_wheel_holds_the_packages_whole_and_nothing_of_the_repository(built_wheel: Path) -> None:
    with zipfile.ZipFile(built_wheel) as wheel:
        names = set(wheel.namelist())

    packages = {name.partition("/")[0] for name in names if ".dist-info/" not in name}
    assert packages == {"durable_engine", "durable_harness", "durable_host", "recorded_pages"}
    assert {f"{package}/py.typed" for package in packages} <= names
    wanted = {"package.json", "package-lock.json", "lifeline.cjs", "speed.cjs", ".npmrc"}
    assert {f"durable_host/azurite/{name}" for name in wanted} <= names
    assert "durable_host/cli/demo.py" not in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_metadata_says_which_sdk_it_is_for(built_wheel: Path) -> None:
    with zipfile.ZipFile(built_wheel) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(wheel.read(name).decode())

    assert "azure-functions-durable<2,>=1.7" in (metadata.get_all("Requires-Dist") or [])
    assert sorted(metadata.get_all("Provides-Extra") or []) == sorted(PROJECT["optional-dependencies"])


def test_a_foreign_project_tests_its_orchestrations_without_a_conftest(installed: Installed) -> None:
    said = installed.run(installed.python, "-m", "pytest", "-q", "-p", "no:cacheprovider")

    assert "3 passed" in said
    assert not list(FOREIGN.rglob("conftest.py"))


def test_the_log_of_the_host_is_in_the_report_of_a_foreign_test_that_fails(installed: Installed) -> None:
    done = subprocess.run(
        [installed.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_end_to_end.py"],
        cwd=installed.project,
        env={**installed.environment, "FAIL_ON_PURPOSE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 1, done.stdout
    assert "log of durable-host on http://127.0.0.1:" in done.stdout
    assert "Executed 'Functions.start_greeting' (Succeeded" in done.stdout


def test_mypy_strict_is_content_with_the_foreign_tests(installed: Installed, tmp_path: Path) -> None:
    strict = ("--strict", "--python-executable", str(installed.python))

    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file=", *strict, "--cache-dir", str(tmp_path), "tests"],
        cwd=installed.project,
        env=installed.environment,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.startswith("Success")


def test_the_installed_azurite_is_kept_in_folders_of_the_user(installed: Installed) -> None:
    code = "from durable_host.azurite.folders import DATA, HOME; print(HOME, DATA, sep='\\n')"

    home, data = installed.run(installed.python, "-c", code).split()

    ours = (str(installed.project.parent), str(ROOT))
    assert not home.startswith(str(ROOT))
    assert not data.startswith(ours)
    assert "durable-host" in home
    assert "durable-host" in data
    assert home != data


def test_the_command_serves_a_foreign_app_from_its_folder(installed: Installed) -> None:
    command = installed.scripts / ("durable-host.exe" if sys.platform == "win32" else "durable-host")
    app, port = installed.project / "app", free_port()
    flags, interrupt = 0, signal.SIGINT
    if sys.platform == "win32":
        flags, interrupt = subprocess.CREATE_NEW_PROCESS_GROUP, signal.CTRL_BREAK_EVENT
    with contextlib.ExitStack() as resources:
        storage = resources.enter_context(Azurite.start()).connection_string
        environment = {**installed.environment, "AzureWebJobsStorage": storage}
        log = resources.enter_context((installed.project / "host.log").open("w+", encoding="utf-8"))
        host = resources.enter_context(
            subprocess.Popen(
                [command, "start", "--port", str(port)],
                cwd=app,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                creationflags=flags,
            )
        )
        resources.callback(host.kill)
        _wait_for(f"http://127.0.0.1:{port}/admin/host/ping", host, log.name)
        with _open(Request(f"http://127.0.0.1:{port}/api/greet/anna", method="POST"), timeout=SECONDS) as answer:
            status_url = json.load(answer)["statusQueryGetUri"]
        output = _output(status_url)
        replayed = subprocess.run(
            [command, "replay", "--status", "Completed"],
            cwd=app,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        host.send_signal(interrupt)
        code = host.wait(SECONDS)

    assert output == "Hello Anna"
    assert (code, replayed.returncode) == (0, 0), replayed
    assert replayed.stdout.startswith("ok ")


def _is_ours() -> bool:
    return (ROOT / ".azdignore").is_file()


def _wait_for(url: str, host: subprocess.Popen[bytes], log: str) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and host.poll() is None:
        with contextlib.suppress(OSError), _open(url, timeout=5) as answer:
            if answer.status == 200:
                return
        time.sleep(0.02)
    pytest.fail(f"The installed host did not start:\n{Path(log).read_text(encoding='utf-8')}")


def _output(status_url: str) -> object:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        with _open(status_url, timeout=5) as answer:
            if answer.status == 200:
                return json.load(answer)["output"]
        time.sleep(0.05)
    pytest.fail("The orchestration did not end.")
