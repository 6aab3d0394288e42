"""Every exported name with its signature and the first sentence of its docstring, two pages in all."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import durable_harness

__all__ = ["public_names"]

_LONGEST: Final = 80
"""Longer signatures are listed without their defaults."""
_SHOWN_WHOLE: Final[tuple[str, ...]] = ("Harness", "Instance", "EntityHandle", "Run", "Exploration", "Pending")
"""The classes whose methods and attributes are listed too; of the others the fields say it all."""


def public_names() -> Iterator[str]:
    """One line for each exported name; classes first, then functions and values, then errors."""
    names = [name for name in durable_harness.__all__ if not name.startswith("_")]
    whats = {name: getattr(durable_harness, name) for name in names}
    errors = [name for name in names if _is_error(whats[name])]
    classes = [name for name in names if isinstance(whats[name], type) and name not in errors]
    whole = [name for name in _SHOWN_WHOLE if name in classes]
    for name in whole:
        yield from _class_lines(name, whats[name])
    for name in classes:
        if name not in whole:
            yield f"{name}{_fields(whats[name])}: {_sentence(whats[name])}"
    yield ""
    for name in names:
        if name not in classes and name not in errors:
            yield _line(name, whats[name])
    yield ""
    for name in errors:
        yield f"{name}: {_sentence(whats[name])}"


def _is_error(what: object) -> bool:
    return isinstance(what, type) and issubclass(what, BaseException)


def _class_lines(name: str, cls: type) -> Iterator[str]:
    # Of the others, nobody but the harness makes one.
    signature = _signature(cls) if name == "Harness" else ""
    yield f"{name}{signature}: {_sentence(cls)}"
    if hasattr(cls, "__dataclass_fields__"):
        yield f"    {', '.join(cls.__dataclass_fields__)}"
    own_and_shared = {own: what for one in cls.__mro__[-2::-1] for own, what in vars(one).items()}
    for own, what in own_and_shared.items():
        if own.startswith("_") or own in getattr(cls, "__dataclass_fields__", {}):
            continue
        if isinstance(what, property):
            yield f"    .{own}: {_sentence(what)}"
        elif inspect.isfunction(what):
            yield f"    .{own}{_signature(what)}: {_sentence(what)}"


def _line(name: str, what: object) -> str:
    if inspect.isfunction(what):
        return f"{name}{_signature(what)}: {_sentence(what)}"
    return f"{name}: {_sentence(what)}"


def _fields(cls: type) -> str:
    fields = getattr(cls, "__dataclass_fields__", None)
    is_value = fields is not None and getattr(cls, "__dataclass_params__").frozen  # noqa: B009 - mypy knows no such name
    return "" if fields is None or not is_value else f"({', '.join(own for own in fields if not own.startswith('_'))})"


def _signature(function: Callable[..., Any]) -> str:
    """The parameters by name, with their defaults: types are in the editor."""
    shown = []
    is_keyword = False
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not is_keyword:
            shown.append("*")
            is_keyword = True
        star = "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
        is_keyword = is_keyword or bool(star)
        default = "" if parameter.default is parameter.empty else f"={_value(parameter.default)}"
        shown.append(f"{star}{parameter.name}{default}")
    text = f"({', '.join(shown)})"
    return text if len(text) <= _LONGEST else f"({', '.join(one.partition('=')[0] for one in shown)})"


def _value(default: object) -> str:
    text = repr(default)
    return text if len(text) <= 20 else "..."


def _sentence(what: Any) -> str:
    text = " ".join((inspect.getdoc(what) or "").split())
    found = re.match(r".*?\.(?= |$)", text)
    return found[0] if found else text
