"""The command line: ``durable-host start``, ``replay``, ``history`` and ``dashboard``, or ``python -m durable_host``.

Invariant: an error that a user can mend is one message on standard error and exit code 1, never a traceback.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from pathlib import Path

from durable_host.config.installed import missing_extra, sdk_problem

__all__ = ["main"]

_INTERRUPTED = 130
_COMMAND = "durable-host"


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit code of the process."""
    if problem := missing_extra("host", _COMMAND) or sdk_problem():
        print(problem, file=sys.stderr)
        return 1
    _import_sdk()
    parsed = _parse(sys.argv[1:] if arguments is None else arguments)
    try:
        exit_code: int = asyncio.run(parsed.run(parsed))
    except KeyboardInterrupt:
        return _INTERRUPTED
    return exit_code


def _import_sdk() -> None:
    """The SDK reads the host.json of the working directory while it is imported, with a reader that takes no comments:
    that is the app's affair (see ``app.loading``), and must not keep the host from its own work. It is imported from a
    folder that has no such file, and no module that a path of "" would find first."""
    with contextlib.chdir(sys.prefix):
        import azure.durable_functions  # noqa: F401


def _parse(words: list[str]) -> argparse.Namespace:
    # Imported here: without the extra they cannot be.
    from durable_host.cli import start

    parser = argparse.ArgumentParser(
        prog=_COMMAND if Path(sys.argv[0]).stem == _COMMAND else "python -m durable_host",
        description="Runs a Python function app with its durable orchestrations, for development and tests.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    start.add_arguments(commands.add_parser("start", help="serve an app until Ctrl+C"))
    replay_parser = commands.add_parser("replay", help="check the running instances of a task hub against today's code")
    history_parser = commands.add_parser("history", help="write the exact history of one instance as JSON")
    dashboard_parser = commands.add_parser("dashboard", help="look at a task hub elsewhere, in the browser")
    # The others are imported only when asked for: a start must be fast.
    if words[:1] == ["dashboard"]:
        from durable_host.cli import dashboard

        dashboard.add_arguments(dashboard_parser)
        dashboard_parser.set_defaults(run=dashboard.run)
    if words[:1] == ["replay"]:
        from durable_host.cli import replay

        replay.add_arguments(replay_parser)
        replay_parser.set_defaults(run=replay.run)
    if words[:1] == ["history"]:
        from durable_host.cli import history

        history.add_arguments(history_parser)
        history_parser.set_defaults(run=history.run)
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
