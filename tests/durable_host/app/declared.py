"""A function as an app declares it, by decorators or by a function.json.

Invariant: both models of programming come to the same value, so that nothing behind it knows of two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["DeclaredFunction"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredFunction:
    """One function: its code, and its bindings as the objects of a function.json."""

    name: str
    function: Callable[..., Any]
    bindings: Sequence[Mapping[str, Any]]
    trigger_name: str
    directory: Path
    script_file: str
    entry_point: str
    retry: Mapping[str, Any] = field(default_factory=dict)
    is_disabled: bool = False
