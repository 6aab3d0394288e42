"""What a real host can read: columns, members and literals, as it wrote them itself in every recording.

Learns from the recorded steps what a row or a message of each kind looks like, and holds others against it.
Invariant: a rule is only made of what was recorded; a kind that was never recorded is an error, not a pass. The real
reader takes cells by their types and throws on wrong ones; a column that is missing is a null to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from takeover.hub_state import HISTORY, BlobWrite, Put, RowWrite, Step, Write

__all__ = ["ReaderRules"]

_TABLE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z\Z")
_JSON_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,6}[1-9])?Z\Z")
# Cells that hold JSON of which the real host's reader makes an object.
_OBJECTS: Final = ("OrchestrationInstance", "ParentInstance")
_BLOBS: Final = (
    re.compile(r"(?P<key>[^/]+)/message-[0-9a-f]{32}-[A-Z]\w+\.json\.gz\Z"),
    re.compile(r"(?P<key>[^/]+)/history-[0-9A-F]{16}-[A-Z]\w+-[0-9A-F]{8}-[A-Z]\w+\.json\.gz\Z"),
)
# What is always the same in a recording because the recorded runs are, not because the real host cannot write else.
_FREE: Final = frozenset(
    {
        "ActivityId",
        "CompressedBlobName",
        "CustomStatus",
        "Data",
        "Details",
        "Episode",
        "ExecutionId",
        "Input",
        "InstanceId",
        "Name",
        "Output",
        "PartitionKey",
        "Reason",
        "Result",
        "ResultBlobName",
        "RowKey",
        "SequenceNumber",
        "TaskHubName",
    }
)


# Extension 3.15.2 wrote the recorded requests, and passes over columns that it does not know; 3.19 has these.
# In the sentinel, where a host of ours keeps the ids of the requests that an entity has applied, and notes what it is
# about to ask for. The real reader asks a sentinel for the columns that it knows by name, and passes over others.
_OURS_ALONE: Final = frozenset({"AppliedRequests", "LocalHostAttempt"})
_KEYS: Final = frozenset({"PartitionKey", "RowKey"})

_OF_NEWER_EXTENSIONS: Final = frozenset({"ParentInstanceId"})


@dataclass(slots=True)
class _Shape:
    """What was seen of one kind: for each name the types and the literals; the orders of the names."""

    types: dict[str, set[str]] = field(default_factory=dict)
    literals: dict[str, set[Any]] = field(default_factory=dict)
    orders: set[tuple[str, ...]] = field(default_factory=set)

    def learn(self, cells: Mapping[str, tuple[str, Any]]) -> None:
        self.orders.add(tuple(cells))
        for name, (kind, value) in cells.items():
            self.types.setdefault(name, set()).add(kind)
            self.literals.setdefault(name, set()).add(value)

    def problems(self, cells: Mapping[str, tuple[str, Any]], *, in_order: bool) -> Iterator[str]:
        if cells.keys() & _OURS_ALONE and cells.keys() <= _OURS_ALONE | _KEYS:
            return  # Merged into a row that stays as it is otherwise.
        for name, (kind, value) in cells.items():
            if name in _OF_NEWER_EXTENSIONS or name in _OURS_ALONE:
                continue
            if name not in self.types:
                yield f"has {name}, which was never recorded"
            elif kind not in self.types[name]:
                yield f"has {name} as {kind}, and {' or '.join(sorted(self.types[name]))} was recorded"
            elif (
                name.rpartition(".")[2] not in _FREE
                and kind not in ("time", "null")
                and value not in self.literals[name]
            ):
                yield f"has {value!r} as {name}, and {sorted(map(repr, self.literals[name]))} were recorded"
        for name in self.types.keys() - cells.keys():
            if "null" not in self.types[name] and all(name in order for order in self.orders):
                yield f"lacks {name}, which every recorded one has"
        if in_order and not any(_is_in_order_of(tuple(cells), order) for order in self.orders):
            yield f"has its members in the order {list(cells)}"


class ReaderRules:
    """The shapes of rows and messages. ``learn_from`` makes one; ``problems`` holds steps against it."""

    def __init__(self) -> None:
        self._rows: dict[str, _Shape] = {}
        self._messages: dict[str, _Shape] = {}

    @classmethod
    def learn_from(cls, steps: Iterable[Step]) -> Self:
        """The rules that these steps of real hosts follow."""
        rules = cls()
        for step in steps:
            if isinstance(step, Write):
                for write in step.rows:
                    rules._rows.setdefault(_row_kind(write), _Shape()).learn(_cells(write.row))
            elif isinstance(step, Put):
                rules._messages.setdefault(_message_kind(step), _Shape()).learn(_members(step.data))
                rules._messages.setdefault(_wire_kind(step), _Shape()).learn(_members(step.wire))
        return rules

    @property
    def kinds(self) -> list[str]:
        """The kinds of rows and messages that are known."""
        return sorted([*self._rows, *self._messages])

    def problems(self, step: Step) -> list[str]:
        """What a real host would not find as it expects it."""
        found: list[str] = []
        if isinstance(step, Write):
            for write in step.rows:
                kind = _row_kind(write)
                found += _told(kind, self._rows.get(kind), _cells(write.row), in_order=False)
        elif isinstance(step, Put):
            for kind, text in ((_message_kind(step), step.data), (_wire_kind(step), step.wire)):
                found += _told(kind, self._messages.get(kind), _members(text), in_order=True)
        elif isinstance(step, BlobWrite) and not any(pattern.match(step.name) for pattern in _BLOBS):
            found.append(f"a blob is named {step.name}")
        return found


def _told(kind: str, shape: _Shape | None, cells: Mapping[str, tuple[str, Any]], *, in_order: bool) -> list[str]:
    if shape is None:
        return [f"{kind} was never recorded"]
    return [f"{kind} {text}" for text in shape.problems(cells, in_order=in_order)]


def _row_kind(write: RowWrite) -> str:
    if write.table != HISTORY:
        return f"{write.verb} of an instance"
    return f"history row {write.row.get('EventType', write.row['RowKey'])}"


def _message_kind(put: Put) -> str:
    sender = "client" if not put.sender_id else "entity" if put.sender_id.startswith("@") else "orchestration"
    return f"message {put.kind} of {sender}"


def _wire_kind(put: Put) -> str:
    return "reference to a blob" if put.wire["CompressedBlobName"] else _message_kind(put)


def _cells(row: Mapping[str, Any]) -> dict[str, tuple[str, Any]]:
    """The types of a row's cells. A text that is a time must say that it is, and the other way round."""
    found = {}
    for name, cell in row.items():
        if name.endswith("@odata.type"):
            continue
        is_time = row.get(f"{name}@odata.type") == "Edm.DateTime"
        kind = type(cell).__name__
        if is_time:
            kind = "time" if _TABLE_TIME.match(str(cell)) else "broken time"
        elif name in _OBJECTS and cell not in (None, "null"):
            kind, cell = f"object of {', '.join(json.loads(cell))}", ""
        found[name] = ("null" if cell is None else kind, cell)
    return found


def _members(message: Mapping[str, Any], path: str = "") -> dict[str, tuple[str, Any]]:
    """The types of a message's members, by path, in their order."""
    found: dict[str, tuple[str, Any]] = {}
    for name, value in message.items():
        here = f"{path}{name}"
        if isinstance(value, Mapping):
            found[here] = ("object", "")
            found |= _members(value, f"{here}.")
        elif name in ("Timestamp", "FireAt"):
            found[here] = ("time" if _JSON_TIME.match(str(value)) else "broken time", value)
        else:
            found[here] = ("null" if value is None else type(value).__name__, value)
    return found


def _is_in_order_of(names: tuple[str, ...], order: tuple[str, ...]) -> bool:
    """Whether those that both have stand in the same order, with a type's name before all else of its object."""
    return [name for name in names if name in order] == [name for name in order if name in names]
