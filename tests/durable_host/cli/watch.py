"""``durable-host start --watch``: a host in a process of its own, started again whenever a file of the app changes.

Invariant: a host is stopped in order before the next one starts, so that instances go on where they were, and none is
left when the watching ends.
"""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import Process
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from durable_host.cli.stopping import StopRequest, say

__all__ = ["watch"]

_PATIENCE: Final = ("LOCAL_HOST_PATIENCE_SECONDS", "3")
"""How long a host waits for running activities, which the next one takes up."""

_OF_THE_APP: Final = (".json", ".txt")


async def watch(script_root: Path, words: Sequence[str]) -> int:
    """Serve until Ctrl+C; ``words`` are those of the command line behind ``start``."""
    import watchfiles

    stop = StopRequest(asyncio.get_running_loop())
    stop.interrupts = False
    command = [sys.executable, "-m", "durable_host", "start", *(word for word in words if word != "--watch")]
    environment = dict([_PATIENCE]) | os.environ
    files = watchfiles.PythonFilter(extra_extensions=_OF_THE_APP)
    host = await asyncio.create_subprocess_exec(*command, env=environment)
    try:
        async for changes in watchfiles.awatch(script_root, watch_filter=files, stop_event=stop.requested):
            say(f"Changed: {_names(changes)}. Starting again.")
            await _end(host)
            host = await asyncio.create_subprocess_exec(*command, env=environment)
    finally:
        await _end(host)
    return 0


async def _end(host: Process) -> None:
    """Stop a host, unless it has ended: it does so within ten seconds."""
    if host.returncode is None:
        host.terminate()
        await host.wait()


def _names(changes: set[tuple[Any, str]]) -> str:
    return ", ".join(sorted({Path(path).name for _, path in changes}))
