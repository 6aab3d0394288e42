"""``python -m durable_host start`` as a user meets it: a process with an exit code, an output, and a port.

Invariant: what cannot start says why in one message and exits with 1; what was told to stop exits with 0.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from host_process import HostClient, HostProcess, wait_until

REPOSITORY = Path(__file__).parents[2]
SRC, CASSETTES = REPOSITORY / "src", REPOSITORY / "fixtures" / "cassettes"
TITLES: dict[str, str] = json.loads((CASSETTES / "titles.json").read_text(encoding="utf-8"))
TRIGGER = "/api/FetchOrchestration_HttpStart"
SITE = "https://learn.microsoft.com/azure/azure-functions"
APP = """
import threading, time
import azure.durable_functions as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def stuck(context):
    print("it is stuck", flush=True)
    while True:
        time.sleep(0.05)


@app.orchestration_trigger(context_name="context")
def calls_stuck(context):
    yield context.call_activity("stuck_activity", "x")


@app.activity_trigger(input_name="x")
def stuck_activity(x):
    print("it is stuck", flush=True)
    threading.Event().wait()
"""


def write_app(folder: Path, code: str = APP, host_json: object = None) -> Path:
    """An app in a folder of its own."""
    (folder / "function_app.py").write_text(code, encoding="utf-8")
    (folder / "host.json").write_text(json.dumps(host_json or {"version": "2.0"}), encoding="utf-8")
    return folder


def refused(
    connection_string: str, script_root: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> str:
    """Start a host that cannot start; returns what it says, having checked that it says no more than that."""
    ended = subprocess.run(
        [sys.executable, "-m", "durable_host", "start", "--script-root", str(script_root), "--port", "0", *arguments],
        cwd=REPOSITORY / "tests",
        env={**os.environ, "AzureWebJobsStorage": connection_string, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1, ended
    assert "Traceback" not in ended.stdout + ended.stderr
    assert ended.stderr.strip()
    return ended.stderr


@pytest.fixture(scope="module")
def host(connection_string: str) -> Iterator[HostProcess]:
    """A host of the repository's own app, which reads recorded pages."""
    environment = {"TITLE_HOSTS": "learn.microsoft.com"}
    arguments = ("--cassettes", str(CASSETTES))
    with HostProcess.start(
        SRC, connection_string=connection_string, environment=environment, arguments=arguments
    ) as running:
        yield running


@pytest.fixture
def client(host: HostProcess) -> Iterator[HostClient]:
    with host.client() as one:
        yield one


def follow(client: HostClient, host: HostProcess, started: Mapping[str, Any]) -> dict[str, Any]:
    """The final status of an orchestration, by the URL that its start was answered with."""
    origin = f"http://127.0.0.1:{host.port}"
    url = started["statusQueryGetUri"]
    assert url.startswith(origin), url
    status: dict[str, Any] = {}

    def has_ended() -> bool:
        answer = client.call("GET", url.removeprefix(origin))
        assert answer.status in (200, 202)
        status.update(answer.json())
        return answer.status == 200

    wait_until(has_ended, "the orchestration has ended")
    return status


def test_trigger_answers_with_all_urls_and_the_status_url_gives_four_titles(
    host: HostProcess, client: HostClient
) -> None:
    answer = client.call("GET", TRIGGER)

    assert answer.status == 202
    assert answer.headers["location"] == answer.json()["statusQueryGetUri"]
    assert answer.json().keys() == {
        "id",
        "statusQueryGetUri",
        "sendEventPostUri",
        "terminatePostUri",
        "rewindPostUri",
        "purgeHistoryDeleteUri",
        "restartPostUri",
        "suspendPostUri",
        "resumePostUri",
    }
    status = follow(client, host, answer.json())
    assert (status["runtimeStatus"], status["instanceId"]) == ("Completed", answer.json()["id"])
    assert status["output"] == "; ".join(list(TITLES.values())[:4])


def test_page_that_is_not_there_is_an_error_in_its_place_among_the_titles(
    host: HostProcess, client: HostClient
) -> None:
    gone, there = f"{SITE}/no-such-article", f"{SITE}/functions-scenarios"

    answer = client.call("POST", TRIGGER, {"urls": [gone, there]})

    status = follow(client, host, answer.json())
    error, title = status["output"].split("; ")
    assert (answer.status, status["runtimeStatus"]) == (202, "Completed")
    assert error.startswith(f"Error fetching {gone}: ")
    assert "404" in error
    assert title == TITLES[there]


@pytest.mark.parametrize(
    "body", [{"urls": []}, {"urls": ["http://learn.microsoft.com/a"]}, {"urls": ["https://example.org/"]}, ["x"], {}]
)
def test_body_that_cannot_be_taken_is_answered_400_and_starts_nothing(client: HostClient, body: object) -> None:
    before = client.call("GET", "/runtime/webhooks/durabletask/instances").json()

    answer = client.call("POST", TRIGGER, body)

    assert answer.status == 400
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json()["error"]
    assert len(client.call("GET", "/runtime/webhooks/durabletask/instances").json()) == len(before)


