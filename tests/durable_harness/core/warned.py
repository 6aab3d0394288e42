"""Warnings that point at the line of the test, however deep in the harness they are given.

Invariant: no warning of ours names a line of ours, as long as anybody else has called.
"""

from __future__ import annotations

import sys
import warnings

__all__ = ["warn_test"]

_OURS = ("durable_harness", "contextlib")


def warn_test(text: str, category: type[Warning]) -> None:
    """Warn at the nearest line outside of the harness."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _OURS:
        level, frame = level + 1, frame.f_back
    warnings.warn(text, category, stacklevel=level)
