"""``python -m durable_host start``: read the settings, start what is needed, serve until told to stop.

What ``func start`` does on the command line.
Invariant: whatever was started here is stopped here, also after a failure on the way.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from durable_host.cli.last_resort import start_watcher
from durable_host.cli.reach import add_reach_arguments, keys_of, origins_of
from durable_host.cli.stopping import StopRequest, say
from durable_host.cli.storage import open_hub_storage, open_storage_of_bindings
from durable_host.config.host_json import HostJsonError, read_host_json
from durable_host.config.installed import missing_extra
from durable_host.config.logs import capture_prints, set_up_logging
from durable_host.config.script_root import HELP, find_script_root
from durable_host.config.settings import Settings, SettingsError, read_settings

if TYPE_CHECKING:
    from durable_host.host import HostOptions

__all__ = ["add_arguments"]

_DEFAULT_PORT: Final = 7071
_ISOLATION: Final = (
    "PYTHON_ISOLATE_WORKER_DEPENDENCIES is ignored: host and app share one environment of packages here."
)
_LAST_PORT: Final = 65_535
_log = logging.getLogger("Host.Startup")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``start``."""
    parser.add_argument("--script-root", type=Path, metavar="DIR", help=HELP)
    parser.add_argument(
        "-p",
        "--port",
        type=_port_number,
        help=f"where to listen (default: Host.LocalHttpPort, else {_DEFAULT_PORT}); 0: any",
    )
    parser.add_argument(
        "--cassettes",
        type=Path,
        metavar="DIR",
        help="answer the app's page requests from recordings, never the network",
    )
    parser.add_argument(
        "--clean", action="store_true", help="remove the storage emulator's data first, that of other apps included"
    )
    add_reach_arguments(parser)
    parser.add_argument("--watch", action="store_true", help="start again whenever a file of the app changes")
    parser.add_argument(
        "--debug", type=_port_number, metavar="PORT", help="wait for a debugger (debugpy) on this port of loopback"
    )
    parser.add_argument("--verbose", action="store_true", help="print the log as the real host's console has it")
    parser.set_defaults(run=_run)


async def _run(arguments: argparse.Namespace) -> int:
    if arguments.watch:
        return await _watch(arguments)
    stop = StopRequest(asyncio.get_running_loop(), start_watcher())
    with contextlib.ExitStack() as resources:
        try:
            if arguments.debug is not None:
                _wait_for_debugger(arguments.debug)
            await _serve(arguments, stop, resources)
        except KeyboardInterrupt:
            say("Stopped before the host had started.")
        except _user_errors() as error:
            print(f"{error}", file=sys.stderr, flush=True)
            return 1
    return 0


async def _watch(arguments: argparse.Namespace) -> int:
    try:
        if problem := missing_extra("watch", "--watch"):
            raise SettingsError(problem)
        script_root = find_script_root(arguments.script_root)
    except SettingsError as error:
        print(f"{error}", file=sys.stderr, flush=True)
        return 1
    from durable_host.cli.watch import watch

    return await watch(script_root, sys.argv[sys.argv.index("start") + 1 :])


def _wait_for_debugger(port: int) -> None:
    if problem := missing_extra("debug", "--debug"):
        raise SettingsError(problem)
    import debugpy

    _, chosen = debugpy.listen(("127.0.0.1", port))
    say(f"Waiting for a debugger on port {chosen} ...")
    debugpy.wait_for_client()


