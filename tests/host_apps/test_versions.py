"""Versions of orchestrations from host.json to the instance, over HTTP.

Source: https://learn.microsoft.com/azure/azure-functions/durable/durable-functions-orchestration-versioning
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from durable_host.testing import HostClient, HostProcess, wait_until
from durable_host.testing.plugin import ServeApp

APP = Path(__file__).parent / "apps" / "versions"
ORCHESTRATORS = "/runtime/webhooks/durabletask/orchestrators"

pytestmark = pytest.mark.xdist_group("host_apps_versions")


@pytest.fixture(scope="module")
def host(serve_app: ServeApp) -> HostProcess:
    return serve_app(APP)


@pytest.fixture
def client(host: HostProcess) -> Iterator[HostClient]:
    with host.client() as one:
        yield one


@pytest.mark.parametrize(("asked", "output"), [("", "new way of 2.0"), ("?version=1.0", "old way of 1.0")])
def test_an_orchestrator_sees_the_version_of_its_instance(client: HostClient, asked: str, output: str) -> None:
    started = client.call("POST", f"{ORCHESTRATORS}/branches{asked}").json()["id"]

    assert client.wait_for(started)["output"] == output


def test_an_instance_of_a_newer_version_waits_and_the_log_says_why(client: HostClient, host: HostProcess) -> None:
    started = client.call("POST", f"{ORCHESTRATORS}/branches?version=3.0").json()["id"]

    said = (
        f"Instance '{started}': The orchestration version '3.0' is greater than the worker version '2.0'. As "
        "host.json's versionFailureStrategy is Reject, it waits for a host that runs it."
    )
    wait_until(lambda: said in host.log_text, "it is given back")
    status = client.status(started)
    assert status is not None
    assert status["runtimeStatus"] == "Pending"


def test_where_host_json_says_fail_it_fails(serve_app: ServeApp) -> None:
    strict = {
        f"AzureFunctionsJobHost__extensions__durableTask__{name}": value
        for name, value in {"versionMatchStrategy": "Strict", "versionFailureStrategy": "Fail"}.items()
    }
    with serve_app(APP, environment=strict).client() as client:
        started = client.call("POST", f"{ORCHESTRATORS}/branches?version=1.0").json()["id"]
        status = client.wait_for(started, ["Failed"])

    assert status["output"] == (
        "VersionMismatch: The orchestration version '1.0' does not match the worker version '2.0'."
    )
