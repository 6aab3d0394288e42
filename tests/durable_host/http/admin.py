"""The host's admin API and its front page: what it tells of functions, and running them by hand.

Invariant: the members are the real host's, in its order.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, unquote

from durable_host.app.index import HTTP, FunctionIndex, IndexedFunction
from durable_host.app.trigger import Trigger
from durable_host.app.worker import Worker
from durable_host.http.host_reads import HostReads
from durable_host.http.messages import NOT_FOUND, Answer, Request, json_answer, text_answer
from durable_host.http.triggers import HttpTriggers

__all__ = ["AdminApi", "ByHand"]

ByHand = Callable[[IndexedFunction, str | None], Awaitable[Trigger]]
"""Makes of an input what asks for a run of a function by hand."""

_PAGE: Final = b"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Function App</title></head>
<body><h1>Your Azure Function App is up and running.</h1>
<p>This is the embedded host for development and tests, not Azure Functions itself.</p></body></html>
"""


class AdminApi:
    """The admin API of one host."""

    def __init__(
        self,
        index: FunctionIndex,
        worker: Worker,
        triggers: HttpTriggers,
        reads: HostReads,
        by_hand: ByHand | None = None,
    ) -> None:
        self._index, self._worker, self._triggers, self._by_hand = index, worker, triggers, by_hand
        self._reads = reads
        self._runs: set[asyncio.Task[Any]] = set()
        self._problems: Mapping[str, str] = {}

    async def answer(self, request: Request) -> Answer:
        """Answer a request below ``/admin``."""
        segments = unquote(request.path).strip("/").split("/")[1:]
        match [segment.lower() for segment in segments[:1]] + segments[1:], request.method:
            case ["functions"], "GET":
                functions = sorted(self._index.functions, key=lambda function: function.name.upper())
                # In the list, and there alone, the real host takes its name from its settings, and https for granted.
                origin = f"https://localhost:{request.origin.rpartition(':')[2]}"
                return json_answer(200, [self._function(origin, function) for function in functions])
            case ["functions", name], "GET" if function := self._index.find(name):
                return json_answer(200, self._function(request.origin, function))
            case ["functions", name, "status"], "GET" if function := self._index.find(name):
                problem = self._problems.get(function.name)
                return json_answer(200, {"errors": [problem]} if problem else {})
            case ["functions", name, "keys"], "GET" if self._index.find(name):
                return self._reads.default_keys(request)
            case ["functions", name], "POST":
                return self._run(request, self._index.find(name))
            case ["vfs", *_], _:
                return Answer(status=403)
            case place, _:
                return self._reads.answer(request, place)

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

    def _function(self, origin: str, function: IndexedFunction) -> dict[str, object]:
        template = f"{origin}/{self._triggers.template(function)}".lower() if function.kind == HTTP else None
        script = quote(f"{function.directory}/{function.script_file}".lstrip("/"))
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
                "entryPoint": function.entry_point,
                "scriptFile": function.script_file,
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

    def tell_problems(self, problems: Mapping[str, str]) -> None:
        """Functions that are in error, and why: their status shows it, and they do not run."""
        self._problems = problems

    def _run(self, request: Request, function: IndexedFunction | None) -> Answer:
        """Run a function by hand: the answer does not wait for it."""
        if request.media_type != "application/json":
            return Answer(status=415)
        try:
            given = json.loads(request.body)
        except json.JSONDecodeError:
            return Answer(status=400)  # As the real host's, which says nothing.
        except RecursionError:
            return text_answer(400, "The body's JSON is nested too deeply to be read.")
        except ValueError as error:
            return text_answer(400, f"The body is no JSON: {error}.")
        if not isinstance(given, dict):
            return Answer(status=400)
        value = next((one for name, one in given.items() if name.lower() == "input"), None)
        if isinstance(value, dict | list):
            return Answer(status=400)
        if function is None or self._by_hand is None or function.name in self._triggers.problems:
            return NOT_FOUND
        if function.name not in self._problems and function.not_run is None:
            text = value if value is None or isinstance(value, str) else json.dumps(value)
            run = asyncio.ensure_future(self._run_by_hand(function, text, self._by_hand))
            self._runs.add(run)
            run.add_done_callback(self._runs.discard)
        return Answer(status=202)

    async def _run_by_hand(self, function: IndexedFunction, text: str | None, by_hand: ByHand) -> None:
        await self._worker.run_with_retries(function, await by_hand(function, text))
