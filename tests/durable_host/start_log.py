"""What a host says of its own start and end, in the categories and words of the real one.

Most of it is for ``--verbose``: the short form has its own list of functions and its own last lines.
Invariant: of an app without durable functions nothing is said about a task hub worker.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from typing import Final

from durable_host.app.index import HTTP, FunctionIndex
from durable_host.clock import new_guid
from durable_host.config.effective import durable_task_config
from durable_host.config.host_json import HostJson
from durable_host.config.logs import event
from durable_host.dispatch.state_log import HUB_LOG, StateLog

__all__ = ["StartLog"]

_NO_FUNCTIONS: Final = (
    "No job functions found. Try making your job classes and methods public. If you're using binding extensions (e.g. "
    "Azure Storage, ServiceBus, Timers, etc.) make sure you've called the registration method for the extension(s) in "
    "your startup code (e.g. builder.AddAzureStorage(), builder.AddServiceBus(), builder.AddTimers(), etc.)."
)
_TRACING: Final = (
    "Durable Functions Distributed Tracing V2 is GA now! Learn how to enable the feature by visiting "
    "aka.ms/durable-distributed-tracing. To disable this message, you can configure distributedTracingEnabled to "
    '"true" and version to "V2" or "None". Setting it to "None" would in effect disable the feature.'
)
_hub = logging.getLogger(HUB_LOG)
_startup = logging.getLogger("Host.Startup")
_routes = logging.getLogger("Microsoft.Azure.WebJobs.Script.WebHost.WebScriptHostHttpRoutesManager")


class StartLog:
    """The lines of one host, in the order in which its methods are called."""

    def __init__(self, index: FunctionIndex, settings: HostJson, log: StateLog) -> None:
        self._index, self._settings, self._log = index, settings, log
        self._has_hub = any(function.uses_sdk for function in index.functions)
        self._extension, self._rpc = new_guid(), ""
        self._began = time.monotonic()

    def extensions_loaded(self) -> None:
        """The extensions have read their settings."""
        _say(_hub, "Using the default storage provider: AzureStorage.")
        if not self._settings.has_tracing_choice:
            _hub.warning("%s", _TRACING, extra=event(0, only_in_full=True))
        _say(logging.getLogger("Host.Triggers.Warmup"), "Initializing Warmup Extension.")
        shown = json.dumps(durable_task_config(self._settings), separators=(",", ":"))
        _say(_hub, f"Durable extension configuration loaded: {shown}. {self._log.hub}.")

    def functions_found(self, routes: Mapping[str, str], problems: Mapping[str, str]) -> None:
        """The app is indexed; ``routes`` are those of its HTTP functions by name, ``problems`` what keeps some back."""
        functions = sorted(self._index.functions, key=lambda function: function.name.upper())
        _say(_startup, f"{len(functions)} functions loaded", 315)
        _say(_startup, f"Generating {len(functions) - len(problems)} job function(s)")
        found = [f"Host.Functions.{function.name}" for function in functions if function.name not in problems]
        if found:
            _say(_startup, "\n".join(["Found the following functions:", *found, ""]))
        else:
            _startup.warning("%s", _NO_FUNCTIONS, extra=event(0))
        mapped = [
            f"Mapped function route '{routes[function.name]}' "
            f"[{','.join(function.trigger.raw.get('methods') or ['all'])}] to '{function.name}'"
            for function in functions
            if function.kind == HTTP and function.name in routes
        ]
        _say(
            _routes,
            "\n".join(["Initializing function HTTP routes", *mapped, ""] if mapped else ["No HTTP routes mapped"]),
        )
        for function in functions:
            if function.is_disabled:
                _say(_startup, f"Function 'Functions.{function.name}' is disabled")
            if function.retry is not None and function.is_retried_by_its_trigger:
                _startup.warning(
                    "Soon retries will not be supported for function 'Functions.%s'. For more information, please "
                    "visit http://aka.ms/func-retry-policies.",
                    function.name,
                    extra=event(0, only_in_full=True),
                )

    def worker_starting(self) -> None:
        """The task hub is about to be opened."""
        self._worker("Starting task hub worker.")

    def worker_started(self, origin: str) -> None:
        """The task hub is served, and clients of the app reach it under an origin."""
        self._rpc = f"http RPC endpoint: {origin}/durabletask/."
        if self._has_hub:
            _say(_hub, f"Opened local {self._rpc} {self._log.of_nobody()}")
        self._worker("Task hub worker started.", self._latency())

    def host_started(self, problems: Mapping[str, str], told_shortly: Mapping[str, str]) -> None:
        """Everything runs but what is in error; of some there is a shorter text for the line that a person reads."""
        took = int((time.monotonic() - self._began) * 1000)
        _say(_startup, f"Host started ({took}ms)", 413)
        _say(_startup, "Job host started")
        for name in sorted(problems, key=str.upper):
            said = f"The '{name}' function is in error: "
            short = told_shortly.get(name, problems[name])
            _startup.error("%s", f"{said}{problems[name]}", extra=event(402, short=f"{said}{short}"))

    def worker_stopping(self) -> None:
        """The host is told to end."""
        self._began = time.monotonic()
        self._worker("Stopping task hub worker. IsGracefulStop: False.")

    def worker_stopped(self) -> None:
        """Nothing of the task hub is served any more."""
        self._worker("Task hub worker stopped. IsGracefulStop: False.", self._latency())
        if self._has_hub:
            _say(_hub, f"Closing local {self._rpc} {self._log.of_nobody()}")

    def _worker(self, said: str, latency: str = "") -> None:
        if self._has_hub:
            _say(_hub, f"{said}{latency} Extension GUID {self._extension}. {self._log.of_nobody()}")

    def _latency(self) -> str:
        seconds = time.monotonic() - self._began
        return f" Latency: 00:{int(seconds // 60):02d}:{seconds % 60:010.7f}."


def _say(log: logging.Logger, text: str, number: int = 0) -> None:
    log.info("%s", text, extra=event(number, only_in_full=True))
