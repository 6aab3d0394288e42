"""Tasks that tell whether user code looks at them: those of a ``task_all`` that has failed.

Which of them had ended when it failed is a matter of order; it makes a difference only to code that looks.
Invariant: a watched task does what it did before; only reads from within user code are noted.
"""

from __future__ import annotations

from typing import Any, Protocol

from durable_harness.worker.sdk_types import AtomicTask, CompoundTask, TaskBase, WhenAllTask, first_error

__all__ = ["is_watched", "watch_failed"]


class _Watcher(Protocol):
    is_in_user_code: bool
    looks_back: bool


def _watched(name: str) -> property:
    def read(task: Any) -> Any:
        watcher: _Watcher = task.__dict__["watcher"]
        if watcher.is_in_user_code:
            watcher.looks_back = True
        return task.__dict__[name]

    def write(task: Any, value: Any) -> None:
        task.__dict__[name] = value

    return property(read, write)


class _WatchedTask(AtomicTask):  # type: ignore[misc]  # the SDK has no types
    state = _watched("state")
    result = _watched("result")


class _WatchedAll(WhenAllTask):  # type: ignore[misc]  # the SDK has no types
    state = _watched("state")
    result = _watched("result")
    pending_tasks = _watched("pending_tasks")
    completed_tasks = _watched("completed_tasks")


def watch_failed(compounds: list[CompoundTask], watcher: _Watcher) -> None:
    """Watch every ``task_all`` among these that has failed, and its tasks."""
    for compound in compounds:
        if type(compound) is WhenAllTask and first_error(compound) is not None:
            for task in (compound, *compound.children):
                watched = {WhenAllTask: _WatchedAll, AtomicTask: _WatchedTask}.get(type(task))
                if watched is not None:
                    task.watcher, task.__class__ = watcher, watched


def is_watched(task: TaskBase) -> bool:
    """Whether this task is watched."""
    return isinstance(task, (_WatchedTask, _WatchedAll))
