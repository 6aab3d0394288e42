"""What a test passes in, checked at the door: a wrong kind is refused in the words of the API, with what was meant."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from durable_harness.core.errors import WrongArgumentError
from durable_harness.core.virtual_clock import to_ticks

__all__ = ["count", "delay", "did_you_mean", "function", "json_text", "one_of", "takes_one_argument", "text"]


def text(value: object, what: str) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value:
        raise WrongArgumentError(f"{what} is a text that is not empty, not {shown(value)}.")
    return value


def one_of(value: object, what: str, allowed: Iterable[str]) -> str:
    """One of these texts."""
    names = list(allowed)
    if value not in names:
        raise WrongArgumentError(
            f"{what} is {' or '.join(map(repr, names))}, not {shown(value)}.{did_you_mean(value, names)}"
        )
    return str(value)


def count(value: object, what: str, *, least: int) -> int:
    """A whole number that is not below ``least``."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise WrongArgumentError(f"{what} is a whole number from {least} on, not {shown(value)}.")
    return value


def delay(value: object, what: str) -> int:
    """The ticks of a duration, which is a ``timedelta`` or a number of seconds, and not negative."""
    if isinstance(value, bool) or not isinstance(value, (timedelta, int, float)):
        raise WrongArgumentError(
            f"{what} is a timedelta or a number of seconds, not {shown(value)}: {what}=timedelta(minutes=5)."
        )
    if not to_ticks(0) <= to_ticks(value):
        raise WrongArgumentError(f"{what} is not negative, and {shown(value)} is: time only goes on.")
    return to_ticks(value)


def json_text(value: object, what: str, encode: Callable[[Any], str]) -> str:
    """The JSON text of a value, made by ``encode``."""
    try:
        return encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise WrongArgumentError(f"{what} has to become JSON, and {shown(value)} cannot: {error}.") from None


def function(value: object, what: str, takes: str = "") -> None:
    """A function, of one argument where ``takes`` says which, else of none."""
    wanted = f"a function of {takes}" if takes else "a function of no argument"
    if not callable(value) or isinstance(value, type):
        raise WrongArgumentError(f"{what} is {wanted}, not {shown(value)}.")
    if not _takes(value, 1 if takes else 0):
        raise WrongArgumentError(
            f"{what} is {wanted}, and {getattr(value, '__qualname__', value)!s} does not take that."
        )


def takes_one_argument(function: Callable[..., Any]) -> bool:
    """Whether a function can be called with one argument; True where Python cannot say."""
    return _takes(function, 1)


def _takes(function: Callable[..., Any], count: int) -> bool:
    try:
        inspect.signature(function).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def did_you_mean(given: object, known: Iterable[str]) -> str:
    """A hint at the name that was probably meant, with a space before it; empty where none is near."""
    names = {name.lower(): name for name in known}
    near = difflib.get_close_matches(str(given).lower(), names, n=1)
    return f" Did you mean {names[near[0]]!r}?" if near else ""


def shown(value: object) -> str:
    """A value and its type, in a few words."""
    words = repr(value)
    return f"{words if len(words) <= 60 else words[:57] + '...'} ({type(value).__name__})"
