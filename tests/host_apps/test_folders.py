"""Apps whose folder needs something special: the v1 model, the Durable Task Scheduler, files beside the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from durable_host.testing.plugin import ServeApp

APPS = Path(__file__).parent / "apps"

pytestmark = pytest.mark.xdist_group("host_apps_folders")


def test_a_chain_of_the_v1_model_gives_what_the_real_host_gives(serve_app: ServeApp) -> None:
    # Recorded: an orchestrator, an activity with an entry point and a relative import, an entity, a starter with JSON.
    with serve_app(APPS / "chain_v1").client() as client:
        answer = client.call("POST", "/api/orchestrators/Chain", body="x")
        status = client.wait_for(answer.json()["id"])
        listed = client.call("GET", "/admin/functions").json()

    assert answer.status == 202
    assert (status["runtimeStatus"], status["output"]) == (
        "Completed",
        ["Hello 'Tokyo' str", 2, "Hello {'x': 1} dict"],
    )
    assert [function["name"] for function in listed] == ["Chain", "Counter", "Hello", "HttpStart", "OldStart"]
    hello = next(function for function in listed if function["name"] == "Hello")
    assert (hello["config"]["scriptFile"], hello["config"]["entryPoint"]) == ("run.py", "say")


def test_a_starter_without_a_route_and_with_the_older_name_of_the_client_runs(serve_app: ServeApp) -> None:
    # Routes: https://learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger#customize-the-http-endpoint
    # orchestrationClient: OrchestrationClientAttribute of the Durable extension, deprecated and served.
    with serve_app(APPS / "chain_v1").client() as client:
        answer = client.call("POST", "/api/OldStart")

        assert client.wait_for(answer.json()["id"])["runtimeStatus"] == "Completed"


def test_an_app_of_the_scheduler_runs_on_storage_and_says_so_once(serve_app: ServeApp) -> None:
    # The folder's own hub name, which Azure Storage would not take.
    host = serve_app(APPS / "managed", environment={"AzureFunctionsJobHost__extensions__durableTask__hubName": "a-hub"})
    with host.client() as client:
        client.start("greet", "greeting.txt", instance_id="managed")
        status = client.wait_for("managed")

    assert status["output"] == "a file beside the code"
    assert host.log_text.count("azureManaged") == 1
    assert "under the name 'ahub', as 'a-hub' is none that Azure Storage takes" in host.log_text
    assert (
        "Folders with a function.json (Old) are not loaded: function_app.py beside them is the whole app"
        in host.log_text
    )
