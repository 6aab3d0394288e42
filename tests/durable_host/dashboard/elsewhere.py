"""The dashboard of a hub that others run: served by itself, without an app.

Invariant: without leave to act, nothing is sent but requests that read.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web

from durable_host.dashboard.site import Dashboard, HubAccess
from durable_host.http.client_binding import ClientBinding
from durable_host.http.management.api import ManagementApi
from durable_host.http.management.context import ManagementContext
from durable_host.http.messages import Answer
from durable_host.http.server import PortInUseError, read_request, response_of
from durable_host.task_hub.hub.attached_hub import AttachedHub
from durable_host.task_hub.hub.client import TaskHubClient
from durable_host.task_hub.hub.recorded_instances import explained

__all__ = ["serve_elsewhere"]

BASE: Final = "/durable"
_APP_ORIGIN: Final = "https://YOUR-APP.azurewebsites.net"
_SYSTEM_KEY: Final = "YOUR-SYSTEM-KEY"


@contextlib.asynccontextmanager
async def serve_elsewhere(hub: AttachedHub, *, port: int, may_act: bool) -> AsyncIterator[str]:
    """Serve the pages on loopback until the block ends; yields where they are."""
    client = TaskHubClient(hub)
    binding = ClientBinding(hub_name=hub.names.hub, system_key=_SYSTEM_KEY)
    management = ManagementApi(ManagementContext(client=client, index=_AppElsewhere(), binding=binding))
    access = HubAccess(
        client=client,
        where=f"in {hub.where}",
        manage=management.answer if may_act else None,
        url_of=lambda path, pairs, _: binding.url_of(path, pairs, _APP_ORIGIN),
        is_indexed=False,
        explained=lambda: explained(hub.names.hub, hub.where),
    )
    dashboard = Dashboard(access, BASE)

    async def handle(message: web.BaseRequest) -> web.StreamResponse:
        request = await read_request(message)
        if request.path == "/":
            return response_of(Answer(status=302, headers=(("Location", BASE),)))
        if not f"{request.path}/".startswith(f"{BASE}/"):
            return response_of(Answer(status=404))
        return response_of(await dashboard.answer(request))

    server = web.Server(handle, access_log=None)
    try:
        listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", port)
    except OSError as error:
        raise PortInUseError(port) from error
    try:
        yield f"http://localhost:{listener.sockets[0].getsockname()[1]}{BASE}"
    finally:
        listener.close()
        server.pre_shutdown()
        await server.shutdown(1.0)
        await dashboard.stop()


class _AppElsewhere:
    """Stands in for an app that is not here: whatever is asked of it may be there."""

    def is_disabled(self, kind: str, name: str) -> bool:
        """Nobody here can tell."""
        return False

    def entity(self, name: str) -> object | None:
        """Taken to be there: the app's host says otherwise if it is not."""
        return self

    def unknown(self, kind: str, name: str) -> str:
        """Never asked, since everything is taken to be there."""
        return f"The app has no function '{name}'."
