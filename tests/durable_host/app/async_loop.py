"""The event loop of the app's async functions, in a thread of its own.

Invariant: whatever the app does to the loop, it runs again for the next call, and it never keeps the host from ending.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from durable_engine import close_http_session
from durable_host.app.exits import contain_exits

__all__ = ["AsyncLoop"]

_log = logging.getLogger("Host.Function")

Result = TypeVar("Result")


class AsyncLoop:
    """The loop. ``start`` before the first call, ``stop`` after the last."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._serve, name="worker-loop", daemon=True)
        self._is_stopping = False
        self.is_blocked = False
        """Whether a function kept the loop busy when it was to stop."""

    def start(self) -> None:
        """Start the loop's thread."""
        self._loop = asyncio.new_event_loop()
        self._thread.start()

    def submit(self, work: Coroutine[Any, Any, Result]) -> asyncio.Future[Result]:
        """Run a coroutine in the loop; the future is of the caller's own loop."""
        if self._loop is None or self._loop.is_closed():
            work.close()
            raise RuntimeError("The worker is not running: start it before the first call, and stop it after the last.")
        return asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def stop(self, grace: float) -> None:
        """Give what runs ``grace`` seconds to end, cancel it, and end the loop. One that is blocked is left behind."""
        if self._loop is None:
            return
        finishing = self.submit(_finish(grace))
        self._is_stopping = True
        # As long again for what is cancelled: a function may clean up after itself.
        done, _ = await asyncio.wait([finishing], timeout=2 * grace + 1.0)
        if not done:
            self.is_blocked = True
            _log.warning("An async function blocks the event loop of all async functions; it is left behind.")
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join, 1.0)
        if not self._thread.is_alive():
            self._loop.close()

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
