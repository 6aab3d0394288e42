"""What an entity remembers between its batches: state, waiting operations, lock, and the order of its messages.

The Durable extension's scheduler state with its message sorter, and its JSON, which is the entity's stored input.
Invariant: ``SchedulerState.parse(s.text).text == s.text``; members that hold their default are left out.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from durable_engine.entities.messages import REQUEST_TYPE, Stamp
from durable_engine.model.dotnet_json import compact_json
from durable_engine.model.ticks import NEVER, TICKS_PER_SECOND, Ticks, ticks_from_text

__all__ = ["MessageSorter", "Request", "SchedulerState", "message_object"]

_REORDER_WINDOW: Final = 30 * 60 * TICKS_PER_SECOND
_BETWEEN_COLLECTIONS: Final = 10 * TICKS_PER_SECOND
_UNSET: Final = Stamp(NEVER)
_TEXTS: Final = ("op", "input", "parentExecution", "Timestamp", "Predecessor", "due")
_ENTITY_ID: Final = ("name", "key")


@dataclass(frozen=True, slots=True)
class Request:
    """An operation or a lock request on its way to an entity; ``data`` is its JSON, without a ``$type``."""

    data: Mapping[str, Any]

    @classmethod
    def parse(cls, text: str) -> Request:
        """The request of an event's input.

        Raises:
            ValueError: It is none; the text says why.
        """
        data = message_object(text)
        request = cls({name: value for name, value in data.items() if name != "$type"})
        request._check()
        return request

    @property
    def text(self) -> str:
        """The request as an event's input, as an entity sends it."""
        return compact_json({"$type": REQUEST_TYPE, **self.data})

    @property
    def id(self) -> str:
        """The request's id, which names the event that answers it."""
        return str(self.data["id"])

    @property
    def operation(self) -> str | None:
        """The operation's name; None for a lock request."""
        name = self.data.get("op")
        return None if name is None else str(name)

    @property
    def input(self) -> str | None:
        """The operation's input as JSON text."""
        return self.data.get("input")

    @property
    def is_signal(self) -> bool:
        """Whether nobody waits for an answer."""
        return bool(self.data.get("signal"))

    @property
    def parent(self) -> str | None:
        """The instance that asks; None where a client does."""
        return self.data.get("parent")

    @property
    def parent_execution(self) -> str | None:
        """Its execution."""
        return self.data.get("parentExecution")

    @property
    def due_at(self) -> Ticks | None:
        """When a delayed signal is due."""
        due = self.data.get("due")
        return None if due is None else ticks_from_text(due)

    @property
    def stamp(self) -> Stamp:
        """The request's place among all of its sender."""
        return Stamp.parse(self.data.get("Timestamp"))

    @property
    def predecessor(self) -> Stamp:
        """The place of the sender's request before it to this entity."""
        return Stamp.parse(self.data.get("Predecessor"))

    @property
    def lock_set(self) -> list[Mapping[str, str]] | None:
        """The entities to lock, ``{"name", "key"}`` each; None for an operation."""
        return self.data.get("lockset")

    @property
    def position(self) -> int:
        """Which of them is next."""
        return int(self.data.get("pos", 0))

    def at_position(self, position: int) -> Request:
        """The same lock request for a later entity."""
        return Request({**self.data, "pos": position})

    def _check(self) -> None:
        """Whether each member is what the properties above say, and an answer can be sent."""
        entities = self.data.get("lockset") or []
        if not isinstance(entities, list) or not all(isinstance(one, dict) for one in entities):
            raise ValueError(f"its lockset is {entities!r:.60}")
        if not isinstance(self.data.get("pos", 0), int):
            raise ValueError(f"its pos is {self.data['pos']!r:.60}")
        ids = [self.data.get("id"), *(one.get(name) for one in entities for name in _ENTITY_ID)]
        if self.parent is not None:
            ids.append(self.parent)
        for value in (*ids, *(self.data[name] for name in _TEXTS if self.data.get(name) is not None)):
            if not isinstance(value, str):
                raise ValueError(f"it has {value!r:.60} where a text belongs")
        "".join(ids).encode("utf-8")  # half of a surrogate pair is in no id
        _ = self.stamp, self.predecessor, self.due_at


def message_object(text: str) -> Mapping[str, Any]:
    """The JSON object that a message to an entity is; ValueError where it is none."""
    try:
        data = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if not isinstance(data, dict):
        raise ValueError("it is no JSON object")
    return data


@dataclass(slots=True)
class _Received:
    """What was received of one sender: the last request's stamp, and those that wait for an earlier one."""

    last: Stamp = _UNSET
    execution_id: str | None = None
    buffered: dict[str, Request] | None = None

    def pop_ready(self, horizon: Stamp) -> Request | None:
        """The earliest waiting request, if what it waited for has come or is too old to come."""
        if not self.buffered:
            return None
        key = min(self.buffered, key=ticks_from_text)
        before = self.buffered[key].predecessor
        if before.at > self.last.at and before.at >= horizon.at:
            return None
        request = self.buffered.pop(key)
        if request.stamp.at < horizon.at:
            self.last = _UNSET
        elif request.stamp.at > self.last.at:  # Not so where its sender's episode was run again, at a later time.
            self.last = request.stamp
        return request

    def to_json(self) -> dict[str, Any]:
        data: dict[str, Any] = {"Last": self.last.text}
        if self.execution_id is not None:
            data["ExecutionId"] = self.execution_id
        if self.buffered is not None:
            ordered = sorted(self.buffered.items(), key=lambda item: ticks_from_text(item[0]))
            data["Buffered"] = {key: request.data for key, request in ordered}
        return data


