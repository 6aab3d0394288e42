"""Calls an answer as the worker calls an activity, and tells a failure of the app from a mistake of the test.

An exception that is raised by a ``raise`` statement, in the answer or in what it calls, is the activity's failure. What
Python raises by itself for a wrong name, key, attribute or argument is a mistake of the answer, and fails the test.
"""

from __future__ import annotations

import asyncio
import dis
import inspect
import traceback
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, Final

from azure.functions.durable_functions import ActivityTriggerConverter

from durable_harness.core.errors import BadAnswerError

__all__ = ["awaited", "called", "encoded"]

_MISTAKES: Final = (NameError, TypeError, LookupError, AttributeError, ImportError)


def called(name: str, function: Callable[[Any], Any], value: object) -> Any:
    """What an answer gives for an input.

    Raises:
        BadAnswerError: The answer fails by itself.
        AssertionError: An ``assert`` of the answer does not hold.
        Exception: What the answer raises on purpose: the failure of the activity.
    """
    try:
        return awaited(function(value))
    except Exception as error:
        if _is_mistake(error):
            where = traceback.extract_tb(error.__traceback__)[-1]
            raise BadAnswerError(
                f"The answer of {name!r} fails by itself, given {value!r:.200}: {type(error).__name__}: {error}, at "
                f"{where.filename}:{where.lineno}. If the activity is to fail so, let the answer `raise` it."
            ) from error
        raise


def awaited(result: Any) -> Any:
    """The result of an async function; any other value as it is."""
    if not inspect.iscoroutine(result):
        return result
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(result)
    # An async test: its loop is running, so another one has to run in a thread.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(copy_context().run, _run, result).result()


def encoded(value: object) -> str:
    """The JSON text of a result, as the worker makes it."""
    return str(ActivityTriggerConverter.encode(value, expected_type=None).value)


def _run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(coroutine)


def _is_mistake(error: Exception) -> bool:
    deepest = error.__traceback__
    if deepest is None:
        return False
    while deepest.tb_next is not None:
        deepest = deepest.tb_next
    code = deepest.tb_frame.f_code
    if dis.opname[code.co_code[deepest.tb_lasti]] == "RAISE_VARARGS":
        return False
    return isinstance(error, _MISTAKES) or (isinstance(error, ValueError) and "to unpack" in str(error))
