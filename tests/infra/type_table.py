"""Check a resource's body against the public resource type definitions.

Role: catches a misspelt property, a wrong type, an unknown value or a missing requirement, as `bicep build` would.
Called by: the type check; ``type_table_refresh`` writes the table that it reads.
Calls: nothing but the table, ``fixtures/infra/resource_types.json``, which says where it comes from.
Invariant: the table holds only what the template uses; what is not in it is a fault, never a pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from infra.bicep_values import Runtime, Value

__all__ = ["TABLE", "body_faults", "read_fault"]

TABLE = "fixtures/infra/resource_types.json"
Shape = Any  # a node of the table: a plain name of a type, or an object that says more
_SIMPLE = {"string": str, "int": int, "bool": bool}


def body_faults(shape: Shape, value: Value, where: str = "") -> Iterator[str]:
    """Answer everything about ``value`` that the definition does not allow."""
    if isinstance(value, Runtime):
        return  # its own definition is checked where it is read
    if shape == "any":
        return
    if isinstance(shape, str):
        expected = _SIMPLE[shape]
        if not isinstance(value, expected) or (shape == "int" and isinstance(value, bool)):
            yield f"{where or 'body'} is {value!r}, no {shape}"
    elif "object" in shape:
        yield from _object_faults(shape, value, where)
    elif "cases" in shape:
        yield from _case_faults(shape, value, where)
    elif "map" in shape:
        yield from _map_faults(shape, value, where)
    elif "array" in shape:
        if not isinstance(value, list):
            yield f"{where} is {value!r}, no array"
            return
        for position, item in enumerate(value):
            yield from body_faults(shape["array"], item, f"{where}[{position}]")
    elif "oneOf" in shape:
        if value not in shape["oneOf"]:
            yield f"{where} is {value!r}, not one of {', '.join(shape['oneOf'])}"
    else:
        yield from _limit_faults(shape, value, where)


def read_fault(shape: Shape, steps: tuple[str, ...]) -> str | None:
    """Answer why a property that is read from Azure does not exist."""
    for step in steps:
        if not isinstance(shape, Mapping) or step not in shape.get("object", {}):
            return f"there is no property {'.'.join(steps)}"
        shape = shape["object"][step]
    return None


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _object_faults(shape: Mapping[str, Any], value: Value, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where or 'body'} is {value!r}, no object"
        return
    properties, read_only = shape["object"], shape.get("readOnly", [])
    for missing in sorted(set(shape.get("required", [])) - set(value)):
        yield f"{_join(where, missing)} is required"
    for key, item in value.items():
        if key in read_only:
            yield f"{_join(where, key)} is read-only"
        elif key not in properties:
            known = ", ".join(sorted(set(properties) - set(read_only)))
            yield f"{_join(where, key)} is not a property that the table knows ({known})"
        elif item is not None:
            yield from body_faults(properties[key], item, _join(where, key))


def _case_faults(shape: Mapping[str, Any], value: Value, where: str) -> Iterator[str]:
    chosen = value.get(shape["by"]) if isinstance(value, dict) else None
    if chosen in shape["cases"]:
        yield from body_faults(shape["cases"][chosen], value, where)
    else:
        yield f"{_join(where, shape['by'])} is {chosen!r}, not one of {', '.join(sorted(shape['cases']))}"


def _map_faults(shape: Mapping[str, Any], value: Value, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where} is {value!r}, no object"
        return
    for key, item in value.items():
        yield from body_faults(shape["map"], item, f"{where}[{key!r}]")


def _limit_faults(shape: Mapping[str, Any], value: Value, where: str) -> Iterator[str]:
    if "int" in shape:
        low, high = shape["int"].get("minValue"), shape["int"].get("maxValue")
        if not isinstance(value, int) or isinstance(value, bool):
            yield f"{where} is {value!r}, no int"
        elif (low is not None and value < low) or (high is not None and value > high):
            yield f"{where} is {value!r}, outside {low} to {high}"
        return
    limits = shape["string"]
    if not isinstance(value, str):
        yield f"{where} is {value!r}, no string"
    elif not limits.get("minLength", 0) <= len(value) <= limits.get("maxLength", len(value)):
        yield f"{where} is {value!r}, {len(value)} characters long"
    elif "pattern" in limits and not re.search(limits["pattern"], value):
        yield f"{where} is {value!r}, against {limits['pattern']}"
