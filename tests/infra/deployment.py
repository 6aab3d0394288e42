"""What a template deploys in one case, as the compiler predicts it, in a form that a check can ask.

What only Azure can tell stays an expression, as in ``[reference('ID', 'VERSION').principalId]``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Deployment", "Resource", "is_read_from", "texts_in"]

_EXTENDED = re.compile(r"\[extensionResourceId\('([^']+)'|(.+)/providers/Microsoft\.\w+/\w+/[^/]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One resource as it would be sent."""

    body: Mapping[str, Any]

    @property
    def type(self) -> str:
        """Answer the type without its version."""
        return str(self.body["type"])

    @property
    def id(self) -> str:
        """Answer the resource id."""
        return str(self.body["id"])

    @property
    def name(self) -> str:
        """Answer the last part of the name."""
        return str(self.body["name"]).rpartition("/")[2]

    @property
    def scope(self) -> str:
        """Answer the id of the resource that this one extends, as a role assignment does."""
        found = _EXTENDED.match(self.id)
        return (found[1] or found[2]) if found else ""

    def at(self, steps: str) -> Any:
        """Answer the value at a path such as ``properties.sku.name``, or None."""
        value: Any = self.body
        for step in steps.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Everything that one case deploys, and what it puts out."""

    resources: tuple[Resource, ...]
    outputs: Mapping[str, Any]

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Deployment:
        """Read a snapshot."""
        resources = tuple(Resource(body=body) for body in document["resources"])
        return cls(resources=resources, outputs=document["outputs"])

    def of_type(self, kind: str) -> list[Resource]:
        """Answer the resources of one type."""
        return [each for each in self.resources if each.type == kind]

    def only(self, kind: str) -> Resource:
        """Answer the one resource of a type that is there exactly once."""
        (found,) = self.of_type(kind)
        return found


def is_read_from(value: object, resource: Resource, path: str) -> bool:
    """Answer whether a value is what Azure will tell of a resource at ``path``, and nothing else."""
    return bool(re.fullmatch(rf"\[reference\('{re.escape(resource.id)}', '[^']+'\)\.{re.escape(path)}\]", str(value)))


def texts_in(value: object) -> Iterator[str]:
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
