"""What a template deploys, as values that a check can ask.

Role: the resources with their bodies as sent, and who has to exist before whom.
Called by: ``bicep_deployment``, which makes it; every check that looks at what is deployed; the picture.
Calls: nothing.
Invariant: ``needs`` holds what a deployment engine would wait for, and no more: naming a resource as existing waits
for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from infra.bicep_values import Runtime, Value

__all__ = ["Deployment", "Resource", "texts_in"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One resource: its body as sent, where it hangs, and what has to exist before it."""

    type: str
    api_version: str
    id: str
    name: str
    path: str
    line: int
    body: Mapping[str, Value]
    scope_id: str | None
    parent_id: str | None
    needs: frozenset[str]

    @property
    def type_version(self) -> str:
        """Answer the type as the file writes it, version included."""
        return f"{self.type}@{self.api_version}"

    def at(self, steps: str) -> Value:
        """Answer the value at a path such as ``properties.sku.name``, or None."""
        value: Value = dict(self.body)
        for step in steps.split("."):
            value = value.get(step) if isinstance(value, dict) else None
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """All that is deployed, what it only refers to, what is put out, and which of Azure's own properties are read."""

    resources: tuple[Resource, ...]
    existing: tuple[Resource, ...]
    outputs: Mapping[str, Value]
    reads: frozenset[Runtime]

    def of_type(self, kind: str) -> list[Resource]:
        """Answer the resources of one type."""
        return [each for each in self.resources if each.type == kind]

    def only(self, kind: str) -> Resource:
        """Answer the one resource of a type that is there exactly once."""
        (found,) = self.of_type(kind)
        return found

    def before(self, resource: Resource) -> set[str]:
        """Answer the ids of everything that exists by the time ``resource`` is created."""
        by_id = {each.id: each for each in self.resources}
        found: set[str] = set()
        waiting = list(resource.needs)
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting.extend(by_id[one].needs)
        return found


def texts_in(value: Value) -> Iterator[str]:
    """Answer every string in a body, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from texts_in(key)
            yield from texts_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts_in(item)
