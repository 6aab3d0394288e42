"""What hosts weigh while they work: memory, threads and open files, so that a soak shows what grows.

Invariant: only hosts that live from the first look to the last are told of; where the system has no ``/proc``, none.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Weights"]


@dataclass(frozen=True, slots=True)
class _Weight:
    """One process at one moment."""

    megabytes: int
    threads: int
    files: int

    def __str__(self) -> str:
        return f"{self.megabytes} MB, {self.threads} threads, {self.files} files"


@dataclass(slots=True)
class Weights:
    """What each host weighed, a look every so many seconds."""

    look_seconds: float = 15.0
    _looks: list[dict[int, _Weight]] = field(default_factory=list)
    _next_at: float = 0.0

    def look(self, pids: Iterable[int]) -> None:
        """Weigh the hosts, if it is time to."""
        if time.monotonic() < self._next_at:
            return
        self._next_at = time.monotonic() + self.look_seconds
        self._looks.append({pid: weight for pid in pids if (weight := _weigh(pid))})

    def rows(self) -> list[tuple[str, str]]:
        """For each host that has lived through all looks: a third of the way, two thirds of it, and at the end."""
        if not self._looks:
            return []
        last = len(self._looks) - 1
        shown = [self._looks[round(last * part / 3)] for part in (1, 2, 3)]
        lived = [pid for pid in self._looks[0] if all(pid in look for look in self._looks)]
        return [("a host, 1/3, 2/3, end of time", " / ".join(str(look[pid]) for look in shown)) for pid in lived]


def _weigh(pid: int) -> _Weight | None:
    place = Path(f"/proc/{pid}")
    try:
        status = dict(line.split(":", 1) for line in (place / "status").read_text("utf-8").splitlines() if ":" in line)
        files = len(os.listdir(place / "fd"))
        return _Weight(int(status["VmRSS"].split()[0]) // 1024, int(status["Threads"]), files)
    except (OSError, KeyError):
        return None
