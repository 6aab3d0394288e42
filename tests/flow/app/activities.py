# mypy: disallow-untyped-decorators=False
"""The activities of the flow tests' app.

Invariant: only ``fail_at_first`` remembers anything, and that for the key that it is given.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any, Final

from azure import durable_functions as df

SLOW_SECONDS: Final = 0.4
"""How long ``slow`` takes: long enough that whatever else was asked for with it ends before it."""

blueprint = df.Blueprint()

_lock = threading.Lock()
_calls: Counter[str] = Counter()


@blueprint.activity_trigger(input_name="value")
def same(value: Any) -> Any:
    """Give back what came."""
    return value


@blueprint.activity_trigger(input_name="number")
def square(number: int) -> int:
    """Square a number."""
    return number * number


@blueprint.activity_trigger(input_name="value")
def slow(value: Any) -> Any:
    """Give back what came, after a while."""
    time.sleep(SLOW_SECONDS)
    return value


@blueprint.activity_trigger(input_name="reason")
def fail(reason: str) -> None:
    """Fail."""
    raise ValueError(reason)


@blueprint.activity_trigger(input_name="plan")
def fail_at_first(plan: dict) -> int:  # type: ignore[type-arg]  # the Python worker takes plain classes only
    """Fail as often as the plan says, counted for its key; then say the number of the call."""
    with _lock:
        _calls[plan["key"]] += 1
        number = _calls[plan["key"]]
    if number <= plan["failures"]:
        raise RuntimeError(f"call {number} fails")
    return number


@blueprint.activity_trigger(input_name="nothing")
def give_a_set(nothing: None) -> Any:
    """Return what is not JSON."""
    return {1, 2}
