"""The tokens of a recording, such as ``<guid>`` and ``<timeT.fZ>``, and the way to and from values that stand for them.

A recording has lost its ids, times and places, so that two can be compared. To run one, each token gets a value again;
to compare what came out, values become tokens.
Invariant: ``with_tokens(filled(x)) == x``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["differences", "filled", "with_tokens", "without_stacks"]

_VALUES = {
    "<guid>": "0f0e0d0c-0b0a-4908-8706-050403020100",
    "<timeT.fZ>": "2026-11-23T10:46:15.3001369Z",
    "<timeT.f>": "2026-11-23T10:46:15.300137",
    "<timeT>": "0001-01-01T00:00:00",
    "<timeT.f+00:00>": "2026-11-23T10:46:15.300200+00:00",
    "<date>": "Mon, 23 Nov 2026 10:46:15 GMT",
}
_TOKEN = re.compile("|".join(map(re.escape, _VALUES)))
_RUN_TOKEN = re.compile(r"<([xy])\*(\d+)>")
_RUN = re.compile(r"([xy])\1{199,}")
_GUID = re.compile(
    r"(?<![0-9a-fA-F-])(?:[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|[0-9a-fA-F]{32})(?![0-9a-fA-F-])"
)
_DATE = re.compile(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT")
_TIME = re.compile(r"\d{4}-\d\d-\d\d([T ])\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?")
_EXCEPTION = re.compile(r'\{\\*"\$type\\*":\\*"(?:System|Microsoft|DurableTask).*', re.S)
_STACK = re.compile(r"\n?Stack:? .*", re.S)


def filled(value: Any) -> Any:
    """A JSON value of a recording with every token replaced by one fixed value of its kind."""
    return _in_texts(value, _fill)


def with_tokens(value: Any) -> Any:
    """A JSON value with ids, times and long runs replaced by tokens, as the recordings have them."""
    return _in_texts(value, _tokens)


def without_stacks(value: Any) -> Any:
    """A JSON value with its texts cut at the first .NET exception or stack: only what stands before has to agree."""
    return _in_texts(value, lambda text: _STACK.sub("<stack>", _EXCEPTION.sub("<exception>", text)).rstrip())


def differences(recorded: object, ours: object, path: str = "") -> list[str]:
    """Every difference of two JSON values, one line each: where, what the recording has, what we have.

    Kinds of values and the order of members count as well.
    """
    return list(_differences(recorded, ours, path))


def _in_texts(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_in_texts(item, change) for item in value]
    if isinstance(value, dict):
        return {change(key): _in_texts(item, change) for key, item in value.items()}
    return value


def _fill(text: str) -> str:
    text = _RUN_TOKEN.sub(lambda match: match[1] * int(match[2]), text)
    return _TOKEN.sub(lambda match: _VALUES[match[0]], text)


def _tokens(text: str) -> str:
    text = _RUN.sub(lambda match: f"<{match[1]}*{len(match[0])}>", text)
    text = _DATE.sub("<date>", _GUID.sub("<guid>", text))
    return _TIME.sub(lambda match: f"<time{match[1]}{'.f' if match[2] else ''}{match[3] or ''}>", text)


def _differences(recorded: object, ours: object, path: str) -> Iterator[str]:
    if isinstance(recorded, dict) and isinstance(ours, dict):
        for name in [*recorded, *(name for name in ours if name not in recorded)]:
            if name not in ours or name not in recorded:
                yield _line(f"{path}.{name}", recorded.get(name, "<absent>"), ours.get(name, "<absent>"))
            else:
                yield from _differences(recorded[name], ours[name], f"{path}.{name}")
        if list(recorded) != list(ours) and set(recorded) == set(ours):
            yield _line(f"{path}: order of members", list(recorded), list(ours))
    elif isinstance(recorded, list) and isinstance(ours, list):
        if len(recorded) != len(ours):
            yield _line(f"{path}: length", recorded, ours)
        for index, (theirs, mine) in enumerate(zip(recorded, ours, strict=False)):
            yield from _differences(theirs, mine, f"{path}[{index}]")
    elif type(recorded) is not type(ours) or recorded != ours:
        yield _line(path, recorded, ours)


def _line(path: str, recorded: object, ours: object) -> str:
    return f"{path or '.'}\n    recorded: {_short(recorded)}\n    ours:     {_short(ours)}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 600 else f"{text[:400]} ... {text[-200:]}"
