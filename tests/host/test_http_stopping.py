"""The end of the HTTP server."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import cast

from durable_host.app.index import FunctionIndex
from durable_host.app.worker import Worker
from durable_host.http.client_binding import ClientBinding
from durable_host.http.server import HttpServer
from durable_host.task_hub.hub.client import TaskHubClient


def test_stopping_does_not_wait_for_connections_that_are_idle(tmp_path: Path) -> None:
    triggers = (
        'import azure.functions as func\napp = func.FunctionApp()\n@app.route()\ndef f(req) -> str:\n    return ""\n'
    )
    (tmp_path / "stopped_app.py").write_text(triggers, encoding="utf-8")
    path = list(sys.path)
    index = FunctionIndex.load(tmp_path, script_file="stopped_app.py", environment={})
    sys.path[:] = path
    sys.modules.pop("stopped_app")
    worker = Worker(index, client_text=lambda binding: "", environment={})

    async def serve_and_stop() -> None:
        server = HttpServer(index, worker, cast(TaskHubClient, None), ClientBinding(hub_name="Hub"))
        reader, writer = await asyncio.open_connection("127.0.0.1", await server.start(0))
        writer.write(b"GET /api/f HTTP/1.1\r\nHost: here\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")

        async with asyncio.timeout(10):
            await server.stop(grace=60)

        assert (await reader.read()).endswith(b"\r\n")
        writer.close()

    asyncio.run(serve_and_stop())
