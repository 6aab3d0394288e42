"""What one fetch may still use: time, and bytes from the wire.

Role: the one clock and the one counter of a fetch, which every wait and every read of its sockets asks.
Called by: ``page_fetch``, which makes one for each fetch, and ``page_connection``, which finds it where it runs.
Calls: nothing.
Invariant: time passes for a fetch however its server sends. The timeouts of requests count from byte to byte, so a
server that drips could hold a fetch for ever; and http.client reads some lines without any limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic


class TooManyBytesError(OSError):
    """More came from the wire than the fetch may take. An OSError, so that the HTTP client treats it as broken off."""


class Allowance:
    """The rest of what a fetch may use; valid in the thread that entered it."""

    def __init__(self, seconds: float) -> None:
        self._ends_at = monotonic() + seconds
        self._bytes_left = 0
        self.received = 0
        """How many bytes came from the wire in all."""

    @property
    def seconds(self) -> float:
        """The time left."""
        return self._ends_at - monotonic()

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return self.seconds <= 0

    @property
    def is_too_much(self) -> bool:
        """Whether more came than was allowed."""
        return self._bytes_left < 0

    def timeout(self, seconds: float) -> float:
        """Return how long one wait may take that may take these seconds by itself."""
        left = self.seconds
        if left <= 0:
            raise TimeoutError("The time for this page is up.")
        return min(seconds, left)

    def expect(self, size: int) -> None:
        """Allow so many bytes from here on."""
        self._bytes_left = size

    def count(self, size: int) -> None:
        """Count bytes that came."""
        self.received += size
        self._bytes_left -= size
        if self._bytes_left < 0:
            raise TooManyBytesError("More bytes came than this page may have.")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let no time pass: this wait is not the page's fault."""
        started = monotonic()
        try:
            yield
        finally:
            self._ends_at += monotonic() - started

    @contextmanager
    def at_most(self, seconds: float) -> Iterator[None]:
        """Leave no more than these seconds for the block."""
        ends_at, self._ends_at = self._ends_at, min(self._ends_at, monotonic() + seconds)
        try:
            yield
        finally:
            self._ends_at = ends_at

    @contextmanager
    def entered(self) -> Iterator[Allowance]:
        """Be the allowance of what this thread does in the block."""
        token = _current.set(self)
        try:
            yield self
        finally:
            _current.reset(token)


def current_allowance() -> Allowance:
    """Return the allowance of the fetch that runs here."""
    return _current.get()


_current: ContextVar[Allowance] = ContextVar("_current")
