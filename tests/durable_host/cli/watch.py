"""``durable-host start --watch``: a host in a process of its own, started again whenever a file of the app changes.

Invariant: a host is stopped in order before the next one starts, so that instances go on where they were.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

__all__ = ["watch"]

_PATIENCE: Final = ("LOCAL_HOST_PATIENCE_SECONDS", "3")
"""How long a host waits for running activities: the next one takes them up, and watchfiles waits five seconds."""

_OF_THE_APP: Final = (".json", ".txt")


async def watch(script_root: Path, words: Sequence[str]) -> int:
    """Serve until Ctrl+C; ``words`` are those of the command line behind ``start``."""
    import watchfiles

    os.environ.setdefault(*_PATIENCE)
    command = [sys.executable, "-m", "durable_host", "start", *(word for word in words if word != "--watch")]
    text = subprocess.list2cmdline(command) if sys.platform == "win32" else shlex.join(command)
    await watchfiles.arun_process(
        script_root,
        target=text,
        target_type="command",
        callback=_say,
        watch_filter=watchfiles.PythonFilter(extra_extensions=_OF_THE_APP),
    )
    return 0


def _say(changes: set[tuple[Any, str]]) -> None:
    names = sorted({Path(path).name for _, path in changes})
    print(f"Changed: {', '.join(names)}. Starting again.", flush=True)
