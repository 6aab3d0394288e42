"""Turns at a host: how many requests one host gets at once from this worker.

Role: hold back threads that would make a host busy beyond its number.
Called by: ``page_fetch``, around each hop of a fetch.
Calls: nothing.
Invariant: what is kept for a host ends with the last fetch that names it, so hosts without number cost nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

DEFAULT_REQUESTS_PER_HOST = 8


class NoTurnError(Exception):
    """The host was busy with other fetches for too long."""


@dataclass(slots=True)
class _Host:
    free: threading.Semaphore
    fetches: int = field(default=0)


class HostTurns:
    """Turns for all hosts; one per worker, shared by its threads."""

    def __init__(self, requests_per_host: int = DEFAULT_REQUESTS_PER_HOST) -> None:
        self._requests_per_host = requests_per_host
        self._lock = threading.Lock()
        self._hosts: dict[str, _Host] = {}

    def __len__(self) -> int:
        """Return how many hosts have fetches now."""
        with self._lock:
            return len(self._hosts)

    @contextmanager
    def take(self, host: str, *, seconds: float) -> Iterator[None]:
        """Hold one of a host's turns during the block; wait for it up to these seconds."""
        with self._lock:
            entry = self._hosts.setdefault(host, _Host(threading.Semaphore(self._requests_per_host)))
            entry.fetches += 1
        try:
            if not entry.free.acquire(timeout=seconds):
                raise NoTurnError
            try:
                yield
            finally:
                entry.free.release()
        finally:
            with self._lock:
                entry.fetches -= 1
                if not entry.fetches:
                    del self._hosts[host]


def requests_per_host(value: str | None) -> int:
    """Read the app setting ``TITLE_REQUESTS_PER_HOST``; unset or blank means the default."""
    text = (value or "").strip() or str(DEFAULT_REQUESTS_PER_HOST)
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= 100 and len(text) <= 3):
        raise ValueError(
            f"The app setting TITLE_REQUESTS_PER_HOST holds {value!r:.100}, which is not a number from 1 to 100. "
            f"Set it to how many requests one host may get at once from one worker, or remove it for "
            f"{DEFAULT_REQUESTS_PER_HOST}."
        )
    return int(text)
