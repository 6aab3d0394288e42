"""JSON as the host's reader takes it: what it allows beyond the standard, its limits, and its words for the rest."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable_engine.model.json_reader import (
    JsonMetadataError,
    JsonReaderError,
    Reader,
    first_json,
    is_within_depth,
    read_json,
    read_object,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON, st.sampled_from([None, 1]))
def test_standard_json_is_read_as_python_reads_it_by_both_readers(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)

    assert read_json(text) == value
    assert Reader(text).value() == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("// why\n1", 1),
        ("/* why */ [1, /* two */ 2]", [1, 2]),
        ("'it\"s'", 'it"s'),
        ("{a: 1, $b_2: 'c'}", {"a": 1, "$b_2": "c"}),
        ("[1,]", [1]),
        ("[1,,2]", [1, None, 2]),
        ("{'a': [1, {b: 2,},],}", {"a": [1, {"b": 2}]}),
        ("01", 1),
        ("017", 15),
        ("0x1F", 31),
        ("undefined", None),
        ("-Infinity", -math.inf),
        ("1e400", math.inf),
        ('"a\tb"', "a\tb"),
        ('"\\ud83d\\ude00"', "\U0001f600"),
        ("1" * 380, int("1" * 380)),
    ],
)
def test_more_than_the_standard_is_read(text: str, value: object) -> None:
    assert read_json(text) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2", "Additional text encountered after finished reading JSON content: 2. Path '', line 1, position 2."),
        ("\x1f", "Unexpected character encountered while parsing value: \x1f. Path '', line 0, position 0."),
        ('{"a": [1, x]}', "Unexpected character encountered while parsing value: x. Path 'a[1]', line 1, position 10."),
        (
            '{"a.b": [x]}',
            "Unexpected character encountered while parsing value: x. Path '['a.b'][0]', line 1, position 9.",
        ),
        ("[1\n2]", "After parsing a value an unexpected character was encountered: 2. Path '[0]', line 2, position 0."),
        (
            '{"a" 1}',
            "Invalid character after parsing property name. Expected ':' but got: 1. Path '', line 1, position 5.",
        ),
        ("1" * 381, f"JSON integer {'1' * 381} is too large to parse. Path '', line 1, position 381."),
    ],
)
def test_what_is_refused_is_told_with_path_line_and_position(text: str, message: str) -> None:
    with pytest.raises(JsonReaderError) as refused:
        read_json(text)

    assert str(refused.value) == message


@pytest.mark.parametrize("text", ["", "   ", "{", "[1", '"abc', "nul", "tru", "-", "{,}", "/* open"])
def test_what_is_cut_off_is_refused(text: str) -> None:
    with pytest.raises(JsonReaderError):
        read_json(text)


@pytest.mark.parametrize(("opening", "closing", "path"), [("[", "]", "[0]" * 64), ('{"n":', "}", ".".join(["n"] * 64))])
def test_64_levels_are_read_and_the_next_is_refused_where_it_begins(opening: str, closing: str, path: str) -> None:
    most, more = (opening * levels + "1" + closing * levels for levels in (64, 65))

    with pytest.raises(JsonReaderError) as refused:
        read_json(more)

    assert is_within_depth(read_json(most))
    position = 64 * len(opening) + 1
    assert str(refused.value) == (
        f"The reader's MaxDepth of 64 has been exceeded. Path '{path}', line 1, position {position}."
    )


def test_very_deep_json_is_refused_and_does_not_end_the_process() -> None:
    with pytest.raises(JsonReaderError, match="MaxDepth of 64"):
        read_json("[" * 100_000)


def test_the_value_at_the_start_is_read_and_no_further() -> None:
    assert first_json("5 apples") == 5
    assert first_json('{"a": 1} {') == {"a": 1}


def test_the_outermost_objects_metadata_is_the_readers_own() -> None:
    assert read_object('{"$type": "T", "$id": "1", "a": {"$type": "U"}}') == {"a": {"$type": "U"}}
    assert read_object('{"a": 1, "$type": "T"}') == {"a": 1, "$type": "T"}
    assert read_object('{"$ref": "1"}') is None
    with pytest.raises(JsonMetadataError, match=r"should only have a \$ref property\. Path 'b', line 1, position 16\."):
        read_object('{"$ref":"1","b":2}')
