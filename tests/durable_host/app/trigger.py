"""What asks for one invocation of a function, and what keeps one from coming about.

Invariant: a trigger is complete when it is made: nothing is looked up again while the function runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from azure.functions.meta import Datum

__all__ = ["BindingError", "Trigger"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """One request to run a function.

    ``data`` is what the trigger's parameter gets, ``metadata`` what goes with it. ``names`` is what binding expressions
    such as ``{name}`` may use, values as text, nested objects as mappings. ``reason`` and ``details`` are for the log.
    """

    data: Datum
    metadata: Mapping[str, Datum] = field(default_factory=dict)
    names: Mapping[str, Any] = field(default_factory=dict)
    reason: str = "(null)"
    details: str | None = None
    failure: BindingError | None = None
    """What keeps the trigger's own parameter from being filled: the invocation begins, and fails with it."""


class BindingError(Exception):
    """A parameter could not be filled, or a value not be written.

    ``causes`` are the real host's lines, from the outermost to what went wrong.
    """

    def __init__(self, *causes: str) -> None:
        self.causes = causes
        super().__init__(causes[-1])
