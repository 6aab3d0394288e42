"""The decorators that limit a parameter.

Role: answers whether a value keeps to ``@allowed``, ``@minValue`` and the like.
Called by: ``bicep_deployment`` for every parameter of every module.
Calls: nothing.
Invariant: a decorator that limits nothing (``@description``) is never broken.
"""

from __future__ import annotations

from infra.bicep_values import Runtime, Value

__all__ = ["KNOWN_DECORATORS", "constraint_fault"]

KNOWN_DECORATORS = frozenset(
    {"allowed", "batchSize", "description", "maxLength", "maxValue", "metadata", "minLength", "minValue", "secure"}
)


def constraint_fault(rule: str, limit: Value, value: Value) -> str | None:
    """Answer how ``value`` breaks the decorator ``rule``, or None."""
    if isinstance(value, Runtime):
        return None  # only a deployment can tell
    if rule == "allowed" and isinstance(limit, list) and value not in limit:
        return f"{value!r} is not one of {limit!r}"
    size = len(value) if rule.endswith("Length") and isinstance(value, str | list) else value
    if isinstance(limit, int) and isinstance(size, int):
        if rule.startswith("min") and size < limit:
            return f"{value!r} is under @{rule}({limit})"
        if rule.startswith("max") and size > limit:
            return f"{value!r} is over @{rule}({limit})"
    return None
