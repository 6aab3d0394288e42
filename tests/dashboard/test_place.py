"""Where the pages are: at /durable, unless a route of the app is there."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import cast

import pytest

from durable_host.app.index import FunctionIndex
from durable_host.app.worker import Worker
from durable_host.http.client_binding import ClientBinding
from durable_host.http.server import HttpServer
from durable_host.task_hub.hub.client import TaskHubClient

APP = """
import azure.functions as func
app = func.FunctionApp()

@app.route(route={route!r}, methods=["POST"])
def one(req: func.HttpRequest) -> str:
    return "the app's"
"""


@pytest.mark.parametrize(
    ("route", "place"),
    [
        ("anything", "/durable"),
        ("durable", "/durable-dashboard"),
        ("durable/instance", "/durable"),  # below api, as every route of this app that has a prefix
        ("durable/instance/of/mine", "/durable-dashboard"),
        ("{first}/{second}", "/admin/durable"),
        ("{*everything}", "/admin/durable"),
    ],
)
def test_a_route_of_the_app_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, route: str, place: str) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    name = f"app_of_route_{abs(hash(route))}"
    (tmp_path / f"{name}.py").write_text(APP.format(route=route), encoding="utf-8")
    index = FunctionIndex.load(tmp_path, script_file=f"{name}.py")
    binding = ClientBinding(hub_name="Hub")
    worker = Worker(index, client_text=binding.text_for, environment={})

    # Nothing here touches the task hub.
    prefix = "api" if route == "durable/instance" else ""
    server = HttpServer(index, worker, cast(TaskHubClient, None), binding, route_prefix=prefix)

    assert server.site_path == place
