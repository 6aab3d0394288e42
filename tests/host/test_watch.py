"""``durable-host start --watch``: a change of the app's files is served without anybody starting anything."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from durable_host.testing import HostClient, HostProcess, wait_until

APP = """
import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="word")
def word(req: func.HttpRequest) -> str:
    return "WORD"


@app.orchestration_trigger(context_name="context")
def waits(context):
    return (yield context.wait_for_external_event("go"))
"""


@pytest.mark.long
def test_a_changed_app_is_served_and_its_instances_go_on(connection_string: str, hub_name: str, tmp_path: Path) -> None:
    code = tmp_path / "function_app.py"
    code.write_text(APP.replace("WORD", "before"), encoding="utf-8")
    (tmp_path / "host.json").write_text(
        f'{{"version": "2.0", "extensions": {{"durableTask": {{"hubName": "{hub_name}"}}}}}}', encoding="utf-8"
    )

    with HostProcess.start(tmp_path, connection_string=connection_string, arguments=["--watch"]) as host:
        with host.client() as client:
            before = client.call("GET", "/api/word").body
            client.start("waits", instance_id="one")
            client.wait_for("one", ["Running"])
        code.write_text(APP.replace("WORD", "after"), encoding="utf-8")
        wait_until(lambda: _word(host) == b"after", "the changed app is served", seconds=60)
        with host.client() as client:
            client.raise_event("one", "go", 7)
            status = client.wait_for("one")
        said = host.log_text
        exit_code = host.stop()

        assert exit_code == 0
        with pytest.raises(ConnectionRefusedError), HostClient(host.port) as client:
            client.call("GET", "/api/word")
    assert before == b"before"
    assert status["output"] == 7
    assert "Changed: function_app.py. Starting again." in said


def _word(host: HostProcess) -> bytes:
    with contextlib.suppress(OSError), HostClient(host.port) as client:
        return client.call("GET", "/api/word").body
    return b""
