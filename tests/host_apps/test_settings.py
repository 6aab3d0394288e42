"""Started as a user starts it: in the app's folder, with nothing on the command line, its files with comments.

Sources: comments/startup and comments/routes of fixtures/recordings/triggers, and
https://learn.microsoft.com/azure/azure-functions/functions-develop-local#local-settings-file
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from durable_host.testing import wait_until

APPS = Path(__file__).parent / "apps"
SETTINGS = """{
  // As Core Tools writes it, with comments of the user's.
  "IsEncrypted": false,
  "Values": {
    "FUNCTIONS_WORKER_RUNTIME": "python",
    "FROM_SETTINGS": "a setting",
    "PYTHON_ISOLATE_WORKER_DEPENDENCIES": "1",
  },
  "Host": { "LocalHttpPort": 0, "CORS": "http://localhost:3000", "CORSCredentials": true },
}
"""

pytestmark = pytest.mark.xdist_group("host_apps_settings")


def start(folder: Path, log: Path, connection: str) -> subprocess.Popen[bytes]:
    packages = os.pathsep.join(str(Path(__file__).parents[1 + up] / name) for up, name in ((0, ""), (1, "src")))
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "durable_host", "start"],
            cwd=folder,
            env={**os.environ, "AzureWebJobsStorage": connection, "PYTHONPATH": packages},
            stdout=output,
            stderr=subprocess.STDOUT,
        )


@contextlib.contextmanager
def served(folder: Path, log: Path, connection: str) -> Iterator[str]:
    """The address that the start prints."""
    process = start(folder, log, connection)
    try:
        started = lambda: "Host started." in log.read_text() or process.poll() is not None  # noqa: E731
        wait_until(started, "the host has started")
        found = re.search(r"http://localhost:\d+", log.read_text())
        assert found is not None, log.read_text()
        yield found[0]
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "host.log"


@pytest.fixture(scope="module")
def address(log: Path, tmp_path_factory: pytest.TempPathFactory, durable_host_storage: str) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("copy") / "plain"
    shutil.copytree(APPS / "plain", folder)
    (folder / "local.settings.json").write_text(SETTINGS, encoding="utf-8")
    with served(folder, log, durable_host_storage) as found:
        yield found


def get(url: str, **headers: str) -> tuple[int, str, dict[str, str]]:
    request = urllib.request.Request(url, headers={name.replace("_", "-"): value for name, value in headers.items()})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.status, answer.read().decode(), dict(answer.headers)


def test_the_function_finds_folder_packages_and_settings(address: str) -> None:
    assert get(f"{address}/where")[:2] == (200, "plain installed beside the app a setting")


def test_a_setting_in_a_route_stays_as_it_is_written(address: str) -> None:
    # Recorded: comments/routes, routes.
    assert get(f"{address}/%25FROM_SETTINGS%25/literal")[:2] == (200, "literal")


def test_pages_of_the_origin_that_the_settings_name_may_call_with_credentials(address: str) -> None:
    headers = get(f"{address}/where", Origin="http://localhost:3000")[2]

    assert headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
    assert headers["Access-Control-Allow-Credentials"] == "true"
    assert "Access-Control-Allow-Origin" not in get(f"{address}/where", Origin="http://localhost:4000")[2]


def test_the_log_is_the_hosts_whatever_the_app_does_to_the_root_logger(address: str, log: Path) -> None:
    get(f"{address}/where")

    wait_until(lambda: "Executed 'Functions.where' (Succeeded" in log.read_text(), "the call is logged")
    assert "nobody reads this" not in log.read_text()
    assert log.read_text().count("PYTHON_ISOLATE_WORKER_DEPENDENCIES is ignored") == 1


def test_a_durable_app_with_comments_in_host_json_ends_with_one_line_that_names_the_sdk(
    tmp_path: Path, durable_host_storage: str
) -> None:
    # Recorded: comments-durable/startup, where the SDK fails on the file and nothing says so.
    (tmp_path / "host.json").write_text('{ "version": "2.0", } // comment\n', encoding="utf-8")
    shutil.copy(APPS / "managed" / "function_app.py", tmp_path)

    process = start(tmp_path, tmp_path / "host.log", durable_host_storage)

    assert process.wait(60) == 1
    last = (tmp_path / "host.log").read_text().strip().rpartition("\n")[2]
    assert last.startswith(f"{tmp_path / 'host.json'}, line 1: JSONDecodeError")
    assert "azure-functions-durable reads it too" in last
    assert "Traceback" not in (tmp_path / "host.log").read_text()
