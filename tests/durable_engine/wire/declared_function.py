"""One function as an app of the v2 model declares it, and the name by which orchestrations call it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = [
    "ACTIVITY_TRIGGER",
    "ENTITY_TRIGGER",
    "ORCHESTRATION_TRIGGER",
    "SdkFunction",
    "durable_name",
    "read_function",
]

ORCHESTRATION_TRIGGER: Final = "orchestrationTrigger"
ACTIVITY_TRIGGER: Final = "activityTrigger"
ENTITY_TRIGGER: Final = "entityTrigger"

_NAME_KEYS: Final = {ORCHESTRATION_TRIGGER: "orchestration", ACTIVITY_TRIGGER: "activity", ENTITY_TRIGGER: "entityName"}
"""Trigger type to the key of its binding that overrides the durable name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SdkFunction:
    """A function: its code, and its bindings as the objects of a function.json, the trigger among them."""

    name: str
    code: Callable[..., Any]
    bindings: tuple[Mapping[str, Any], ...]
    trigger: Mapping[str, Any]


def read_function(function: Any) -> SdkFunction:
    """Read one of the functions that ``FunctionRegister.get_functions`` gives."""
    code: Callable[..., Any] = function.get_user_function()
    bindings = tuple(json.loads(raw) for raw in function.get_raw_bindings())
    # azure-functions has made sure that there is exactly one.
    trigger_name = str(getattr(function.get_trigger(), "name", None))
    return SdkFunction(
        name=function.get_function_name() or code.__name__,
        code=code,
        bindings=bindings,
        trigger=next(raw for raw in bindings if raw["name"] == trigger_name),
    )


def durable_name(trigger: Mapping[str, Any], name: str) -> str | None:
    """What orchestrations call a function by; None where it has no durable trigger.

    Args:
        trigger: The trigger, as an object of a function.json.
        name: The function's own name, which counts where the trigger gives none.
    """
    key = _NAME_KEYS.get(trigger["type"])
    return None if key is None else str(trigger.get(key) or name)
