"""A program, and a small one: it ends a host that was told to stop and does not end.

``signal_watcher.py PID SECONDS``; its standard input is the pipe into which the host's signals are written.
Invariant: it ends with the host, whatever becomes of that one, and it imports nothing that would slow its start.
"""

from __future__ import annotations

import math
import os
import select
import signal
import sys
import time

SECOND_SIGNAL_SECONDS = 1.0
"""What the host has for ending itself in order, with its own words, after a second signal."""


def watch(host: int, limit_seconds: float) -> None:
    """Wait for the signals of this process, our parent."""
    deadline = math.inf
    while True:
        left = None if deadline == math.inf else max(0.0, deadline - time.monotonic())
        if not select.select([0], [], [], left)[0]:
            break
        number = os.read(0, 1)
        if not number:
            return  # the host is gone
        if number[0] in (signal.SIGINT, signal.SIGTERM):  # the app may use others
            patience = limit_seconds if deadline == math.inf else SECOND_SIGNAL_SECONDS
            deadline = min(deadline, time.monotonic() + patience)
    if sys.platform != "win32" and os.getppid() == host:  # its id is nobody else's as long as it is our parent
        os.kill(host, signal.SIGKILL)


if __name__ == "__main__":
    watch(int(sys.argv[1]), float(sys.argv[2]))
