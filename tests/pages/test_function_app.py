"""The functions as the host indexes and calls them, and the files that are deployed beside them."""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import json
import threading
import typing
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest
from azure.durable_functions import DurableOrchestrationClient
from azure.durable_functions.models.utils import http_utils
from azure.functions.decorators.function_app import Function

from recorded_pages import replay
from title_request import DEFAULT_URLS

SRC = Path(__file__).parents[2] / "src"


def _functions_of_a_fresh_app() -> dict[str, Function]:
    """The SDK builds the functions of an app only once, and the harness may have the app that others import."""
    spec = importlib.util.spec_from_file_location("function_app_of_its_own", SRC / "function_app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {function.get_function_name(): function for function in module.app.get_functions()}


FUNCTIONS = _functions_of_a_fresh_app()


class Extension:
    """The endpoint that the Durable extension gives to the client: takes starts and remembers them."""

    def __init__(self) -> None:
        self.started: list[tuple[str, Any]] = []
        extension = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                extension.started.append((self.path, json.loads(json.loads(body))))
                answer = json.dumps({"id": "abc"}).encode()
                self.send_response(202)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)

    @property
    def client(self) -> DurableOrchestrationClient:
        """The client as the SDK makes it from the host's binding data."""
        base = f"http://127.0.0.1:{self.server.server_port}"
        management = {
            name: f"{base}/runtime/webhooks/durabletask/instances/INSTANCEID{tail}?code=key"
            for name, tail in {"id": "", "statusQueryGetUri": "", "terminatePostUri": "/terminate"}.items()
        }
        binding = {
            "taskHubName": "TitlesHub",
            "creationUrls": {},
            "managementUrls": {**management, "id": "INSTANCEID"},
            "baseUrl": base,
            "requiredQueryStringParameters": "code=key",
            "rpcBaseUrl": f"{base}/durabletask/",
        }
        return DurableOrchestrationClient(json.dumps(binding))


@pytest.fixture
def extension() -> Iterator[Extension]:
    extension = Extension()
    thread = threading.Thread(target=extension.server.serve_forever, args=(0.02,))
    thread.start()
    yield extension
    extension.server.shutdown()
    thread.join()
    extension.server.server_close()


def call_http_start(extension: Extension, method: str, body: bytes = b"") -> func.HttpResponse:
    user_function = inspect.unwrap(FUNCTIONS["http_start"].get_user_function())
    url = "https://titles.example/api/FetchOrchestration_HttpStart"
    request = func.HttpRequest(method=method, url=url, body=body)

    async def call() -> func.HttpResponse:
        try:
            response: func.HttpResponse = await user_function(req=request, client=extension.client)
            return response
        finally:
            # The SDK keeps one session for the process, bound to the loop that made it, which ends with this call.
            await http_utils._close_session()

    return asyncio.run(call())


def test_app_has_the_three_functions_in_the_order_in_which_data_flows() -> None:
    assert list(FUNCTIONS) == ["http_start", "fetch_orchestration", "fetch_title"]


def test_http_start_needs_a_function_key_and_takes_get_and_post() -> None:
    trigger = json.loads(FUNCTIONS["http_start"].get_raw_bindings()[1])

    assert trigger["type"] == "httpTrigger"
    assert trigger["route"] == "FetchOrchestration_HttpStart"
    assert trigger["authLevel"] == "FUNCTION"
    assert trigger["methods"] == ["GET", "POST"]


@pytest.mark.parametrize("name", ["http_start", "fetch_orchestration", "fetch_title"])
def test_annotations_are_what_the_worker_accepts(name: str) -> None:
    hints = typing.get_type_hints(FUNCTIONS[name].get_user_function())

    parameters = [hint for parameter, hint in hints.items() if parameter != "return"]
    assert all(isinstance(hint, type) for hint in parameters)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_http_start_without_body_starts_the_default_pages(extension: Extension, method: str) -> None:
    response = call_http_start(extension, method)

    assert response.status_code == 202
    assert json.loads(response.get_body())["id"] == "abc"
    assert "/instances/abc?" in response.headers["Location"]
    assert extension.started == [("/durabletask/orchestrators/fetch_orchestration", list(DEFAULT_URLS))]


def test_http_start_starts_the_urls_of_the_body(extension: Extension) -> None:
    urls = ["https://learn.microsoft.com/b", "https://learn.microsoft.com/a"]

    response = call_http_start(extension, "POST", json.dumps({"urls": urls}).encode())

    assert response.status_code == 202
    assert [started for _, started in extension.started] == [urls]


def test_http_start_refuses_a_bad_body_and_starts_nothing(extension: Extension) -> None:
    response = call_http_start(extension, "POST", b'{"urls": ["https://example.com/"]}')

    assert response.status_code == 400
    assert response.mimetype == "application/json"
    assert json.loads(response.get_body())["entries"][0]["code"] == "host_not_allowed"
    assert extension.started == []


def test_http_start_takes_the_hosts_of_the_app_setting(extension: Extension, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TITLE_HOSTS", "example.com")

    response = call_http_start(extension, "POST", b'{"urls": ["https://example.com/"]}')

    assert response.status_code == 202


def test_fetch_title_answers_a_record_that_json_can_hold(cassettes: Path, no_network: list[str]) -> None:
    fetch_title = FUNCTIONS["fetch_title"].get_user_function()

    with replay(cassettes):
        records = [fetch_title(url=url) for url in (*DEFAULT_URLS, "https://learn.microsoft.com.evil.example/")]

    assert json.loads(json.dumps(records)) == records
    assert [sorted(record) for record in records] == [["title"]] * 4 + [["code", "reason"]]


def test_host_json_names_the_task_hub_and_the_bundle_that_brings_the_extension() -> None:
    host = json.loads((SRC / "host.json").read_text(encoding="utf-8"))

    assert host["version"] == "2.0"
    assert host["extensions"]["durableTask"]["hubName"] == "TitlesHub"
    assert host["extensionBundle"]["version"] == "[4.*, 5.0.0)"


def test_every_requirement_is_pinned_and_azure_functions_once_for_each_python() -> None:
    lines = (SRC / "requirements.txt").read_text(encoding="utf-8").splitlines()
    requirements = [line for line in lines if line and not line.startswith("#")]

    assert all(line.count("==") == 1 for line in (line.partition(";")[0] for line in requirements))
    assert [line for line in requirements if line.startswith("azure-functions==")] == [
        'azure-functions==1.26.0; python_version < "3.13"',
        'azure-functions==2.3.0; python_version >= "3.13"',
    ]


def test_sample_settings_hold_nothing_secret_and_name_the_default_host() -> None:
    settings = json.loads((SRC / "local.settings.sample.json").read_text(encoding="utf-8"))

    assert settings["Values"] == {
        "AzureWebJobsStorage": "UseDevelopmentStorage=true",
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "TITLE_HOSTS": "learn.microsoft.com",
    }
