"""``os._exit`` of the app's code: it ends the code that calls it, and not the host.

In Azure it ends the worker, which is another process than the host.
Invariant: only the app's threads, and its import, are kept from ending the process; a process that they fork is not.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import Final, NoReturn

__all__ = ["contain_exits", "end_process", "exits_contained"]

end_process: Final = os._exit
"""Ends the process, whatever thread it is called in."""
_thread = threading.local()


def contain_exits() -> None:
    """From now on, in this thread, ``os._exit`` raises SystemExit."""
    _thread.process = os.getpid()
    os._exit = _leave


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
