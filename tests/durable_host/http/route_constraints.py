"""The constraints that a route parameter may carry, such as ``int`` in ``{id:int}``.

From a constraint's text to a test of a value, with ASP.NET's meaning of each.
Invariant: a constraint that ASP.NET does not know has no test, and the caller refuses the route.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final

__all__ = ["constraint"]

Check = Callable[[str], bool]

_GUID: Final = re.compile(
    r"(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\{[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}"
    r"|\([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\))\Z",
    re.IGNORECASE,
)
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,4000}\Z")  # int fails for more than 4,300 digits
_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9][0-9,]*\.?[0-9]*|\.[0-9]+)\Z")
_FLOAT: Final = re.compile(r"[+-]?(?:[0-9][0-9,]*\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?\Z", re.IGNORECASE)
_CALL: Final = re.compile(r"(\w+)\((.*)\)\Z", re.DOTALL)


def constraint(text: str) -> Check | None:
    """The test of a constraint, None when there is no such constraint."""
    if text in _SIMPLE:
        return _SIMPLE[text]
    call = _CALL.match(text)
    if call is None:
        return None
    name, argument = call[1], call[2]
    if name == "regex":
        pattern = re.compile(argument, re.IGNORECASE)
        return lambda value: pattern.search(value) is not None
    try:
        numbers = [int(number) for number in argument.split(",")]
    except ValueError:
        return None
    return _with_numbers(name, numbers)


def _with_numbers(name: str, numbers: list[int]) -> Check | None:
    if name == "length" and len(numbers) in (1, 2):
        return lambda value: numbers[0] <= len(value) <= numbers[-1]
    if name == "range" and len(numbers) == 2:
        return lambda value: _is_whole(value, 64) and numbers[0] <= int(value) <= numbers[1]
    if len(numbers) != 1:
        return None
    limit = numbers[0]
    one: dict[str, Check] = {
        "minlength": lambda value: len(value) >= limit,
        "maxlength": lambda value: len(value) <= limit,
        "min": lambda value: _is_whole(value, 64) and int(value) >= limit,
        "max": lambda value: _is_whole(value, 64) and int(value) <= limit,
    }
    return one.get(name)


def _is_whole(value: str, bits: int) -> bool:
    limit = 1 << (bits - 1)
    return _WHOLE.match(value) is not None and -limit <= int(value) < limit


def _is_datetime(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


_SIMPLE: Final[dict[str, Check]] = {
    "int": lambda value: _is_whole(value, 32),
    "long": lambda value: _is_whole(value, 64),
    "bool": lambda value: value.lower() in ("true", "false"),
    "alpha": lambda value: re.fullmatch("[a-z]*", value, re.IGNORECASE) is not None,
    "guid": lambda value: _GUID.match(value) is not None,
    "decimal": lambda value: _DECIMAL.match(value) is not None,
    "double": lambda value: _FLOAT.match(value) is not None,
    "float": lambda value: _FLOAT.match(value) is not None,
    "datetime": _is_datetime,
    "required": lambda value: value != "",
}
