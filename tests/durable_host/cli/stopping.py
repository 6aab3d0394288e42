"""Being told to stop: Ctrl+C, SIGTERM, or Ctrl+Break on Windows.

Invariant: the first signal ends the process within ten seconds, whatever the app's code and storage do; the second one
ends it at once. (On Windows not while the code keeps the interpreter's lock.)
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import threading
from collections.abc import Coroutine
from typing import Any, Final

from durable_host.app.exits import end_process

__all__ = ["StopRequest", "say"]

LIMIT_SECONDS: Final = 8.5
_NAMES: Final = ("SIGINT", "SIGTERM", "SIGBREAK")
_AT_ONCE: Final = 130


def say(text: str) -> None:
    """A line of the command's own: what the app prints is part of the log, this is not. That an app has closed standard
    output is no reason to fail."""
    with contextlib.suppress(OSError, ValueError):
        print(text, file=sys.__stdout__, flush=True)


class StopRequest:
    """What was asked of the process so far.

    While ``interrupts`` is true, the first signal breaks into what runs as KeyboardInterrupt: importing an app or
    starting the storage emulator takes seconds, and what they have begun is undone on the way out.

    Args:
        loop: Where ``requested`` is waited for.
        watcher: Where the numbers of signals go besides, for a process that ends this one where Python cannot.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, watcher: int | None = None) -> None:
        self.requested = asyncio.Event()
        self.interrupts = True
        self.is_requested = False
        self._loop, self._watcher = loop, watcher
        self.listen()

    def listen(self) -> bool:
        """Take the signals; whether somebody else, such as the app, had taken or blocked one of them meanwhile."""
        was_taken = False
        if self._watcher is not None:
            signal.set_wakeup_fd(self._watcher, warn_on_full_buffer=False)
        for name in _NAMES:
            if hasattr(signal, name):
                before = signal.signal(getattr(signal, name), self._on_signal)
                was_taken |= before != self._on_signal
        if sys.platform != "win32":
            numbers = {signal.SIGINT, signal.SIGTERM}
            was_taken |= not numbers.isdisjoint(signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers))
        return was_taken

    async def unless_requested(self, work: Coroutine[Any, Any, object]) -> None:
        """Do some work to its end, or cancel it when the stop is requested; then this raises KeyboardInterrupt."""
        task, stopped = asyncio.ensure_future(work), asyncio.ensure_future(self.requested.wait())
        try:
            await asyncio.wait((task, stopped), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                task.cancel()
                await asyncio.wait([task])
                raise KeyboardInterrupt
            await task
        finally:
            stopped.cancel()

    def _on_signal(self, signal_number: int, frame: object) -> None:
        if self.is_requested:
            say("Stopped at once. What was in hand is taken again when its messages become visible.")
            end_process(_AT_ONCE)
        self.is_requested = True
        # Not a task of the loop: code that keeps the interpreter or the storage busy must not delay it. It ends the
        # process past everything that Python does at its end, because that waits for threads and for open requests.
        watch = threading.Timer(LIMIT_SECONDS, _end)
        watch.daemon = True
        watch.start()
        if self.interrupts:
            self.interrupts = False
            raise KeyboardInterrupt
        with contextlib.suppress(RuntimeError):  # the loop is closed: the process is about to end
            self._loop.call_soon_threadsafe(self.requested.set)


def _end() -> None:
    say("Stopped with work in hand: it is taken again when its messages become visible.")
    end_process(0)
