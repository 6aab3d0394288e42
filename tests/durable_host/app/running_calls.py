"""Calls of the app's code that run, for a line of the log that says who holds what, and for how long."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

__all__ = ["RunningCall", "names_of"]

_SHOWN: Final = 5


@dataclass(slots=True, eq=False)
class RunningCall:
    """One call, from when it began."""

    what: str
    began: float = field(default_factory=time.monotonic)


def names_of(calls: Iterable[RunningCall]) -> str:
    """The calls as a text, the longest first."""
    moment = time.monotonic()
    by_age = sorted(calls, key=lambda call: call.began)
    shown = [f"{call.what} ({moment - call.began:.0f} s)" for call in by_age[:_SHOWN]]
    return ", ".join(shown) + (f" and {len(by_age) - _SHOWN} more" if len(by_age) > _SHOWN else "")
