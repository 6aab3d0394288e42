"""Entity functions of the app, with what their operations raise kept: the SDK keeps the message alone.

Invariant: what an operation raises goes on to the SDK as if nobody had looked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

import azure.durable_functions as df

from durable_engine import UserException

__all__ = ["operation_failures", "with_failures_kept"]

_failures: ContextVar[list[UserException] | None] = ContextVar("operation_failures", default=None)


@contextmanager
def operation_failures() -> Iterator[list[UserException]]:
    """Collect what the operations that run inside the block raise."""
    collected: list[UserException] = []
    token = _failures.set(collected)
    try:
        yield collected
    finally:
        _failures.reset(token)


def with_failures_kept(handle: Callable[..., Any]) -> Callable[..., Any]:
    """The SDK's handle of an entity function, made anew around a function that keeps what it raises."""
    function = getattr(handle, "entity_function", None)
    if function is None:
        return handle

    @wraps(function)
    def operation(context: Any) -> Any:
        try:
            return function(context)
        except Exception as error:
            collected = _failures.get()
            if collected is not None:
                collected.append(UserException.of(error))
            raise

    made: Callable[..., Any] = df.Entity.create(operation)
    return made
