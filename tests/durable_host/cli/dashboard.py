"""``durable-host dashboard``: the pages of a task hub elsewhere, such as that of a deployed app.

Invariant: the hub is only read, unless ``--allow-acts`` is given; a connection string need not stand on the command
line.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from contextlib import AbstractAsyncContextManager
from typing import Final

from durable_host.dashboard.elsewhere import serve_elsewhere
from durable_host.http.server import PortRefusedError
from durable_host.task_hub.base.errors import TaskHubError
from durable_host.task_hub.hub.attached_hub import AttachedHub, attach_by_account_name, attach_by_connection_string
from durable_host.task_hub.hub.recorded_instances import HubUnreachableError

__all__ = ["add_arguments", "run"]

_DEFAULT_PORT: Final = 7072


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``dashboard``."""
    parser.description = "Shows the instances of a task hub, also of a deployed app, in the browser. It only reads."
    parser.add_argument("--task-hub", metavar="NAME", required=True, help="the hub's name, as host.json has it")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--connection-string", metavar="TEXT", help="the storage account, also UseDevelopmentStorage=true"
    )
    where.add_argument(
        "--connection-string-env", metavar="NAME", help="the environment variable that holds the connection string"
    )
    where.add_argument("--account", metavar="NAME", help="the storage account in Azure, read as whoever is signed in")
    parser.add_argument(
        "-p", "--port", type=int, default=_DEFAULT_PORT, help=f"where to listen (default: {_DEFAULT_PORT}); 0: any"
    )
    parser.add_argument(
        "--allow-acts",
        action="store_true",
        help="let the pages start, suspend, resume, terminate, rewind, restart and purge instances, and send events",
    )


async def run(args: argparse.Namespace) -> int:
    """Serve the pages until Ctrl+C; returns the exit code."""
    try:
        async with contextlib.AsyncExitStack() as opened:
            hub = await opened.enter_async_context(_opening(args))
            await hub.check()
            address = await opened.enter_async_context(serve_elsewhere(hub, port=args.port, may_act=args.allow_acts))
            print(f"Dashboard {address}", flush=True)
            acts = "The pages may change the hub." if args.allow_acts else "The pages only read the hub."
            print(f"{acts} Press Ctrl+C to stop it.", flush=True)
            await _told_to_stop()
    except (HubUnreachableError, TaskHubError, PortRefusedError) as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    return 0


async def _told_to_stop() -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    await stop.wait()


def _opening(args: argparse.Namespace) -> AbstractAsyncContextManager[AttachedHub]:
    if args.account is not None:
        return attach_by_account_name(args.task_hub, args.account, sends=args.allow_acts)
    text = args.connection_string
    if args.connection_string_env is not None:
        text = os.environ.get(args.connection_string_env)
        if not text:
            raise HubUnreachableError(
                f"The environment has no variable '{args.connection_string_env}', or it is empty: set it to the "
                "storage account's connection string."
            )
    return attach_by_connection_string(args.task_hub, text, sends=args.allow_acts)
