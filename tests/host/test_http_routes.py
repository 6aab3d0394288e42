"""Which functions of an app have a route, and which the host or another function keeps them from."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from durable_host.app.index import AppError, FunctionIndex
from durable_host.app.worker import Worker
from durable_host.http.messages import Request
from durable_host.http.triggers import HttpTriggers


def test_without_a_prefix_the_routes_begin_at_the_root(tmp_path: Path) -> None:
    triggers = _triggers(tmp_path, 'route="ping"', prefix="")

    assert asyncio.run(triggers.answer(Request(method="GET", origin="http://here", path="/ping"))) is not None


def test_a_route_that_cannot_be_read_names_the_function(tmp_path: Path) -> None:
    with pytest.raises(AppError, match=r"function f: Route 'api/\{x' has an unmatched brace"):
        _triggers(tmp_path, 'route="{x"', prefix="api")


def test_a_route_below_admin_is_the_hosts(tmp_path: Path) -> None:
    # Recorded: errors/startup, errors/routes.
    triggers = _triggers(tmp_path, 'route="admin/mine"', prefix="api")

    assert triggers.problems == {"f": "The specified route conflicts with one or more built in routes."}
    assert triggers.routes == {}
    assert asyncio.run(triggers.answer(Request(method="GET", origin="http://here", path="/api/admin/mine"))) is None


def test_of_two_functions_with_one_route_and_method_the_first_has_it(tmp_path: Path) -> None:
    second = 'route="one", methods=["GET"])\ndef a(req) -> str:\n    return ""\n@app.route(route="ONE/"'

    triggers = _triggers(tmp_path, second, prefix="api")

    assert triggers.problems == {"f": "The route specified conflicts with the route defined by function 'a'."}


def test_one_route_may_have_a_function_for_each_method(tmp_path: Path) -> None:
    second = (
        'route="one", methods=["GET"])\ndef a(req) -> str:\n    return ""\n@app.route(route="one", methods=["POST"]'
    )

    assert _triggers(tmp_path, second, prefix="api").problems == {}


def _triggers(root: Path, route: str, *, prefix: str) -> HttpTriggers:
    code = (
        "import azure.functions as func\napp = func.FunctionApp()\n@app.route({})\ndef f(req) -> str:\n    return ''\n"
    )
    (root / "one_route.py").write_text(code.format(route), encoding="utf-8")
    path = list(sys.path)
    index = FunctionIndex.load(root, script_file="one_route.py", environment={})
    sys.path[:] = path
    sys.modules.pop("one_route")
    return HttpTriggers(index, Worker(index, client_text=lambda binding: "", environment={}), prefix)
