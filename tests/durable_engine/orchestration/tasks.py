"""The host's own tasks: what .NET's ``Task``, ``WhenAll`` and ``WhenAny`` are to the replay of an answer.

Completion, waiting and small coroutines, run step by step without any event loop.
Invariant: a task completes once, and whoever waits for it goes on before ``complete`` or ``fail`` returns.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import partial

__all__ = ["HostTask", "TaskFailedError", "Walk", "run", "when_all", "when_any"]


class TaskFailedError(Exception):
    """Thrown into a coroutine whose awaited task failed; the host half needs to know no more than that."""


class HostTask:
    """Something the host waits for: pending, then completed or failed for good."""

    __slots__ = ("_waiting", "done", "failed")

    def __init__(self) -> None:
        self.done = False
        self.failed = False
        self._waiting: list[Callable[[], None]] = []

    def complete(self) -> None:
        """Complete the task; a second call changes nothing."""
        self._settle(failed=False)

    def fail(self) -> None:
        """Fail the task; a second call changes nothing."""
        self._settle(failed=True)

    def on_done(self, callback: Callable[[], None]) -> None:
        """Call back when the task has settled, at once if it has already."""
        if self.done:
            callback()
        else:
            self._waiting.append(callback)

    def _settle(self, *, failed: bool) -> None:
        if self.done:
            return
        self.done, self.failed = True, failed
        waiting, self._waiting = self._waiting, []
        for callback in waiting:
            callback()


Walk = Generator[HostTask, None, None]
"""A coroutine: yields the task that it waits for."""


def run(walk: Walk) -> HostTask:
    """Start a coroutine; the task that is returned settles with it."""
    own = HostTask()

    def go_on(awaited: HostTask | None = None) -> None:
        # A loop, not recursion, for tasks that are done already: thousands of them may follow one another.
        while True:
            try:
                has_failed = awaited is not None and awaited.failed
                awaited = walk.throw(TaskFailedError()) if has_failed else next(walk)
            except StopIteration:
                own.complete()
                return
            except TaskFailedError:
                own.fail()
                return
            if not awaited.done:
                awaited.on_done(partial(go_on, awaited))
                return

    go_on()
    return own


def when_all(tasks: Sequence[HostTask]) -> HostTask:
    """Settles when every task has, unlike the SDK's ``task_all``, which fails at the first failure."""
    both = HostTask()
    left = len(tasks)
    if not left:
        both.complete()

    def one_done() -> None:
        nonlocal left
        left -= 1
        if not left:
            both._settle(failed=any(task.failed for task in tasks))

    for task in tasks:
        task.on_done(one_done)
    return both


def when_any(tasks: Sequence[HostTask]) -> HostTask:
    """Completes when the first task settles; with no tasks it never does."""
    first = HostTask()
    for task in tasks:
        task.on_done(first.complete)
    return first
