"""Checks of every setting against the compiler's rules and the public resource type definitions.

Role: that each setting of the switches can be worked out at all, and that every body fits its definition.
Called by: ``checks``.
Calls: ``template`` for the deployments, ``type_table`` for the definitions.
Invariant: a type, version or property that the table does not hold is a fault.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from infra.template import Template
from infra.type_table import TABLE, body_faults, read_fault

__all__ = ["evaluation_faults", "type_faults"]


def evaluation_faults(template: Template) -> Iterator[str]:
    """Answer why a setting cannot be deployed."""
    seen = set()
    for setting, outcome in template.outcomes:
        if isinstance(outcome, Exception) and str(outcome) not in seen:
            seen.add(str(outcome))
            yield f"with {setting}: {outcome}"


def type_faults(template: Template) -> Iterator[str]:
    """Answer every type, version and property that the definitions do not have, in any setting."""
    types: Mapping[str, Any] = json.loads(template.files[TABLE])["types"]
    found: dict[str, None] = {}
    for _, deployment in template.deployments:
        existing = deployment.existing  # named, not declared: nothing but the name is given
        for resource in (*deployment.resources, *deployment.existing):
            where = f"{resource.path}:{resource.line}: {resource.type_version}"
            if resource.type_version not in types:
                found[f"{where} is no type and version that the table knows"] = None
                continue
            for fault in body_faults(types[resource.type_version]["body"], dict(resource.body)):
                if resource not in existing or not fault.endswith(" is required"):
                    found[f"{where}: {fault}"] = None
        for read in deployment.reads:
            if read.resource_type in types:
                missing = read_fault(types[read.resource_type]["body"], read.steps)
                found |= {f"{read.resource_type}: {missing}": None} if missing else {}
    yield from found
