"""The event loop of the app's async functions, in a thread of its own.

Invariant: whatever the app does to the loop, it runs again for the next call, and it never keeps the host from ending;
a function that blocks it is named.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Coroutine, Iterator
from typing import Any, Final, TypeVar

from durable_engine import close_http_session
from durable_host.app.exits import contain_exits
from durable_host.app.running_calls import RunningCall, names_of

__all__ = ["AsyncLoop"]

_SILENT_SECONDS: Final = 5.0
"""After so long a loop that does not answer is logged, with who keeps it."""
_PARTS: Final = 5
"""In so many parts that is waited for: of a stop of the process no more than one of them counts."""
_log = logging.getLogger("Host.Function")

Result = TypeVar("Result")


class AsyncLoop:
    """The loop. ``start`` before the first call, ``stop`` after the last."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._serve, name="worker-loop", daemon=True)
        self._watching: asyncio.Task[None] | None = None
        self._running: dict[asyncio.Task[Any] | None, RunningCall] = {}
        self._is_stopping = False
        self.is_blocked = False
        """Whether a function kept the loop busy when it was to stop."""

    def start(self) -> None:
        """Start the loop's thread, and watch it from the caller's loop."""
        self._loop = asyncio.new_event_loop()
        self._thread.start()
        self._watching = asyncio.create_task(self._watch())

    def submit(self, work: Coroutine[Any, Any, Result]) -> asyncio.Future[Result]:
        """Run a coroutine in the loop; the future is of the caller's own loop."""
        if self._loop is None or self._loop.is_closed():
            work.close()
            raise RuntimeError("The worker is not running: start it before the first call, and stop it after the last.")
        return asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    @contextlib.contextmanager
    def running(self, what: str) -> Iterator[None]:
        """In the loop: the task at hand is that of ``what`` inside the block, which the log then names."""
        task = asyncio.current_task()
        self._running[task] = RunningCall(what)
        try:
            yield
        finally:
            del self._running[task]

    async def stop(self, grace: float) -> None:
        """Give what runs ``grace`` seconds to end, cancel it, and end the loop. One that is blocked is left behind."""
        if self._loop is None:
            return
        finishing = self.submit(_finish(grace))
        self._is_stopping = True
        if self._watching is not None:
            self._watching.cancel()
        # As long again for what is cancelled: a function may clean up after itself.
        done, _ = await asyncio.wait([finishing], timeout=2 * grace + 1.0)
        if not done:
            self.is_blocked = True
            _log.warning("The event loop of all async functions is blocked by %s; it is left behind.", self._holders)
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join, 1.0)
        if not self._thread.is_alive():
            self._loop.close()

    @property
    def _holders(self) -> str:
        """Who keeps the loop: the function whose code runs, all that have begun where that is a task of their own."""
        running = dict(self._running)
        current = None if self._loop is None else running.get(asyncio.current_task(self._loop))
        return names_of(running.values() if current is None else [current]) or "what a function has left in it"

    async def _watch(self) -> None:
        while True:
            answer = self.submit(asyncio.sleep(0))
            for _ in range(_PARTS):
                await asyncio.sleep(_SILENT_SECONDS / _PARTS)
            if not answer.done():
                _log.warning(
                    "The event loop of all async functions has not answered for %g s, and they all wait: it is blocked "
                    "by %s. Await what takes so long, or make it a sync function, which gets a thread.",
                    _SILENT_SECONDS,
                    self._holders,
                )
                await asyncio.wait([answer])

    def _serve(self) -> None:
        loop = self._loop
        if loop is None:
            return
        asyncio.set_event_loop(loop)
        contain_exits()
        while True:
            try:
                loop.run_forever()
            except BaseException as error:
                # A task of the app's own that raises SystemExit ends the loop, and would end all async functions.
                _log.error("The app's code ended the event loop with %s; it is started again.", type(error).__name__)
            else:
                if self._is_stopping:
                    return
                _log.error("The app's code stopped the event loop of its async functions; it is started again.")


async def _finish(grace: float) -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=grace)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=grace)
    await close_http_session()
