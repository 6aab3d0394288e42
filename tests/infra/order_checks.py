"""Checks of the order in which things come to be: a module that uses a resource waits for the one that makes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from infra.template import Template

__all__ = ["order_faults"]

_LAST = "functionApp"
_BEFORE_LAST = ("roles", "network")
"""The app starts as soon as it exists, so it needs its roles given and its storage reachable."""


def order_faults(template: Template) -> Iterator[str]:
    """Answer what is used before it is sure to exist, and what the app does not wait for."""
    modules: Mapping[str, Any] = template.outline["modules"]
    for name, module in modules.items():
        waits_for = _before(name, modules)
        there = {kind for each in (*waits_for, name) for kind in modules[each]["makes"]}
        for kind in module["uses"]:
            if not any(kind == made or kind.startswith(f"{made}/") for made in there):
                yield f"module {name} uses {kind}, but waits for no module that makes it"
    for each in _BEFORE_LAST:
        if each not in _before(_LAST, modules):
            yield f"module {_LAST} does not wait for {each}"


def _before(name: str, modules: Mapping[str, Any]) -> set[str]:
    found: set[str] = set()
    waiting = list(modules[name]["after"])
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting.extend(modules[one]["after"])
    return found
