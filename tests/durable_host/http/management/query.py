"""Query parameters, read as .NET reads them, and JSON bodies, read as Newtonsoft does.

Texts of a request to values.
Invariant: a parameter that cannot be read counts as absent, as with .NET's TryParse; names have no case.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

from durable_engine import ORCHESTRATION_STATUS, Ticks, ticks_from_datetime, ticks_from_text

__all__ = ["QueryParameters", "body_text", "first_value", "json_or_text"]

_DECODER: Final = json.JSONDecoder()
_AFTER_A_LITERAL: Final = frozenset(" \t\r\n,]}:/")


class QueryParameters:
    """The query of one request."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name.lower(), []).append(value)

    def text(self, name: str) -> str | None:
        """The value; repeated ones joined by commas, None when absent."""
        values = self._values.get(name.lower())
        return ",".join(values) if values is not None else None

    def flag(self, name: str, *, default: bool) -> bool:
        """A boolean; the default for anything but true and false."""
        value = (self.text(name) or "").strip().lower()
        return value == "true" if value in ("true", "false") else default

    def whole(self, name: str, *, default: int) -> int:
        """An integer; the default for anything else."""
        try:
            return int((self.text(name) or "").strip())
        except ValueError:
            return default

    def seconds(self, name: str) -> float | None:
        """A number of seconds, None for anything else."""
        try:
            value = float((self.text(name) or "").strip())
        except ValueError:
            return None
        return value if math.isfinite(value) else None

    def moment(self, name: str) -> Ticks | None:
        """A point in time, None for anything else; without an offset it is UTC."""
        value = (self.text(name) or "").strip()
        try:
            return ticks_from_text(value)
        except ValueError:
            pass
        for parse in (datetime.fromisoformat, parsedate_to_datetime, _slashed_date):
            try:
                return ticks_from_datetime(parse(value))
            except (ValueError, TypeError, IndexError):
                continue
        return None

    def statuses(self, name: str) -> Sequence[str]:
        """Runtime statuses by name, as the case is written, or by number; the rest is left out."""
        found = []
        for value in (self.text(name) or "").split(","):
            word = value.strip()
            if word in ORCHESTRATION_STATUS:
                found.append(word)
            elif word.isdecimal() and int(word) < len(ORCHESTRATION_STATUS):
                found.append(ORCHESTRATION_STATUS[int(word)])
        return found


def body_text(body: bytes) -> str:
    """A body as text: UTF-8, without its mark, whatever the content type says."""
    return body.decode("utf-8-sig", "replace")


def first_value(text: str) -> object:
    """The JSON value at the start of a text. Like Newtonsoft's loader, this reads no further: ``5 apples`` is 5."""
    start = len(text) - len(text.lstrip())
    value, end = _DECODER.raw_decode(text, start)
    is_literal = not isinstance(value, str | list | dict)
    if is_literal and end < len(text) and text[end] not in _AFTER_A_LITERAL:
        raise json.JSONDecodeError("Unexpected character encountered while parsing value", text, end)
    parsed: object = value
    return parsed


def json_or_text(text: str | None) -> object:
    """A stored text as the API shows it: the JSON value it begins with, else the text; None stays None."""
    if text is None:
        return None
    trimmed = text.strip()
    if not trimmed:
        return ""
    try:
        return first_value(trimmed)
    except ValueError:
        return trimmed


def _slashed_date(text: str) -> datetime:
    for form in ("%m/%d/%Y %H:%M:%S", "%m/%d/%Y"):
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    raise ValueError(f"{text!r} is not a date.")
