"""What of the app's code would harm the interpreter, and so the host; in Azure the worker is a process of its own.

``os._exit`` ends the code that calls it, and ``sys.setrecursionlimit`` cannot leave the host less than it needs.
Invariant: only the app's threads, and its import, are kept from ending the process; a process that they fork is not.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from typing import Final, NoReturn

__all__ = ["contain_exits", "end_process", "exits_contained"]

end_process: Final = os._exit
"""Ends the process, whatever thread it is called in."""
_thread = threading.local()
_set_recursion_limit: Final = sys.setrecursionlimit
_USUAL_RECURSION_LIMIT: Final = sys.getrecursionlimit()


def contain_exits() -> None:
    """From now on, ``os._exit`` raises SystemExit in this thread, and the recursion limit, which all threads share,
    cannot become smaller than it was."""
    _thread.process = os.getpid()
    os._exit = _leave
    sys.setrecursionlimit = _raise_recursion_limit


@contextlib.contextmanager
def exits_contained() -> Iterator[None]:
    """Contain exits of this thread inside the block."""
    contain_exits()
    try:
        yield
    finally:
        _thread.process = None


def _leave(status: int) -> NoReturn:
    if getattr(_thread, "process", None) == os.getpid():
        raise SystemExit(status)
    end_process(status)


def _raise_recursion_limit(limit: int, /) -> None:
    _set_recursion_limit(max(limit, _USUAL_RECURSION_LIMIT))
