"""``python -m durable_host replay``: would the app's code break an instance that is live in a task hub?

Reads a hub, checks each live instance's history against the code, and says so in one line each: a gate in front of a
deployment.
Invariant: exit code 0 says that every live instance was checked and goes on; 1 that one does not, or cannot be judged;
2 that nothing could be checked. The hub is only read.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import azure.functions as func

from durable_engine import (
    ORCHESTRATION_STATUS,
    App,
    EngineError,
    HistoryReport,
    KnownFunctions,
    OrchestratorCode,
    check_history,
)
from durable_host.app.index import ACTIVITY, ENTITY, ORCHESTRATION, FunctionIndex
from durable_host.app.loading import AppError
from durable_host.config.host_json import HostJsonError, read_host_json
from durable_host.config.script_root import HELP, find_script_root
from durable_host.config.settings import SettingsError, read_settings, storage_connection
from durable_host.task_hub.base.errors import TaskHubError
from durable_host.task_hub.hub.recorded_instances import (
    HubUnreachableError,
    RecordedInstances,
    open_by_account_name,
    open_by_connection_string,
)
from durable_host.task_hub.tables.instance_rows import InstanceRow

__all__ = ["add_arguments", "add_hub_arguments", "open_hub", "run"]

_LIVE: Final = ("Running", "Pending", "Suspended", "ContinuedAsNew")
_AT_ONCE: Final = 16
"""So many histories are read at the same time."""


class Verdict(StrEnum):
    """What the code does to an instance."""

    SAME = "ok"
    DIFFERS = "differs"
    BREAKS = "BREAKS"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """One instance, its verdict, the words that go into its line, and the whole report where there is more to say."""

    row: InstanceRow
    verdict: Verdict
    words: str
    report: HistoryReport | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``replay``."""
    parser.description = (
        "Replays every live instance of a task hub on the app's code, and exits with 1 if the code would break one."
    )
    add_hub_arguments(parser)
    parser.add_argument(
        "--status",
        action="append",
        choices=list(ORCHESTRATION_STATUS),
        metavar="STATUS",
        help=f"check instances of this status only; may be given more than once (default: {', '.join(_LIVE)})",
    )
    parser.add_argument(
        "--every-episode",
        action="store_true",
        help="run each episode of each history, not only the whole: slower, and finds what is decided at another time",
    )


def add_hub_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that say which hub is read."""
    parser.add_argument("--task-hub", metavar="NAME", help="the hub's name (default: that of host.json)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--connection-string",
        metavar="TEXT",
        help="the storage account, also UseDevelopmentStorage=true (default: that of the app's settings)",
    )
    where.add_argument("--account", metavar="NAME", help="the storage account in Azure, read as whoever is signed in")
    parser.add_argument("--script-root", type=Path, metavar="DIR", help=HELP)


async def run(args: argparse.Namespace) -> int:
    """Check the hub; returns the exit code."""
    try:
        async with open_hub(args) as hub:
            return await _check(hub, args)
    except (HubUnreachableError, TaskHubError, SettingsError, HostJsonError, AppError) as error:
        print(error, file=sys.stderr, flush=True)
        return 2


@contextlib.asynccontextmanager
async def open_hub(args: argparse.Namespace) -> AsyncIterator[RecordedInstances]:
    """The hub that the options name, only to be read."""
    root = find_script_root(args.script_root)
    # The app reads its settings when it is imported, as under a host.
    read_settings(root, os.environ).apply(os.environ)
    host_json = read_host_json(root)
    hub_name = args.task_hub or host_json.hub_name
    if args.account is not None:
        opening = open_by_account_name(hub_name, args.account)
    else:
        text = args.connection_string or storage_connection(os.environ, host_json.connection_name).connection_string
        opening = open_by_connection_string(hub_name, text)
    async with opening as hub:
        yield hub


async def _check(hub: RecordedInstances, args: argparse.Namespace) -> int:
    statuses = args.status or _LIVE
    rows = [row async for row in hub.with_status(*statuses)]
    if not rows:
        print(f"No instance of task hub '{hub.hub_name}' is {' or '.join(statuses)}: nothing to check.")
        return 0
    app = _app(FunctionIndex.load(find_script_root(args.script_root)))
    judged: list[_Judged] = []
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        for one in await asyncio.gather(*(_judge(hub, row, app, every_episode=args.every_episode) for row in some)):
            judged.append(one)
            print(f"{one.verdict:<8}{one.row.instance_id}  {one.row.name}  {one.words}", flush=True)
    _print_reports(judged)
    print(_summary(hub, judged))
    return 1 if any(one.verdict in (Verdict.BREAKS, Verdict.UNKNOWN) for one in judged) else 0


async def _judge(hub: RecordedInstances, row: InstanceRow, app: App, *, every_episode: bool) -> _Judged:
    try:
        history = await hub.history(row.instance_id)
        if not history:
            return _not_begun(row, app)
        with warnings.catch_warnings():
            # The SDK warns of early events; they are in the history, and nobody's fault.
            warnings.simplefilter("ignore")
            report = check_history(app, history, every_episode=every_episode)
    except (EngineError, TaskHubError) as error:
        return _Judged(row=row, verdict=Verdict.UNKNOWN, words=str(error))
    if report.is_same:
        words = f"{row.runtime_status}, {report.episodes} episode{'' if report.episodes == 1 else 's'}"
        return _Judged(row=row, verdict=Verdict.SAME, words=words)
    verdict = Verdict.DIFFERS if report.is_accepted else Verdict.BREAKS
    return _Judged(row=row, verdict=verdict, words=str(report.worst), report=report)


def _not_begun(row: InstanceRow, app: App) -> _Judged:
    if app.functions.has_orchestrator(row.name):
        return _Judged(row=row, verdict=Verdict.SAME, words=f"{row.runtime_status}, has not begun")
    return _Judged(row=row, verdict=Verdict.BREAKS, words=app.functions.missing_orchestrator(row.name))


def _print_reports(judged: list[_Judged]) -> None:
    for one in judged:
        if one.report is not None and one.verdict is Verdict.BREAKS:
            print(f"\n{one.report}")


def _summary(hub: RecordedInstances, judged: list[_Judged]) -> str:
    counts = Counter(one.verdict for one in judged)
    told = ", ".join(
        f"{counts[verdict]} {words}"
        for verdict, words in (
            (Verdict.SAME, "go on as they are"),
            (Verdict.DIFFERS, "go on with old values"),
            (Verdict.BREAKS, "break"),
            (Verdict.UNKNOWN, "cannot be judged"),
        )
        if counts[verdict]
    )
    return f"\n{len(judged)} live instance{'' if len(judged) == 1 else 's'} of task hub '{hub.hub_name}': {told}."


def _app(index: FunctionIndex) -> App:
    def names(kind: str) -> tuple[str, ...]:
        return tuple(function.durable_name for function in index.of_kind(kind))

    def orchestrator(name: str) -> OrchestratorCode:
        function = index.orchestrator(name)
        if function is None:
            raise LookupError(index.unknown(ORCHESTRATION, name))
        parameter: str = function.trigger.name
        code: Callable[..., Any] = function.function
        return lambda payload: str(code(**{parameter: func.OrchestrationContext(payload)}))

    functions = KnownFunctions(orchestrators=names(ORCHESTRATION), activities=names(ACTIVITY), entities=names(ENTITY))
    return App(functions=functions, orchestrator=orchestrator)
