"""The table of resource types is what the public definitions say about what the template uses, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.template import Template
from infra.type_table import TABLE, body_faults
from infra.type_table_refresh import table_from, uses

TEMPLATE = Template.read()


def test_the_table_says_where_it_comes_from() -> None:
    source = json.loads(TEMPLATE.files[TABLE])["source"]

    assert source["repository"] == "https://github.com/Azure/bicep-types-az"
    assert len(source["commit"]) == 40


def test_the_table_holds_no_type_that_the_template_no_longer_uses() -> None:
    bodies, reads = uses(TEMPLATE)

    assert set(json.loads(TEMPLATE.files[TABLE])["types"]) == set(bodies) | set(reads)


@pytest.mark.parametrize(
    ("shape", "value", "fault"),
    [
        ("string", 1, "body is 1, no string"),
        ("int", True, "body is True, no int"),
        ({"oneOf": ["a", "b"]}, "c", " is 'c', not one of a, b"),
        ({"array": "int"}, ["x"], "[0] is 'x', no int"),
        ({"object": {"a": "int"}, "required": ["a"]}, {}, "a is required"),
        ({"object": {"a": "int"}, "readOnly": ["a"]}, {"a": 1}, "a is read-only"),
        ({"object": {"a": "int"}}, {"b": 1}, "b is not a property that the table knows (a)"),
        ({"map": "string"}, {"x": 1}, "['x'] is 1, no string"),
        ({"int": {"minValue": 1, "maxValue": 3}}, 4, " is 4, outside 1 to 3"),
        ({"string": {"pattern": "^[a-z]+$"}}, "A", " is 'A', against ^[a-z]+$"),
        (
            {"by": "name", "cases": {"ftp": {"object": {"name": "string"}}}},
            {"name": "x"},
            "name is 'x', not one of ftp",
        ),
    ],
)
def test_a_body_that_does_not_fit_is_told(shape: object, value: object, fault: str) -> None:
    assert list(body_faults(shape, value)) == [fault]


def test_a_refresh_finds_the_definitions_and_stops_at_what_they_lack(tmp_path: Path) -> None:
    folder = tmp_path / "generated" / "web_0" / "microsoft.web" / "2025-03-01"
    folder.mkdir(parents=True)
    nodes = [
        {"$type": "StringType", "maxLength": 60},
        {
            "$type": "ObjectType",
            "properties": {
                "name": {"type": {"$ref": "#/0"}, "flags": 1},
                "kind": {"type": {"$ref": "#/0"}, "flags": 2},
            },
        },
        {"$type": "ResourceType", "name": "Microsoft.Web/sites@2025-03-01", "body": {"$ref": "#/1"}},
    ]
    (folder / "types.json").write_text(json.dumps(nodes), encoding="utf-8")
    site = "Microsoft.Web/sites@2025-03-01"

    table = table_from(tmp_path, {site: [{"name": "a"}]}, {site: {("kind",)}})

    limits = {"string": {"maxLength": 60}}
    body = {"object": {"kind": limits, "name": limits}, "required": ["name"], "readOnly": ["kind"]}
    assert table == {site: {"file": "generated/web_0/microsoft.web/2025-03-01/types.json", "body": body}}
    with pytest.raises(SystemExit, match="has no nmae; it has kind, name"):
        table_from(tmp_path, {site: [{"nmae": "a"}]}, {})
    with pytest.raises(SystemExit, match="is it a type"):
        table_from(tmp_path, {"Microsoft.Web/site@2025-03-01": [{}]}, {})
