"""Values to be read by people: JSON as a tree that folds, and failures with the app's own frames first.

From stored texts to what the templates draw.
Invariant: nothing is left out without saying so; the whole text is one link away.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from durable_engine import compact_json, plain_input

__all__ = ["Failure", "Frame", "Node", "failure_of", "input_tree", "value_tree"]

_SHORT: Final = 72
_LONGEST_TEXT: Final = 4000
_MOST_MEMBERS: Final = 200
_DEEPEST: Final = 12
_LONGEST_JSON: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A value: ``text`` where it is shown as it is, else ``members``. ``rest`` counts what is not shown of it.

    ``kind`` is text, number, word (true, false, null), object, array or plain (no JSON at all).
    """

    kind: str
    text: str = ""
    members: tuple[tuple[str, Node], ...] = ()
    size: int = 0
    rest: int = 0

    @property
    def summary(self) -> str:
        """A container in a few words."""
        noun = "member" if self.kind == "object" else "item"
        return f"{self.size} {noun}{'' if self.size == 1 else 's'}"


def value_tree(text: str | None) -> Node | None:
    """A stored JSON text as a tree; one that is no JSON is shown as it is."""
    if text is None:
        return None
    if len(text) > _LONGEST_JSON:
        return _cut("plain", text)
    try:
        return _node(json.loads(text), 0)
    except (ValueError, RecursionError):
        return _cut("plain", text)


def input_tree(text: str | None) -> Node | None:
    """An input as its caller wrote it, without the second encoding that the SDK gives it."""
    return None if text is None else value_tree(plain_input(text))


def _node(value: Any, depth: int) -> Node:
    match value:
        case str():
            return _cut("text", value)
        case bool() | None:
            return Node(kind="word", text=compact_json(value))
        case int() | float():
            return Node(kind="number", text=compact_json(value))
        case dict():
            pairs, kind = [(str(name), one) for name, one in value.items()], "object"
        case _:
            pairs, kind = [(str(place), one) for place, one in enumerate(value)], "array"
    whole = json.dumps(value, ensure_ascii=False) if len(pairs) <= _SHORT else ""
    is_flat = not any(isinstance(one, dict | list) and one for _, one in pairs)
    if depth >= _DEEPEST or not pairs or (is_flat and whole and len(whole) <= _SHORT):
        return _cut(kind, whole or json.dumps(value, ensure_ascii=False), size=len(pairs))
    members = tuple((name, _node(one, depth + 1)) for name, one in pairs[:_MOST_MEMBERS])
    return Node(kind=kind, members=members, size=len(pairs), rest=len(pairs) - len(members))


def _cut(kind: str, text: str, *, size: int = 0) -> Node:
    return Node(kind=kind, text=text[:_LONGEST_TEXT], size=size, rest=max(0, len(text) - _LONGEST_TEXT))


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame of a traceback: its lines, and whether it is the app's own."""

    text: str
    is_own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A failure: where it happened in words, what was raised, and the frames, the innermost last."""

    where: str
    raised: str
    frames: tuple[Frame, ...] = field(default=())

    @property
    def own_frames(self) -> tuple[Frame, ...]:
        """The frames of the app's own files."""
        return tuple(frame for frame in self.frames if frame.is_own)


_WHERE: Final = re.compile(r"((?:Orchestrator|Activity) function '[^']*') failed: +", re.DOTALL)
_DETAILS: Final = re.compile(r"\s*\n?\s*(\{.*\})\s*\Z", re.DOTALL)
_REPORT: Final = re.compile(r"(?:Result: Failure\s+)?Exception: (.*?)\nStack: (.*)", re.DOTALL)
_FRAME: Final = re.compile(r'^  File "(.*?)", line \d+', re.MULTILINE)
# What is between the app and the host: the worker, the SDK, installed packages, Python's own library, and this host.
_NOT_OWN: Final = re.compile(
    r"site-packages|dist-packages|azure_functions_worker|<worker>|<python>|<frozen|/lib/python|\\Lib\\|durable_(host|engine)"
)


def failure_of(text: str | None, details: str | None = None, *, root: str = "") -> Failure | None:
    """A failure out of the text that the host stores: an output, or the reason and details of a failed activity.

    ``root`` is the folder of the app: its files are shown by where they are in it.
    """
    if text is None:
        return None
    where = " → ".join(dict.fromkeys(match[1] for match in _WHERE.finditer(text[:2000])))
    message = _WHERE.sub("", text, count=2) if where else text
    found = _DETAILS.search(message)
    stacks = list(_remote_stacks(details or (found[1] if found else "")))
    if found and stacks:
        message = message[: found.start()]
    report = _REPORT.search(message)
    if report is not None:
        stacks = stacks or [report[2]]
        message = report[1]
    stack = stacks[-1] if stacks else ""
    frames = tuple(_frames(stack.replace(f'File "{root}{os.sep}', 'File "') if root else stack))
    return Failure(where=where, raised=message.strip().removesuffix("\n)") or text, frames=frames)


def _remote_stacks(details: str) -> Iterator[str]:
    """The Python tracebacks in .NET's JSON of an exception, the outermost first."""
    try:
        value: Any = json.loads(details)
    except ValueError:
        return
    while isinstance(value, dict):
        stack = value.get("RemoteStackTrace")
        if isinstance(stack, str) and stack:
            yield stack
        value = value.get("InnerException")


def _frames(stack: str) -> Iterator[Frame]:
    edges = [*(match.start() for match in _FRAME.finditer(stack)), len(stack)]
    for start, end in pairwise(edges):
        text = stack[start:end].rstrip("\n)")
        path = _FRAME.match(text)
        yield Frame(text=text, is_own=path is not None and not _NOT_OWN.search(path[1]))
