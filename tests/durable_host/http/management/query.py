"""Query parameters, read as .NET reads them, and JSON bodies, read as Newtonsoft does.

Texts of a request to values.
Invariant: a parameter that cannot be read counts as absent, as with .NET's TryParse; names have no case.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

from durable_engine import ORCHESTRATION_STATUS, Ticks, first_json, ticks_from_datetime, ticks_from_text, ticks_to_text
from durable_host.http.messages import Request

__all__ = ["QueryParameters", "body_text", "json_or_text", "with_dates"]

_ISO_DATE: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,7}))?(Z|[+-]\d\d:?\d\d)?\Z", re.ASCII)
_CHARSET: Final = re.compile(r"charset=\"?([\w.:-]+)", re.IGNORECASE)
_NET_DATE: Final = re.compile(r"/Date\((-?\d+)\)/\Z", re.ASCII)
# Python's own int and float take underscores and the digits of every script, which .NET does not; and int fails for
# more than 4,300 digits.
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,4000}\Z")
_DOUBLE: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?\Z", re.IGNORECASE)
_SPACE: Final = " \t\n\v\f\r"
_TICKS_PER_MILLISECOND: Final = 10_000


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
        value = self._word(name).lower()
        return value == "true" if value in ("true", "false") else default

    def whole(self, name: str, *, default: int) -> int:
        """An Int32; the default for anything else."""
        number = _int32(self._word(name))
        return default if number is None else number

    def seconds(self, name: str) -> float | None:
        """A number of seconds, None for anything else."""
        value = self._word(name)
        number = float(value) if _DOUBLE.match(value) else math.inf
        return number if math.isfinite(number) else None

    def moment(self, name: str) -> Ticks | None:
        """A point in time, None for anything else; without an offset it is UTC."""
        value = self._word(name)
        if not value.isascii():
            return None  # Python reads the digits of every script.
        for parse in (ticks_from_text, _iso_date, _mail_date, _slashed_date):
            try:
                return parse(value)
            except (IndexError, OverflowError, TypeError, ValueError):
                continue
        return None

    def statuses(self, name: str) -> Sequence[str]:
        """Runtime statuses by name, as the case is written, or by number; the rest is left out."""
        found = []
        for value in (self.text(name) or "").split(","):
            word = value.strip(_SPACE)
            if word in ORCHESTRATION_STATUS:
                found.append(word)
            elif (number := _int32(word)) is not None and 0 <= number < len(ORCHESTRATION_STATUS):
                found.append(ORCHESTRATION_STATUS[number])
        return found

    def _word(self, name: str) -> str:
        return (self.text(name) or "").strip(_SPACE)


def body_text(request: Request) -> str:
    """A body as text, in the charset of its content type, else in UTF-8, and without a byte order mark."""
    name = _CHARSET.search(request.headers.get("content-type", ""))
    try:
        text = request.body.decode(name[1] if name else "utf-8", "replace")
    except LookupError:
        text = request.body.decode("utf-8", "replace")
    return text.removeprefix("\ufeff")


def json_or_text(text: str | None) -> object:
    """A stored text as the API shows it: the JSON value it begins with, else the text; None stays None."""
    if text is None:
        return None
    trimmed = text.strip()
    if not trimmed:
        return ""
    try:
        value: object = first_json(trimmed)
        return value
    except ValueError:
        return trimmed


def with_dates(value: object) -> object:
    """The value with every text that looks like a date as .NET writes that date, on a machine whose time is UTC.

    So the real host shows the states of a list of entities, and those alone: elsewhere it leaves texts as they are.
    """
    if isinstance(value, dict):
        return {name: with_dates(item) for name, item in value.items()}
    if isinstance(value, list):
        return [with_dates(item) for item in value]
    return _as_date(value) if isinstance(value, str) else value


def _as_date(text: str) -> str:
    try:
        if found := _NET_DATE.match(text):
            return ticks_to_text(int(found[1]) * _TICKS_PER_MILLISECOND)
        if (found := _ISO_DATE.match(text)) is None:
            return text
        written = ticks_to_text(ticks_from_text(text)).removesuffix("Z")
    except (OverflowError, ValueError):
        return text
    zone = found[3] or ""
    return written + (zone if zone in ("", "Z") else "+00:00")


def _int32(text: str) -> int | None:
    if not _WHOLE.match(text):
        return None
    number = int(text)
    return number if -(2**31) <= number < 2**31 else None


def _iso_date(text: str) -> Ticks:
    return ticks_from_datetime(datetime.fromisoformat(text))


def _mail_date(text: str) -> Ticks:
    return ticks_from_datetime(parsedate_to_datetime(text))


def _slashed_date(text: str) -> Ticks:
    for form in ("%m/%d/%Y %H:%M:%S", "%m/%d/%Y"):
        try:
            return ticks_from_datetime(datetime.strptime(text, form))
        except ValueError:
            continue
    raise ValueError(f"{text!r} is not a date.")