async def _serve(arguments: argparse.Namespace, stop: StopRequest, resources: contextlib.ExitStack) -> None:
    script_root = find_script_root(arguments.script_root).resolve()
    settings = read_settings(script_root, os.environ)
    settings.apply(os.environ)
    os.environ.setdefault("FUNCTIONS_WORKER_RUNTIME", "python")
    os.environ.setdefault("AZURE_FUNCTIONS_ENVIRONMENT", "Development")
    os.environ.setdefault("AzureWebJobsScriptRoot", str(script_root.resolve()))
    host_json = read_host_json(script_root)
    set_up_logging(host_json.log_levels, verbose=arguments.verbose)
    capture_prints()
    isolation = (_ISOLATION,) if os.environ.get("PYTHON_ISOLATE_WORKER_DEPENDENCIES") == "1" else ()
    for note in (*settings.notes, *host_json.notes, *isolation):
        say(note)
    if arguments.cassettes is not None:
        if problem := missing_extra("cassettes", "--cassettes"):
            raise SettingsError(problem)
        from recorded_pages import install

        install(arguments.cassettes)
    # As the worker: what the app opens by a relative path is beside its code.
    os.chdir(script_root)
    hub_storage = open_hub_storage(host_json, resources, clean=arguments.clean)

    from durable_host.app.index import FunctionIndex
    from durable_host.cli.banner import functions_text
    from durable_host.host import Host, HostOptions

    index = FunctionIndex.load(script_root)
    if stop.is_requested:
        raise KeyboardInterrupt  # the app's code has swallowed it
    if stop.listen():
        say(
            "The app has set handlers for Ctrl+C or SIGTERM, or blocked them, while it was imported; this host keeps "
            "them for itself."
        )
    for note in index.notes:
        say(note)
    options = HostOptions(
        connection_string=hub_storage,
        development_storage=open_storage_of_bindings(index.functions, host_json, resources),
        port=_port(arguments.port, settings),
        listen=arguments.listen,
        origins=origins_of(arguments, settings),
        keys=keys_of(arguments, script_root),
        **_times(HostOptions),
    )
    stop.interrupts = False
    async with contextlib.AsyncExitStack() as running:
        host = Host(index, host_json, options)
        await stop.unless_requested(running.enter_async_context(host))
        say(functions_text(index, host.origin, host.route_of, host.problems))
        say(f"Dashboard {host.dashboard}")
        say("Host started. Press Ctrl+C to stop it.")
        await stop.requested.wait()
        say("Stopping: running activities may end, partitions are given back.")
    if host.still_running:
        say(f"Left behind: {host.still_running} functions that did not end.")


def _port(given: int | None, settings: Settings) -> int:
    if given is not None:
        return given
    return _DEFAULT_PORT if settings.local_http_port is None else settings.local_http_port


def _times(options: type[HostOptions]) -> dict[str, float]:
    """Tests of hosts that die or do not stop set these; in use, half a minute is what a partition waits for its next
    owner, and ten seconds what a stop waits for running functions."""
    names = {
        "lease_seconds": "LOCAL_HOST_LEASE_SECONDS",
        "renew_seconds": "LOCAL_HOST_LEASE_RENEW_SECONDS",
        "patience_seconds": "LOCAL_HOST_PATIENCE_SECONDS",
    }
    given = {field: os.environ[name] for field, name in names.items() if os.environ.get(name)}
    try:
        return {field: float(text) for field, text in given.items()}
    except ValueError:
        raise SettingsError(f"{', '.join(names.values())} are numbers of seconds; {given} are set.") from None


def _user_errors() -> tuple[type[Exception], ...]:
    """What a user can mend; the classes of modules that were not needed are not imported for this."""
    errors: list[type[Exception]] = [SettingsError, HostJsonError]
    for module, names in {
        "durable_host.azurite.errors": ("AzuriteError",),
        "durable_host.app.loading": ("AppError",),
        "durable_host.http.keys": ("KeyFileError",),
        "durable_host.http.server": ("PortRefusedError",),
        "durable_host.task_hub.base.errors": ("TaskHubError",),
        "recorded_pages": ("CassetteError",),
        "azure.core.exceptions": ("AzureError",),
    }.items():
        if module in sys.modules:
            errors += [getattr(sys.modules[module], name) for name in names]
    return tuple(errors)


def _port_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= _LAST_PORT):
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give a number from 0 (any free one) to {_LAST_PORT}")
    return int(text)
