"""The list of functions that a start prints."""

from __future__ import annotations

import sys

import pytest

from durable_host.app.index import FunctionIndex
from durable_host.cli.banner import functions_text

APP = """
import azure.durable_functions as df
import azure.functions as func

app = df.DFApp()


@app.activity_trigger(input_name="x")
def same(x):
    return x


@app.timer_trigger(schedule="0 0 * * * *", arg_name="t")
def tick(t: func.TimerRequest) -> None:
    pass


@app.route(route="both", methods=["GET", "POST"])
def both(req: func.HttpRequest) -> str:
    return ""


@app.route(route="any/{id:int?}")
def any_method(req: func.HttpRequest) -> str:
    return ""


@app.orchestration_trigger(context_name="context")
def chain(context):
    yield


@app.route(route="off")
def off(req: func.HttpRequest) -> str:
    return ""
"""


@pytest.fixture(name="index", scope="module")
def _index(tmp_path_factory: pytest.TempPathFactory) -> FunctionIndex:
    root = tmp_path_factory.mktemp("app")
    (root / "listed_app.py").write_text(APP, encoding="utf-8")
    path = list(sys.path)
    index = FunctionIndex.load(root, script_file="listed_app.py", environment={"AzureWebJobs.off.Disabled": "true"})
    sys.path[:] = path
    sys.modules.pop("listed_app")
    return index


def test_every_function_is_listed_those_with_a_url_first_and_those_switched_off_last(index: FunctionIndex) -> None:
    text = functions_text(index, "http://localhost:7071", lambda function: f"api/{function.trigger.raw['route']}")

    assert (
        text
        == """
Functions:

        both: [GET,POST] http://localhost:7071/api/both

        any_method: http://localhost:7071/api/any/{id:int?}

        same: activityTrigger

        tick: timerTrigger

        chain: orchestrationTrigger

        off: httpTrigger (disabled)
"""
    )
