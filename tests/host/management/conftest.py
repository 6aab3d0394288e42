"""The app and the API on it that the tests of the management API share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import cast

import pytest

from durable_host.app.index import FunctionIndex
from durable_host.http.client_binding import ClientBinding
from durable_host.http.management.api import ManagementApi
from durable_host.http.management.context import ManagementContext
from durable_host.task_hub.hub.client import TaskHubClient
from host.management.hub_in_memory import Api, Hub

APP = """
import azure.durable_functions as df
app = df.DFApp()

@app.orchestration_trigger(context_name="context")
def chain(context):
    yield

@app.orchestration_trigger(context_name="context")
def switched_off(context):
    yield

@app.entity_trigger(context_name="context")
def counter(context):
    pass

@app.entity_trigger(context_name="context")
def ledger(context):
    pass
"""


@pytest.fixture(name="index", scope="module")
def _index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FunctionIndex]:
    root = tmp_path_factory.mktemp("app")
    (root / "managed_app.py").write_text(APP, encoding="utf-8")
    path = list(sys.path)
    settings = {"AzureWebJobs.switched_off.Disabled": "1"}
    yield FunctionIndex.load(root, script_file="managed_app.py", environment=settings)
    sys.path[:] = path
    sys.modules.pop("managed_app")


@pytest.fixture(name="api")
def _api(index: FunctionIndex) -> Api:
    hub = Hub()
    context = ManagementContext(
        client=cast(TaskHubClient, hub),
        index=index,
        binding=ClientBinding(hub_name="GoldenHub", connection_name="AzureWebJobsStorage", system_key="KEY"),
    )
    return Api(hub, ManagementApi(context))
