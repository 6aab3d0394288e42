"""JSON text as the host writes it: compact, non-ASCII plain, floats as .NET prints them."""

from __future__ import annotations

import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable_engine.model.dotnet_json import compact_json, parsed_json

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)
texts_without_lone_surrogates = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (1.5, "1.5"),
        (0.1, "0.1"),
        (-12.75, "-12.75"),
        (100.0, "100.0"),
        (0.0001, "0.0001"),
        (0.00001, "1E-05"),
        (0.000012345, "1.2345E-05"),
        (123456789012345.0, "123456789012345.0"),
        (100000000000000.0, "100000000000000.0"),
        (999999999999999.9, "999999999999999.9"),
        (1e15, "1E+15"),
        (1234567890123456.0, "1.234567890123456E+15"),
        (123456789012345678.0, "1.2345678901234568E+17"),
        (1e21, "1E+21"),
        (1e300, "1E+300"),
        (5e-324, "5E-324"),
        (1.7976931348623157e308, "1.7976931348623157E+308"),
        (math.nan, '"NaN"'),
        (math.inf, '"Infinity"'),
        (-math.inf, '"-Infinity"'),
    ],
)
def test_float_is_written_as_dotnet_prints_it(value: float, text: str) -> None:
    assert compact_json(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_float_reads_back_as_itself(value: float) -> None:
    text = compact_json(value)

    assert json.loads(text) == value
    assert math.copysign(1, json.loads(text)) == math.copysign(1, value)
    assert re.fullmatch(r"-?\d+\.\d+|-?\d(\.\d+)?E[+-]\d{2,3}", text), "what .NET prints has a point or an exponent"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (2**60, "1152921504606846976"),
        (-(2**70), "-1180591620717411303424"),
        ("é😀", '"é😀"'),
        ('a "b" \\ c/d', '"a \\"b\\" \\\\ c/d"'),
        ("\n\t\r\b\f\x01\x1f\x7f", '"\\n\\t\\r\\b\\f\\u0001\\u001f\x7f"'),
        ("\u0085\u2028\u2029", '"\\u0085\\u2028\\u2029"'),
        ("\ud800", '"\ufffd"'),
        ([1, [None], {}], "[1,[null],{}]"),
        ((1, 2), "[1,2]"),
        ({"a": {"b": None}, "$type": "x"}, '{"a":{"b":null},"$type":"x"}'),
    ],
)
def test_value_is_written_as_newtonsoft_writes_it(value: object, text: str) -> None:
    assert compact_json(value) == text


@given(values)
def test_value_without_lone_surrogates_reads_back_as_itself(value: object) -> None:
    text = compact_json(value)

    assert text.encode("utf-8"), "it can always be stored"
    if "\ufffd" not in text:
        assert json.loads(text) == value


@given(st.dictionaries(texts_without_lone_surrogates, st.integers()))
def test_members_keep_their_order(value: dict[str, int]) -> None:
    assert list(json.loads(compact_json(value))) == list(value)


def test_what_is_not_json_is_refused_with_its_kind() -> None:
    with pytest.raises(TypeError, match="set is not JSON"):
        compact_json([{1}])


@pytest.mark.parametrize(
    ("text", "value"),
    [(None, None), ("null", None), ('"{}"', "{}"), ('{"a": 1}', {"a": 1}), ("plain text", "plain text")],
)
def test_stored_text_is_parsed_where_it_is_json(text: str | None, value: object) -> None:
    assert parsed_json(text) == value
