"""The command line: ``python -m durable_host start`` and ``python -m durable_host replay``.

Parses arguments and hands over.
Invariant: an error that a user can mend is one message on standard error and exit code 1, never a traceback.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from durable_host.cli import start

__all__ = ["main"]

_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit code of the process."""
    parser = argparse.ArgumentParser(
        prog="python -m durable_host",
        description="Runs a Python function app with its durable orchestrations, for development and tests.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    start.add_arguments(commands.add_parser("start", help="serve an app until Ctrl+C"))
    replay_parser = commands.add_parser("replay", help="check the running instances of a task hub against today's code")
    parsed = _parse(parser, replay_parser, arguments)
    try:
        exit_code: int = asyncio.run(parsed.run(parsed))
    except KeyboardInterrupt:
        return _INTERRUPTED
    return exit_code


def _parse(
    parser: argparse.ArgumentParser, replay: argparse.ArgumentParser, arguments: list[str] | None
) -> argparse.Namespace:
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] == ["replay"]:
        # Imported only when asked for: a start must be fast.
        from durable_host.cli import replay as replay_command

        replay_command.add_arguments(replay)
        replay.set_defaults(run=replay_command.run)
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
