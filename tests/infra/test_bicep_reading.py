"""The reader and the evaluator do with small pieces of Bicep what the real compiler does."""

from __future__ import annotations

import re

import pytest

from infra.bicep_deployment import deploy
from infra.bicep_functions import SUBSCRIPTION_ID
from infra.bicep_nodes import Access, Declaration, Literal, Name, Ternary, Text
from infra.bicep_syntax import declarations, syntax_faults
from infra.bicep_values import BicepError

GROUP = """
targetScope = 'subscription'
resource rg 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: 'rg'
  location: 'here'
}
"""
MODULE = """
module part 'part.bicep' = {
  name: 'part'
  scope: rg
  params: { number: 7 }
}
output answer string = part.outputs.answer
"""


def value_of(text: str) -> object:
    """Answer what an expression is worth, by way of an output."""
    symbols = "var list = ['a', 'b']\nvar map = { 'a-b': 1, c: list, d: { e: true } }\n"
    source = f"{GROUP}{symbols}output it object = {{ it: {text} }}\n"
    told = deploy({"main.bicep": source}, "main.bicep", {}).outputs["it"]
    assert isinstance(told, dict)
    return told["it"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 > 0 ? 'yes' : 'no'", "yes"),
        ("'${toLower('AB')}-${1}${true}'", "ab-1true"),
        ("'it\\'s \\${x}'", "it's ${x}"),
        ("[for (item, i) in list: '${i}${item}']", ["0a", "1b"]),
        ("[for item in list: { name: item }]", [{"name": "a"}, {"name": "b"}]),
        ("map['a-b']", 1),
        ("map.c[1]", "b"),
        ("map.?x ?? 'none'", "none"),
        ("concat(list, empty(list) ? list : [])", ["a", "b"]),
        ("union({ a: 1, b: 2 }, { b: 3 })", {"a": 1, "b": 3}),
        ("!(1 == 2) && 'a' != 'b' || false", True),
        ("false && nothing.here", False),
        ("!map.d.e", False),
        ("empty(list) && list[0] == 'a'", False),
        ("list[0] == map.c[0] && map['a-b'] == 1", True),
        ("false ? list : map.c", ["a", "b"]),
        ("false ? 1 : true ? 2 : 3", 2),
        ("true || false && false", True),
        ("1 > 0 == true", True),
        ("map.?x ?? map.?y ?? list[1]", "b"),
        ("(empty(list) ? list : map.c)[0]", "a"),
        ("'${list[0]} and ${map.c[1]} .'", "a and b ."),
        ("rg.properties.x", f"</subscriptions/{SUBSCRIPTION_ID}/resourceGroups/rg|properties.x>"),
        ("subscription().subscriptionId", SUBSCRIPTION_ID),
        ("environment().suffixes.storage", "core.windows.net"),
        ("null", None),
    ],
)
def test_an_expression_has_the_value_that_bicep_gives_it(text: str, expected: object) -> None:
    assert value_of(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing", "'nothing' is not defined"),
        ("map.x", "no 'x' among the object"),
        ("list[2]", "has nothing at 2"),
        ("list ? 1 : 2", "a condition has to be a bool"),
        ("'${list}'", "inside a string"),
        ("toLower(1)", "1 is no string"),
        ("toLower('a', 'b')", "takes 1 to 1 arguments"),
        ("nothing('a')", "no function 'nothing'"),
        ("'a' > 'b'", "compares two ints"),
        ("[for item in map: item]", "a loop goes over an array"),
    ],
)
def test_an_expression_that_bicep_refuses_is_refused(text: str, message: str) -> None:
    with pytest.raises(BicepError, match=re.escape(message)):
        value_of(text)


def test_unique_strings_and_guids_depend_on_every_part_and_on_their_order() -> None:
    made = [
        value_of(f"{name}({parts})") for name in ("uniqueString", "guid") for parts in ("'a', 'b'", "'b', 'a'", "'ab'")
    ]

    assert len({str(each) for each in made}) == len(made)
    assert value_of("uniqueString('a')") == value_of("uniqueString('a')")


def test_the_reader_keeps_identifiers_and_strings_apart() -> None:
    (read,) = declarations("var a = b ? 'b' : c.d\n")

    condition = Name(line=1, name="b")
    no = Access(line=1, base=Name(line=1, name="c"), name="d", safe=False)
    yes = Text(line=1, parts=("b",))
    assert read.value == Ternary(line=1, condition=condition, yes=yes, no=no)


def test_the_reader_takes_decorators_types_and_conditions() -> None:
    first, second = declarations("@minValue(3)\nparam a int = 4\n\nmodule m 'm.bicep' = if (b) {\n  name: 'm'\n}\n")

    limit = (Literal(line=1, value=3),)
    default = Literal(line=2, value=4)
    assert first == Declaration(
        line=2, kind="param", name="a", type="int", value=default, decorators={"minValue": limit}
    )
    assert (second.target, second.condition) == ("m.bicep", Name(line=4, name="b"))


@pytest.mark.parametrize(
    "text", ["var a = [1 2]\n", "var a = {b: 1 c: 2}\n", "var a = \n", "var = 1\n", "resource a = {\n}\n"]
)
def test_text_that_is_no_bicep_is_refused(text: str) -> None:
    assert syntax_faults(text)


@pytest.mark.parametrize("text", ["var a = [1, 2]\n", "var a = [\n  1 // one\n  2\n]\n", "var a = {b: 1, c: 2}\n"])
def test_text_that_is_bicep_is_accepted(text: str) -> None:
    assert syntax_faults(text) == ()


def test_a_module_gets_its_parameters_and_gives_its_outputs() -> None:
    part = "param number int\noutput answer string = 'is ${number}'\n"

    deployment = deploy({"main.bicep": GROUP + MODULE, "part.bicep": part}, "main.bicep", {})

    assert deployment.outputs == {"answer": "is 7"}


def test_naming_a_resource_as_existing_waits_for_nothing() -> None:
    part = """
param number int
resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = { name: 'st' }
resource same 'Microsoft.Storage/storageAccounts@2025-06-01' existing = { name: 'st' }
resource one 'Microsoft.Web/serverfarms@2025-03-01' = { name: 'p${number}', tags: { a: account.id } }
resource two 'Microsoft.Web/serverfarms@2025-03-01' = { name: 'q', tags: { a: same.id } }
output answer string = account.properties.x
"""

    deployment = deploy({"main.bicep": GROUP + MODULE, "part.bicep": part}, "main.bicep", {})

    account, one, two = deployment.resources[1:]
    assert (account.id in one.needs, account.id in two.needs) == (True, False)
    assert deployment.outputs == {"answer": f"<{account.id}|properties.x>"}
