"""Closing generators that have not come to their end, as Azure does after every episode, without the noise.

A generator that yields while it is closed makes Python print 'generator ignored GeneratorExit'. ``suspension_check``
says so once, with what to do; everywhere else it is kept quiet.
Invariant: whatever else user code raises while it is closed is passed on to Python's own hook.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["close_quietly", "quiet_close"]

_MOST_YIELDS = 100


def close_quietly(code: Generator[Any, Any, Any]) -> None:
    """Close a generator for good, however often it yields meanwhile."""
    for _ in range(_MOST_YIELDS):
        try:
            code.close()
        except RuntimeError:
            continue
        except Exception:  # what user code raises when it is closed is no part of any run
            pass
        return


@contextmanager
def quiet_close() -> Iterator[None]:
    """Let the SDK drop suspended generators of this block without a word."""
    before = sys.unraisablehook

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        if "generator ignored GeneratorExit" not in str(unraisable.exc_value):
            before(unraisable)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before
