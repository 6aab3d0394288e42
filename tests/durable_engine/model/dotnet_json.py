"""JSON text as the host writes it: Newtonsoft's compact form, which Python's ``json`` does not quite write.

Every result, input and error that the engine stores goes through ``compact_json``.
Invariant: the text holds no lone surrogate, so that it can always be stored as UTF-8.
"""

from __future__ import annotations

import math
import re
from json.encoder import encode_basestring
from typing import Any

from durable_engine.model.json_reader import JsonReaderError, read_json

__all__ = ["compact_json", "parsed_json"]

# Newtonsoft escapes these three, Python does not.
_LINE_ENDS = re.compile("[\u0085\u2028\u2029]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def compact_json(value: object) -> str:
    """The value as compact JSON: non-ASCII plain, floats as .NET prints them (``1E+300``, ``1.0``)."""
    if isinstance(value, str):
        text: str = encode_basestring(value)
        if text.isascii():
            return text
        if _LONE_SURROGATE.search(text):
            text = _LONE_SURROGATE.sub("\ufffd", text)
        return _LINE_ENDS.sub(lambda m: f"\\u{ord(m[0]):04x}", text)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{compact_json(str(k))}:{compact_json(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(compact_json, value)) + "]"
    raise TypeError(f"{type(value).__name__} is not JSON: pass parsed JSON (dict, list, str, int, float, bool, None).")


def parsed_json(text: str | None) -> Any:
    """The value of a stored text: parsed where the host can read it, else the text itself; None for None."""
    if text is None:
        return None
    try:
        # A comment is a value to the host's reader, and an empty one.
        return None if text.lstrip().startswith(("//", "/*")) else read_json(text)
    except JsonReaderError:
        return text


def _float_text(value: float) -> str:
    # Newtonsoft reads the bare words that Python writes for these, and writes them as strings.
    if math.isnan(value):
        return '"NaN"'
    if math.isinf(value):
        return '"Infinity"' if value > 0 else '"-Infinity"'
    sign, digits, exponent = _shortest(value)
    point = len(digits) + exponent
    if -4 < point <= 15:
        if exponent >= 0:
            return f"{sign}{digits}{'0' * exponent}.0"
        if point > 0:
            return f"{sign}{digits[:point]}.{digits[point:]}"
        return f"{sign}0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    power = point - 1
    return f"{sign}{digits[0]}{fraction}E{'+' if power >= 0 else '-'}{abs(power):02d}"


def _shortest(value: float) -> tuple[str, str, int]:
    """Sign, significant digits and power of ten of the shortest text that reads back as the value."""
    mantissa, _, power = f"{value!r}".partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    exponent = int(power or 0) - len(fraction)
    stripped = digits.rstrip("0")
    if not stripped:
        return sign, "0", 0
    return sign, stripped, exponent + len(digits) - len(stripped)
