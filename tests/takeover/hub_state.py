"""What a task hub holds after some of the writes of a run: rows, messages and blobs, as storage would hold them.

The model of storage in which the takeover suite cuts runs off.
Invariant: applying the same steps gives the same state, and a state never changes what it was made of.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, Self

__all__ = [
    "HISTORY",
    "INSTANCES",
    "WORK_ITEMS",
    "BlobWrite",
    "Delete",
    "HubState",
    "Put",
    "QueuedMessage",
    "RowWrite",
    "Step",
    "Take",
    "Write",
    "without_nulls",
]

Row = Mapping[str, Any]

HISTORY: Final = "History"
INSTANCES: Final = "Instances"
WORK_ITEMS: Final = "workitems"
_LAST_BLOCK: Final = 10
"""The real host writes the end of a packed text, so many bytes, as a block of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that happened to the hub's storage, so many milliseconds after the run began."""

    at_ms: float

    @property
    def label(self) -> str:
        """What happened, in two or three words."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Put(Step):
    """A message was put into a queue. ``wire`` is its text as JSON; ``data`` is what the text, or its blob, says.

    ``queue`` is the id of the instance whose control queue it is, or ``WORK_ITEMS``.
    """

    key: str
    queue: str
    wire: Mapping[str, Any]
    data: Mapping[str, Any]
    visible_after: int | None = None

    @property
    def event(self) -> Mapping[str, Any]:
        """The event that the message brings."""
        event: Mapping[str, Any] = self.data["TaskMessage"]["Event"]
        return event

    @property
    def kind(self) -> str:
        """The kind of the event, as the history table calls it."""
        name = str(self.event["$type"]).rpartition(".")[2]
        return name if name == "GenericEvent" else name.removesuffix("Event")

    @property
    def instance_id(self) -> str:
        """The instance that the event belongs to."""
        return str(self.data["TaskMessage"]["OrchestrationInstance"]["InstanceId"])

    @property
    def sender_id(self) -> str:
        """The instance that sent it; empty for a client."""
        return str(self.data["Sender"]["InstanceId"])

    @property
    def label(self) -> str:
        """What happened, in two or three words."""
        return f"put {self.kind}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Take(Step):
    """Messages were received, and are invisible until they are deleted or their time is up."""

    keys: tuple[str, ...]

    @property
    def label(self) -> str:
        """What happened, in two or three words."""
        return f"take {len(self.keys)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete(Step):
    """A message was deleted."""

    key: str

    @property
    def label(self) -> str:
        """What happened, in two or three words."""
        return f"delete {self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowWrite:
    """One row of a request: how it was written, to which table (without the hub's name), and what was sent."""

    verb: str
    table: str
    row: Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Write(Step):
    """Rows were written, all at once."""

    rows: tuple[RowWrite, ...]

    @property
    def table(self) -> str:
        """The table of all of them."""
        return self.rows[0].table

    @property
    def partition_key(self) -> str:
        """The partition of all of them."""
        return str(self.rows[0].row["PartitionKey"])

    @property
    def label(self) -> str:
        """What happened, in two or three words."""
        return f"{self.rows[-1].verb} {self.table}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobWrite(Step):
    """A blob was written, or the blocks that it consists of were changed: it now holds so much of the packed text."""

    name: str
    text: str
    share: Literal["nothing", "most", "all"] = "all"

    @property
    def content(self) -> bytes:
        """What the blob holds."""
        if self.share == "nothing":
            return b""
        packed = gzip.compress(self.text.encode(), mtime=0)
        return packed if self.share == "all" else packed[:-_LAST_BLOCK]

    @property
    def label(self) -> str:
        """What happened, in two or three words."""
        return "put blob"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedMessage:
    """A message that is in its queue; ``taken`` is how often it was received."""

    put: Put
    taken: int = 0


@dataclass(slots=True)
class HubState:
    """Rows by table, partition and key; messages and blobs by name, in the order in which they came."""

    rows: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)
    messages: dict[str, QueuedMessage] = field(default_factory=dict)
    blobs: dict[str, BlobWrite] = field(default_factory=dict)

    @classmethod
    def after(cls, steps: Iterable[Step]) -> Self:
        """The state that these steps leave."""
        state = cls()
        for step in steps:
            state.apply(step)
        return state

    def apply(self, step: Step) -> None:
        """Let one step happen; what storage would refuse is an error."""
        match step:
            case Put():
                self.messages[step.key] = QueuedMessage(put=step)
            case Take():
                for key in step.keys:
                    self.messages[key] = replace(self.messages[key], taken=self.messages[key].taken + 1)
            case Delete():
                del self.messages[step.key]
            case BlobWrite():
                self.blobs[step.name] = step
            case Write():
                for write in step.rows:
                    self._write(write)

    def instance(self, instance_id: str) -> dict[str, Any] | None:
        """The row of an instance, or None."""
        return self.rows.get((INSTANCES, instance_id, ""))

    def partition(self, table: str, partition_key: str) -> list[dict[str, Any]]:
        """The rows of one partition, in the order of their keys."""
        found = [(key[2], row) for key, row in self.rows.items() if key[:2] == (table, partition_key)]
        return [row for _, row in sorted(found, key=lambda pair: pair[0])]

    def _write(self, write: RowWrite) -> None:
        key = (write.table, str(write.row["PartitionKey"]), str(write.row["RowKey"]))
        if write.verb == "DELETE":
            del self.rows[key]
            return
        before = self.rows.get(key, {})
        if write.verb == "POST" and before:
            raise ValueError(f"The row {key} was inserted, and is there already.")
        row = without_nulls(write.row)
        self.rows[key] = {**before, **row} if write.verb == "PATCH" else row


def without_nulls(row: Row) -> dict[str, Any]:
    """The row as storage keeps it: a null stores nothing, and leaves in a merge what was there."""
    return {column: cell for column, cell in row.items() if cell is not None}
