"""The values that Bicep expressions have when they are worked out without Azure.

Role: plain Python values, plus three kinds that stand for what only a deployment would know.
Called by: ``bicep_expressions`` and ``bicep_deployment``, which make them, and the checks, which read them.
Calls: nothing.
Invariant: what is not known before a deployment is a ``Runtime``, a text that names where it would come from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = [
    "BICEP_TYPES",
    "BicepError",
    "ModuleHandle",
    "ModuleOutputs",
    "ResourceHandle",
    "Runtime",
    "Value",
    "type_fault",
]

Value = object


class BicepError(ValueError):
    """Bicep that would not compile, or not deploy, in the setting that was worked out."""

    def __init__(self, message: str, *, path: str, line: int) -> None:
        self.path, self.line = path, line
        super().__init__(f"{path}:{line}: {message}")


class Runtime(str):
    """A property that only Azure knows, such as an endpoint; behaves as the text that names it."""

    resource_type: str
    resource_id: str
    steps: tuple[str, ...]

    __slots__ = ("resource_id", "resource_type", "steps")

    def __new__(cls, *, resource_type: str, resource_id: str, steps: tuple[str, ...]) -> Runtime:
        self = super().__new__(cls, f"<{resource_id}|{'.'.join(steps)}>")
        self.resource_type, self.resource_id, self.steps = resource_type, resource_id, steps
        return self

    def step(self, name: str) -> Runtime:
        """Answer the property ``name`` of this one."""
        return Runtime(resource_type=self.resource_type, resource_id=self.resource_id, steps=(*self.steps, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceHandle:
    """What a resource's symbol stands for; ``creates`` is empty for an existing one."""

    type: str
    id: str
    name: str
    creates: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleHandle:
    """What a module's symbol stands for: its outputs, and the ids of all that it creates."""

    outputs: Mapping[str, Value]
    creates: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleOutputs:
    """``module.outputs``, before one of them is named."""

    module: ModuleHandle


BICEP_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "int": (int,),
    "bool": (bool,),
    "array": (list,),
    "object": (dict,),
}


def type_fault(declared: str, value: Value) -> str | None:
    """Answer why ``value`` does not have the declared type, or None when it has."""
    expected = BICEP_TYPES.get(declared)
    if expected is None:
        return f"{declared!r} is no type; Bicep has {', '.join(BICEP_TYPES)}"
    if not isinstance(value, expected) or (declared == "int" and isinstance(value, bool)):
        return f"{value!r} is no {declared}"
    return None
