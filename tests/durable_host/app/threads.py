"""Threads for the app's sync code: so many at a time, and none of them can keep the host from ending.

Invariant: a call has a place from when it begins until it ends, or until its caller does not wait for it any longer:
a thread cannot be ended, but what it was given up for does not block others.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import queue
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from durable_host.app.exits import contain_exits
from durable_host.app.running_calls import RunningCall, names_of

__all__ = ["Threads"]

_LONG_WAIT_SECONDS: Final = 10.0
_PARTS: Final = 5
"""In so many parts a time limit is waited for: of a stop of the process no more than one of them counts."""
_log = logging.getLogger("Host.Function")

Result = TypeVar("Result")


@dataclass(slots=True, eq=False)
class _Call(RunningCall):
    """One call in its thread."""

    has_place: bool = True


class Threads:
    """A pool whose threads are kept for the next call, so that what an app keeps for each thread is used again.

    Args:
        name: What the threads are called, and the log says.
        limit: How many calls at a time.
        lent_seconds: After so long a call's place goes to others, though it is still waited for; None: never.
        long_wait_seconds: After so long a call that waits for a place is logged, with who holds them.
    """

    def __init__(
        self,
        name: str,
        limit: int,
        *,
        lent_seconds: float | None = None,
        long_wait_seconds: float = _LONG_WAIT_SECONDS,
    ) -> None:
        self._name, self._lent_seconds, self._long_wait_seconds = name, lent_seconds, long_wait_seconds
        self._places = asyncio.Semaphore(limit)
        self._calls: set[_Call] = set()
        self._idle: deque[queue.SimpleQueue[Callable[[], None]]] = deque()
        self._numbers = itertools.count(1)
        self._has_warned = False

    @property
    def still_running(self) -> int:
        """How many calls are in their threads, those that nobody waits for included."""
        return len(self._calls)

    @property
    def holders(self) -> str:
        """Who is in the threads, the longest first, as a text."""
        return names_of(self._calls)

    async def run(self, what: str, call: Callable[[], Result], *, seconds: float | None = None) -> Result:
        """Run a call in a thread.

        Args:
            what: Names it in the log.
            call: What to run; what it raises is raised here.
            seconds: How long to wait for its end, once it has begun; None: for ever. A while in which the process was
                stopped, by a signal or a closed lid, hardly counts.

        Raises:
            TimeoutError: It has not ended in time; it goes on in its thread.
        """
        await self._take_place(what)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        held = _Call(what)
        self._calls.add(held)

        def end(result: Any, error: BaseException | None) -> None:
            self._calls.discard(held)
            self._give_place(held)
            if not future.done():
                if error is None:
                    future.set_result(result)
                else:
                    future.set_exception(error)

        self._start(call, loop, end)
        lent = None
        if self._lent_seconds is not None:
            lent = loop.call_later(self._lent_seconds, self._give_place, held)
        try:
            for _ in range(_PARTS):
                done, _ = await asyncio.wait([future], timeout=None if seconds is None else seconds / _PARTS)
                if done:
                    return await future
            raise TimeoutError
        finally:
            future.cancel()
            if lent is not None:
                lent.cancel()
            self._give_place(held)

    async def _take_place(self, what: str) -> None:
        if not self._places.locked():
            self._has_warned = False
        try:
            async with asyncio.timeout(self._long_wait_seconds):
                await self._places.acquire()
            return
        except TimeoutError:
            if not self._has_warned:
                self._has_warned = True
                _log.warning(
                    "%s waits for a thread: all that there are for %s are held by %s. Give what these wait for a "
                    "timeout of its own, or make them async.",
                    what,
                    self._name,
                    self.holders,
                )
        await self._places.acquire()

    def _give_place(self, held: _Call) -> None:
        if held.has_place:
            held.has_place = False
            self._places.release()

    def _start(
        self, call: Callable[[], Any], loop: asyncio.AbstractEventLoop, end: Callable[[Any, BaseException | None], None]
    ) -> None:
        work = self._idle.pop() if self._idle else self._new_thread()

        def run() -> None:
            result, error = None, None
            try:
                result = call()
            except BaseException as raised:  # whatever it is, it ends the call and nothing else
                error = raised
            self._idle.append(work)
            try:
                loop.call_soon_threadsafe(end, result, error)
            except RuntimeError:
                _log.debug("A call for %s has ended after the host.", self._name)

        work.put(run)

    def _new_thread(self) -> queue.SimpleQueue[Callable[[], None]]:
        work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

        def serve() -> None:
            contain_exits()
            while True:
                work.get()()

        # Daemons: Python waits at its end for all other threads, and some of these may never end.
        threading.Thread(target=serve, name=f"{self._name} thread {next(self._numbers)}", daemon=True).start()
        return work
