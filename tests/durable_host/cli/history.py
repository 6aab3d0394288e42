"""``durable-host history INSTANCE``: the exact history of one instance, for ``replay_history`` in a test.

Writes to standard output the events of the current execution as JSON, one a line within a list, with their ids and
episodes, which the management API leaves out. The hub is only read.
"""

from __future__ import annotations

import argparse
import json
import sys

from durable_engine import event_to_json
from durable_host.app.loading import AppError
from durable_host.cli.replay import add_hub_arguments, open_hub
from durable_host.config.host_json import HostJsonError
from durable_host.config.settings import SettingsError
from durable_host.task_hub.base.errors import TaskHubError
from durable_host.task_hub.hub.recorded_instances import HubUnreachableError

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``history``."""
    parser.description = (
        "Writes the exact history of one instance as JSON: `durable-host history ID > order.json`, and in a test "
        "harness.replay_history(Path('order.json'))."
    )
    parser.add_argument("instance", metavar="INSTANCE", help="the instance's id")
    add_hub_arguments(parser)


async def run(args: argparse.Namespace) -> int:
    """Write the history; returns the exit code."""
    try:
        async with open_hub(args) as hub:
            events = await hub.history(args.instance)
    except (HubUnreachableError, TaskHubError, SettingsError, HostJsonError, AppError) as error:
        print(error, file=sys.stderr, flush=True)
        return 2
    if not events:
        print(f"Task hub '{hub.hub_name}' has no history of '{args.instance}': is the id right?", file=sys.stderr)
        return 1
    lines = ",\n".join(json.dumps(event_to_json(event)) for event in events)
    sys.stdout.write(f"[\n{lines}\n]\n")
    return 0
