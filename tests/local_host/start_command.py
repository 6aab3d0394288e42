"""``python -m local_host start``: read the settings, start what is needed, serve until told to stop.

Role: what ``func start`` does on the command line. Called by: ``__main__``. Calls: ``settings``, ``host_json``,
``function_index``, ``azurite`` where the settings ask for it, and ``host``.
Invariant: whatever was started here is stopped here, also after a failure on the way.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from local_host.host_json import HostJson, HostJsonError, read_host_json
from local_host.logs import set_up_logging
from local_host.settings import Settings, SettingsError, read_settings, storage_connection

if TYPE_CHECKING:
    from local_host.host import HostOptions

__all__ = ["add_arguments"]

_DEFAULT_PORT: Final = 7071
_log = logging.getLogger("Host.Startup")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``start``."""
    parser.add_argument("--script-root", type=Path, default=Path("src"), help="the app's folder (default: src)")
    parser.add_argument(
        "-p", "--port", type=int, help=f"where to listen (default: Host.LocalHttpPort, else {_DEFAULT_PORT}); 0: any"
    )
    parser.add_argument(
        "--cassettes",
        type=Path,
        metavar="DIR",
        help="answer the app's page requests from recordings, never the network",
    )
    parser.add_argument("--clean", action="store_true", help="remove the storage emulator's data first")
    parser.add_argument("--verbose", action="store_true", help="print everything that is logged")
    parser.set_defaults(run=_run)


async def _run(arguments: argparse.Namespace) -> int:
    script_root: Path = arguments.script_root
    with contextlib.ExitStack() as resources:
        try:
            await _serve(arguments, script_root, resources)
        except _user_errors() as error:
            print(f"{error}", file=sys.stderr, flush=True)
            return 1
    return 0


async def _serve(arguments: argparse.Namespace, script_root: Path, resources: contextlib.ExitStack) -> None:
    if not script_root.is_dir():
        raise SettingsError(f"'{script_root}' is not a folder: give the app's folder with --script-root.")
    settings = read_settings(script_root, os.environ)
    settings.apply(os.environ)
    os.environ.setdefault("FUNCTIONS_WORKER_RUNTIME", "python")
    os.environ.setdefault("AZURE_FUNCTIONS_ENVIRONMENT", "Development")
    os.environ.setdefault("AzureWebJobsScriptRoot", str(script_root.resolve()))
    host_json = read_host_json(script_root)
    set_up_logging(host_json.log_levels, verbose=arguments.verbose)
    for note in (*settings.notes, *host_json.notes):
        print(note, flush=True)
    if arguments.cassettes is not None:
        from recorded_pages import install

        install(arguments.cassettes)
    connection_string = _open_storage(host_json, resources, clean=arguments.clean)

    from local_host.function_index import FunctionIndex
    from local_host.host import Host, HostOptions
    from local_host.listing import functions_text

    stop = _stop_requested()
    index = FunctionIndex.load(script_root)
    for note in index.notes:
        print(note, flush=True)
    options = HostOptions(
        connection_string=connection_string,
        port=_port(arguments.port, settings),
        **_lease_times(HostOptions),
    )
    async with Host(index, host_json, options) as host:
        print(functions_text(index, host.origin, host.route_of), flush=True)
        print("Host started. Press Ctrl+C to stop it.", flush=True)
        await stop.wait()
        print("Stopping: running activities may end, partitions are given back.", flush=True)
    if host.worker.still_running:
        # Python would wait for these threads, perhaps for ever. Their work items are run again by the next host.
        print(f"Left behind: {host.worker.still_running} functions that did not end.", flush=True)
        resources.close()
        os._exit(0)


def _open_storage(host_json: HostJson, resources: contextlib.ExitStack, *, clean: bool) -> str:
    connection = storage_connection(os.environ, host_json.connection_name)
    if not connection.is_development_storage:
        if clean:
            raise SettingsError(
                f"--clean removes the data of the storage emulator that this host starts, but '{connection.setting}' "
                "names another storage account. Leave --clean out, or set it to UseDevelopmentStorage=true."
            )
        return connection.connection_string
    from local_host.azurite import open_development_storage

    logging.getLogger("local_host.azurite").setLevel(logging.INFO)
    storage = resources.enter_context(open_development_storage(clean=clean))
    print(storage.note, flush=True)
    return storage.connection_string


def _port(given: int | None, settings: Settings) -> int:
    if given is not None:
        return given
    return _DEFAULT_PORT if settings.local_http_port is None else settings.local_http_port


def _lease_times(options: type[HostOptions]) -> dict[str, float]:
    """Tests of hosts that die set these; in use, half a minute is what a partition waits for its next owner."""
    names = {"lease_seconds": "LOCAL_HOST_LEASE_SECONDS", "renew_seconds": "LOCAL_HOST_LEASE_RENEW_SECONDS"}
    return {field: float(os.environ[name]) for field, name in names.items() if os.environ.get(name)}


def _user_errors() -> tuple[type[Exception], ...]:
    """What a user can mend; the classes of modules that were not needed are not imported for this."""
    errors: list[type[Exception]] = [SettingsError, HostJsonError]
    for module, names in {
        "local_host.azurite.errors": ("AzuriteError",),
        "local_host.app_import": ("AppError",),
        "local_host.http.server": ("PortInUseError",),
        "local_host.task_hub.errors": ("TaskHubError",),
        "recorded_pages": ("CassetteError",),
        "azure.core.exceptions": ("AzureError",),
    }.items():
        if module in sys.modules:
            errors += [getattr(sys.modules[module], name) for name in names]
    return tuple(errors)


def _stop_requested() -> asyncio.Event:
    """Set on the first Ctrl+C, SIGTERM, or Ctrl+Break on Windows; further ones change nothing."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def request(signal_number: int, frame: object) -> None:
        loop.call_soon_threadsafe(stop.set)

    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), request)
    return stop
