"""The host's admin API and its front page.

Role: ``/``, ``/admin/host/...`` and ``/admin/functions/...``.
Invariant: the members are the real host's, in its order; those about its build name this host instead.
"""

from __future__ import annotations

import asyncio
import json
import platform
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, unquote

from azure.functions.meta import Datum

from durable_host.app.index import ACTIVITY, HTTP, FunctionIndex, IndexedFunction
from durable_host.app.worker import Worker
from durable_host.clock import new_guid, new_id, now
from durable_host.http.messages import NOT_FOUND, Answer, Request, json_answer
from durable_host.http.triggers import HttpTriggers

__all__ = ["AdminApi"]

_VERSION: Final = "4.0.0.0"
_DETAILS: Final = "durable_host"
_TICKS_PER_MILLISECOND: Final = 10_000
_PAGE: Final = b"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Function App</title></head>
<body><h1>Your Azure Function App is up and running.</h1>
<p>This is the embedded host for development and tests, not Azure Functions itself.</p></body></html>
"""


class AdminApi:
    """The admin API of one host."""

    def __init__(self, index: FunctionIndex, worker: Worker, triggers: HttpTriggers) -> None:
        self._index, self._worker, self._triggers = index, worker, triggers
        self._host_id, self._instance_id, self._started_at = new_id(), new_guid(), now()
        self._runs: set[asyncio.Task[Any]] = set()

    async def answer(self, request: Request) -> Answer:
        """Answer a request below ``/admin``."""
        segments = unquote(request.path).strip("/").split("/")[1:]
        match [segment.lower() for segment in segments[:1]] + segments[1:], request.method:
            case ["host", "status"], "GET":
                return json_answer(200, self._status())
            case ["host", "ping"], "GET" | "POST":
                return Answer(status=200)
            case ["functions"], "GET":
                return json_answer(200, [self._function(request, function) for function in self._index.functions])
            case ["functions", name], "GET" if function := self._index.find(name):
                return json_answer(200, self._function(request, function))
            case ["functions", name, "status"], "GET" if function := self._index.find(name):
                return json_answer(200, {"isDisabled": function.is_disabled, "errors": None})
            case ["functions", name], "POST" if function := self._index.find(name):
                return self._run(request, function)
        return NOT_FOUND

    def front_page(self) -> Answer:
        """What a browser shows at the root."""
        return Answer(status=200, headers=(("Content-Type", "text/html; charset=utf-8"),), body=_PAGE)

    async def stop(self, grace: float) -> None:
        """Give the functions that were run by hand ``grace`` seconds to end."""
        if self._runs:
            _, late = await asyncio.wait(self._runs, timeout=grace)
            for run in late:
                run.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _status(self) -> dict[str, object]:
        return {
            "id": self._host_id,
            "state": "Running",
            "version": _VERSION,
            "versionDetails": _DETAILS,
            "platformVersion": "",
            "instanceId": self._instance_id,
            "computerName": platform.node(),
            "processUptime": (now() - self._started_at) // _TICKS_PER_MILLISECOND,
            "functionAppContentEditingState": "Unknown",
        }

    def _function(self, request: Request, function: IndexedFunction) -> dict[str, object]:
        origin = request.origin
        template = f"{origin}/{self._triggers.template(function)}" if function.kind == HTTP else None
        script = quote(f"{function.directory}/{self._index.script_file}".lstrip("/"))
        return {
            "name": function.name,
            "script_root_path_href": None,
            "script_href": f"{origin}/admin/vfs/{script}",
            "config_href": None,
            "test_data_href": f"{origin}/admin/vfs/{quote(function.name)}.dat",
            "href": f"{origin}/admin/functions/{quote(function.name)}",
            "invoke_url_template": template,
            "language": "python",
            "config": {
                "name": function.name,
                "entryPoint": function.name,
                "scriptFile": self._index.script_file,
                "language": "python",
                "functionDirectory": function.directory,
                "bindings": [binding.raw for binding in function.bindings],
            },
            "files": None,
            "test_data": "",
            "isDisabled": function.is_disabled,
            "isDirect": False,
            "isProxy": False,
        }

    def _run(self, request: Request, function: IndexedFunction) -> Answer:
        """Run an activity by hand, as one fires a timer on the real host: the answer does not wait for it."""
        if function.kind != ACTIVITY or function.not_run is not None:
            reason = function.not_run or f"a {function.kind} is run by calling it, not through the admin API"
            return Answer(status=501, body=f"Function '{function.name}' cannot be run like this: {reason}.".encode())
        try:
            given = json.loads(request.body or b"{}")
        except ValueError:
            return Answer(status=400)
        if not isinstance(given, Mapping):
            return Answer(status=400)
        text = given.get("input")
        run = asyncio.ensure_future(
            self._worker.run(
                function,
                Datum(text if isinstance(text, str) else json.dumps(text), "string"),
                reason="This function was programmatically called via the host APIs.",
            )
        )
        self._runs.add(run)
        run.add_done_callback(self._runs.discard)
        return Answer(status=202)
