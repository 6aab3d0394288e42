"""Write the table of resource types anew from a checkout of the public definitions.

Role: `PYTHONPATH=tests python -m infra.type_table_refresh CHECKOUT COMMIT`, run by hand after the template has begun to
use another type, version or property; CHECKOUT holds github.com/Azure/bicep-types-az at COMMIT.
Called by: a person. Calls: ``template`` for what is used, the checkout's types.json files for what exists.
Invariant: the table gets what the definitions say about what the template uses; a property that they lack stops it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.bicep_values import Value
from infra.template import ROOT, Template
from infra.type_table import TABLE

__all__ = ["main", "table_from", "uses"]

Definition = Mapping[str, Any]
Shape = object
Bodies = Mapping[str, Sequence[Value]]
Reads = Mapping[str, set[tuple[str, ...]]]
_REQUIRED, _READ_ONLY = 1, 2


class _Definitions:
    """The definitions of one types.json, whose nodes point at each other by number."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._nodes: list[Definition] = json.loads(path.read_text(encoding="utf-8"))

    def at(self, pointer: Definition) -> Definition:
        return self._nodes[int(pointer["$ref"].rpartition("/")[2])]

    def body(self, type_version: str) -> Definition | None:
        for node in self._nodes:
            if node["$type"] == "ResourceType" and node["name"].lower() == type_version.lower():
                return self.at(node["body"])
        return None


def main(arguments: list[str]) -> int:
    """Write the table, and answer 0; what the definitions do not have stops it with a sentence."""
    checkout, commit = Path(arguments[0]), arguments[1]
    bodies, reads = uses(Template.read())
    table = {
        "source": {
            "repository": "https://github.com/Azure/bicep-types-az",
            "commit": commit,
            "licence": "MIT",
            "what": "The definitions of just those types and properties that infra/ uses, told in fewer words.",
        },
        "types": table_from(checkout, bodies, reads),
    }
    (ROOT / TABLE).write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    return 0


def uses(template: Template) -> tuple[Bodies, Reads]:
    """Answer the bodies of each type that the template deploys or names, and the properties that it reads."""
    bodies: dict[str, list[Value]] = {}
    reads: dict[str, set[tuple[str, ...]]] = {}
    for _, deployment in template.deployments:
        for resource in (*deployment.resources, *deployment.existing):
            bodies.setdefault(resource.type_version, []).append(dict(resource.body))
        for read in deployment.reads:
            reads.setdefault(read.resource_type, set()).add(read.steps)
    return bodies, reads


def table_from(checkout: Path, bodies: Bodies, reads: Reads) -> dict[str, Shape]:
    """Answer the table for what is used, from the definitions in a checkout."""
    types: dict[str, Shape] = {}
    for type_version in sorted(set(bodies) | set(reads)):
        source, body = _find(checkout, type_version)
        used = [*bodies.get(type_version, []), *(_nested(steps) for steps in sorted(reads.get(type_version, set())))]
        shape = _shape(source, body, used, type_version)
        types[type_version] = {"file": source.path.relative_to(checkout).as_posix(), "body": shape}
    return types


def _nested(steps: Iterable[str]) -> Value:
    value: Value = None
    for step in reversed(tuple(steps)):
        value = {step: value}
    return value


def _find(checkout: Path, type_version: str) -> tuple[_Definitions, Definition]:
    name, _, version = type_version.lower().partition("@")
    for path in sorted(checkout.glob(f"generated/*/{name.partition('/')[0]}/{version}/types.json")):
        definitions = _Definitions(path)
        if (body := definitions.body(type_version)) is not None:
            return definitions, body
    raise SystemExit(f"{checkout} has no {type_version}: is it a type, and a version of it?")


def _shape(source: _Definitions, node: Definition, used: Sequence[Value], where: str) -> Shape:
    match node["$type"]:
        case "ObjectType" if node["properties"]:
            return _object_shape(source, node, used, where)
        case "ObjectType":
            inside = [item for value in used if isinstance(value, dict) for item in value.values()]
            extra = node.get("additionalProperties")
            return {"map": _shape(source, source.at(extra), inside, where) if extra else "any"}
        case "DiscriminatedObjectType":
            by, objects = node["discriminator"], [value for value in used if isinstance(value, dict)]
            cases = {
                name: _object_shape(source, source.at(element), [each for each in objects if each[by] == name], where)
                for name, element in sorted(node["elements"].items())
                if any(each[by] == name for each in objects)
            }
            return {"by": by, "cases": cases}
        case "ArrayType":
            inside = [item for value in used if isinstance(value, list) for item in value]
            return {"array": _shape(source, source.at(node["itemType"]), inside, f"{where}[]")}
        case "UnionType":
            return _union_shape([source.at(each) for each in node["elements"]])
        case "StringLiteralType":
            return {"oneOf": [node["value"]]}
        case "StringType":
            limits = {key: node[key] for key in ("minLength", "maxLength", "pattern") if key in node}
            return {"string": limits} if limits else "string"
        case "IntegerType":
            limits = {key: node[key] for key in ("minValue", "maxValue") if key in node}
            return {"int": limits} if limits else "int"
        case "BooleanType":
            return "bool"
        case _:
            return "any"


def _union_shape(elements: list[Definition]) -> Shape:
    """Take the named values alone: a union that also allows any string still means those, and a typo none of them."""
    named = [each["value"] for each in elements if each["$type"] == "StringLiteralType"]
    return {"oneOf": named} if named else "any"


def _object_shape(source: _Definitions, node: Definition, used: Sequence[Value], where: str) -> Shape:
    properties = {**node.get("baseProperties", {}), **node["properties"]}
    objects = [value for value in used if isinstance(value, dict)]
    keys = sorted({key for value in objects for key in value})
    if unknown := [key for key in keys if key not in properties]:
        raise SystemExit(f"{where} has no {', '.join(unknown)}; it has {', '.join(sorted(properties))}")
    inside = {
        key: _shape(
            source,
            source.at(properties[key]["type"]),
            [value[key] for value in objects if key in value],
            f"{where}.{key}",
        )
        for key in keys
    }
    shape: dict[str, Shape] = {"object": inside}
    constants = ("id", "type", "apiVersion")
    required = sorted(key for key, each in properties.items() if each["flags"] & _REQUIRED and key not in constants)
    read_only = [key for key in keys if properties[key]["flags"] & _READ_ONLY]
    return shape | ({"required": required} if required else {}) | ({"readOnly": read_only} if read_only else {})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