def test_start_prints_the_functions_with_their_url_and_how_to_stop(host: HostProcess) -> None:
    listing = f"\n        http_start: [GET,POST] http://localhost:{host.port}/api/FetchOrchestration_HttpStart\n"

    assert listing in host.log_text
    assert "\n        fetch_orchestration: orchestrationTrigger\n" in host.log_text
    assert "\n        fetch_title: activityTrigger\n" in host.log_text
    assert "Host started. Press Ctrl+C to stop it." in host.log_text


def test_busy_port_is_one_message(connection_string: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]

        said = refused(connection_string, write_app(tmp_path), "--port", str(port))

    assert said == (
        f"Port {port} is unavailable. Close the process using that port, or specify another port using --port [-p].\n"
    )


@pytest.mark.long
def test_app_that_cannot_be_imported_is_one_message_with_file_and_line(connection_string: str, tmp_path: Path) -> None:
    app = write_app(tmp_path, "import azure.functions\n\nimport no_such_module\n")

    said = refused(connection_string, app)

    assert said.startswith(f"{app / 'function_app.py'}, line 3: ModuleNotFoundError: No module named 'no_such_module'.")
    assert said.count("\n") == 1


@pytest.mark.long
@pytest.mark.parametrize(
    ("durable", "said"),
    [
        ({"hubName": "not-a-name"}, "Task hub name 'not-a-name' cannot be used"),
        ({"storageProvider": {"partitionCount": 17}}, "a number from 1 to 16"),
        ({"storageProvider": {"connectionName": "Nothing"}}, "There is no setting 'Nothing'"),
    ],
)
def test_settings_that_cannot_be_used_are_one_message(
    connection_string: str, tmp_path: Path, durable: object, said: str
) -> None:
    app = write_app(tmp_path, host_json={"version": "2.0", "extensions": {"durableTask": durable}})

    assert said in refused(connection_string, app)


def test_folder_without_an_app_is_one_message(connection_string: str, tmp_path: Path) -> None:
    assert "host.json does not exist" in refused(connection_string, tmp_path)
    assert "is not a folder: give the app's folder" in refused(connection_string, tmp_path / "nowhere")


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_port_that_is_none_is_refused_before_anything_is_started(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    from durable_host.__main__ import main

    with pytest.raises(SystemExit) as ended:
        main(["start", "--port", port])

    assert ended.value.code == 2
    assert "is no port: give a number from 0 (any free one) to 65535" in capsys.readouterr().err


@pytest.mark.long
def test_stop_while_the_app_is_imported_ends_the_import(connection_string: str, tmp_path: Path) -> None:
    app = write_app(tmp_path, "import time\nprint('it is imported', flush=True)\ntime.sleep(60)\n")
    with HostProcess.start(app, connection_string=connection_string, wait=False) as starting:
        wait_until(lambda: "it is imported" in starting.log_text, "the import has begun")

        code = starting.stop()

        assert code == 0
        assert starting.log_text.endswith("Stopped before the host had started.\n")


@pytest.mark.long
def test_stop_while_storage_does_not_answer_ends_the_start(connection_string: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        parts = dict(part.split("=", 1) for part in connection_string.split(";") if part)
        parts |= {f"{kind}Endpoint": f"http://127.0.0.1:{port}/devstoreaccount1" for kind in ("Blob", "Queue", "Table")}
        nobody = ";".join(f"{name}={value}" for name, value in parts.items())
        with HostProcess.start(write_app(tmp_path), connection_string=nobody, wait=False) as starting:
            silent.settimeout(30)
            silent.accept()[0].close()

            code = starting.stop()

            assert code == 0
            assert starting.log_text.endswith("Stopped before the host had started.\n")


@pytest.mark.parametrize("orchestrator", ["stuck", "calls_stuck"])
def test_functions_that_never_end_do_not_keep_a_host_from_stopping(
    connection_string: str, tmp_path: Path, hub_name: str, orchestrator: str
) -> None:
    app = write_app(tmp_path, host_json={"version": "2.0", "extensions": {"durableTask": {"hubName": hub_name}}})
    environment = {"LOCAL_HOST_PATIENCE_SECONDS": "0.2"}
    with HostProcess.start(app, connection_string=connection_string, environment=environment) as running:
        with running.client() as client:
            client.start(orchestrator, instance_id="i")
            wait_until(lambda: "it is stuck" in running.log_text, "it runs")

        code = running.stop()

        assert code == 0
        assert running.log_text.endswith("Left behind: 1 functions that did not end.\n")


def test_second_ctrl_c_ends_the_host_at_once(connection_string: str, tmp_path: Path, hub_name: str) -> None:
    app = write_app(tmp_path, host_json={"version": "2.0", "extensions": {"durableTask": {"hubName": hub_name}}})
    with HostProcess.start(app, connection_string=connection_string) as running:
        with running.client() as client:
            client.start("calls_stuck", instance_id="i")
            wait_until(lambda: "it is stuck" in running.log_text, "it runs")
        running.request_stop()
        wait_until(lambda: "Stopping:" in running.log_text, "it stops")
        began = time.monotonic()

        code = running.stop()

        assert (code, time.monotonic() - began < 2) == (130, True)
        assert running.log_text.endswith("taken again when its messages become visible.\n")
        assert "Traceback" not in running.log_text
