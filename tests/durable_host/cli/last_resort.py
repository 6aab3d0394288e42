"""The end of a host whose code keeps the interpreter's lock, as a runaway regular expression does. POSIX only.

No handler runs then, but the interpreter writes a signal's number into a pipe without the lock: another process reads
it, and ends this one.
Invariant: only the host's own signals count, not those of processes that the app forks; and the host's own limits come
first.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

__all__ = ["LIMIT_SECONDS", "start_watcher"]

LIMIT_SECONDS: Final = 9.0
_PROGRAM: Final = Path(__file__).with_name("signal_watcher.py")
# A Popen that is forgotten while its process lives complains about it.
_watchers: list[subprocess.Popen[bytes]] = []
_pipes: list[int] = []
_thread = threading.local()


def start_watcher(limit_seconds: float = LIMIT_SECONDS) -> int | None:
    """Start the process; the pipe that it reads, for ``signal.set_wakeup_fd``. None on Windows."""
    pipe = None
    if sys.platform != "win32":
        reading, pipe = os.pipe()
        os.set_blocking(pipe, False)
        # In a session of its own: the terminal's Ctrl+C is not for it.
        _watchers.append(
            subprocess.Popen(
                [sys.executable, "-I", "-S", str(_PROGRAM), str(os.getpid()), str(limit_seconds)],
                cwd="/",
                stdin=reading,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        )
        os.close(reading)
        _pipes.append(pipe)
        os.register_at_fork(before=_hold_signals, after_in_parent=_let_signals_come, after_in_child=_leave_to_parent)
    return pipe


def _hold_signals() -> None:
    if sys.platform != "win32":
        _thread.mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})


def _let_signals_come() -> None:
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_SETMASK, _thread.mask)


def _leave_to_parent() -> None:
    """In a process that the app forks, before a signal can come: it would be taken for one of the host."""
    while _pipes:  # once; not again in a process that it forks itself
        signal.set_wakeup_fd(-1)
        os.close(_pipes.pop())
    _let_signals_come()