@dataclass(slots=True)
class MessageSorter:
    """Puts the requests of each sender into the order in which they were sent, and drops those that come twice."""

    received: dict[str, _Received] = field(default_factory=dict)
    receive_horizon: Stamp = _UNSET
    sent: Mapping[str, str] | None = None
    send_horizon: Stamp = _UNSET

    def receive(self, request: Request) -> Iterator[Request]:
        """The requests that can be handled now that this one is here, in order."""
        if request.parent is None or request.position > 0:
            yield request
            return
        yield from self._advance_horizon(request.stamp)
        if request.stamp.at < self.receive_horizon.at:
            yield request
            return
        known = self.received.get(request.parent)
        if known is None:
            known = self.received[request.parent] = _Received(execution_id=request.parent_execution)
        elif known.execution_id != request.parent_execution:
            yield from (known.buffered or {}).values()
            known = self.received[request.parent] = _Received(
                execution_id=request.parent_execution, buffered=None if known.buffered is None else {}
            )
        if request.stamp.at <= known.last.at:
            return
        if request.predecessor.at > known.last.at and request.predecessor.at >= self.receive_horizon.at:
            known.buffered = {**(known.buffered or {}), request.stamp.text: request}
            return
        yield request
        known.last = request.stamp
        yield from self._ready(known)

    def _advance_horizon(self, stamp: Stamp) -> Iterator[Request]:
        """Forget what lies further back than the window, and let go of what waited for it."""
        if self.receive_horizon.at + _REORDER_WINDOW + _BETWEEN_COLLECTIONS >= stamp.at:
            return
        self.receive_horizon = Stamp(stamp.at - _REORDER_WINDOW, counted_up=stamp.counted_up)
        for sender, known in list(self.received.items()):
            if known.last.at < self.receive_horizon.at:
                known.last = _UNSET
            yield from self._ready(known)
            if known.last.at == NEVER and not known.buffered:
                del self.received[sender]

    def _ready(self, known: _Received) -> Iterator[Request]:
        while (request := known.pop_ready(self.receive_horizon)) is not None:
            yield request

    def to_json(self) -> dict[str, Any]:
        """The sorter as it is stored."""
        data: dict[str, Any] = {}
        if self.sent is not None:
            data["LastSentToInstance"] = self.sent
        if self.received:
            data["ReceivedFromInstance"] = {sender: known.to_json() for sender, known in self.received.items()}
        if self.receive_horizon.at != NEVER:
            data["ReceiveHorizon"] = self.receive_horizon.text
        if self.send_horizon.at != NEVER:
            data["SendHorizon"] = self.send_horizon.text
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> MessageSorter:
        """The sorter of its stored form."""
        received = {
            sender: _Received(
                last=Stamp.parse(known.get("Last")),
                execution_id=known.get("ExecutionId"),
                buffered=_buffered(known.get("Buffered")),
            )
            for sender, known in (data.get("ReceivedFromInstance") or {}).items()
        }
        return cls(
            received=received,
            receive_horizon=Stamp.parse(data.get("ReceiveHorizon")),
            sent=data.get("LastSentToInstance"),
            send_horizon=Stamp.parse(data.get("SendHorizon")),
        )


def _buffered(data: Mapping[str, Any] | None) -> dict[str, Request] | None:
    return None if data is None else {key: Request(request) for key, request in data.items()}


@dataclass(slots=True, kw_only=True)
class SchedulerState:
    """An entity between two batches. ``state`` is the user's state as JSON text, the text ``null`` once deleted."""

    exists: bool = False
    state: str | None = None
    queue: deque[Request] = field(default_factory=deque)
    locked_by: str | None = None
    is_suspended: bool = False
    sorter: MessageSorter = field(default_factory=MessageSorter)

    @classmethod
    def parse(cls, text: str | None) -> SchedulerState:
        """The state of an entity's stored input; a new entity has none."""
        data = {} if text is None else json.loads(text)
        return cls(
            exists=bool(data.get("exists")),
            state=data.get("state"),
            queue=deque(Request(request) for request in data.get("queue") or ()),
            locked_by=data.get("lockedBy"),
            is_suspended=bool(data.get("suspended")),
            sorter=MessageSorter.from_json(data.get("sorter") or {}),
        )

    @property
    def text(self) -> str:
        """The state as it is stored."""
        data: dict[str, Any] = {}
        if self.exists:
            data["exists"] = True
        if self.state is not None:
            data["state"] = self.state
        if self.queue:
            data["queue"] = [request.data for request in self.queue]
        if self.locked_by is not None:
            data["lockedBy"] = self.locked_by
        if self.is_suspended:
            data["suspended"] = True
        return compact_json({**data, "sorter": self.sorter.to_json()})

    @property
    def status_text(self) -> str:
        """What the instance's custom status says of the entity."""
        data: dict[str, Any] = {}
        if self.exists:
            data["entityExists"] = True
        if self.queue:
            data["queueSize"] = len(self.queue)
        if self.locked_by is not None:
            data["lockedBy"] = self.locked_by
        return compact_json(data)

    def put_first(self, requests: Iterable[Request]) -> None:
        """Put requests in front of those that wait."""
        self.queue.extendleft(reversed(list(requests)))

    def next_request(self) -> Request | None:
        """Take the next request that may be handled: while the entity is locked, only its holder's may."""
        if not self.queue or self.locked_by not in (None, self.queue[0].parent):
            return None
        return self.queue.popleft()
