"""What can happen next: everything that is on its way to an instance and has not arrived.

The one place where messages, timers and the ends of activities wait, in memory, for their turn.
Invariant: what has no time may arrive at any moment; of what has one, only the earliest may.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field

from durable_engine import EventRaised, ExecutionStarted, HistoryEvent, OrchestrationInstance, TaskScheduled, Ticks
from durable_harness.app.answers import Answered
from durable_harness.app.outcomes import Outcome

__all__ = ["Arrival", "Arrivals", "Call"]


@dataclass(slots=True, eq=False)
class Call:
    """A call that waits for its end: of an activity or what else is answered."""

    cause: TaskScheduled | ExecutionStarted
    input: object
    instance_id: str
    event_id: int
    origins: Sequence[int]
    scheduled_at: Ticks
    execution_id: str | None = None
    """Of the execution that has called."""
    outcome: Outcome | None = None
    answered: Answered | None = None
    done_at: Ticks | None = None
    runs: int = 0
    begun_after: tuple[int, int] = (0, 0)
    """How many calls of its instance, and of the whole hub, had begun before."""
    ended_after: tuple[int, int] | None = None
    """How many calls of its instance, and of the whole hub, had begun when it ended; None until then."""
    results: list[str] = field(default_factory=list)
    """What each run of an answer that is a function has given."""
    arrival: Arrival | None = None
    """The end of this call, on its way; None once it has arrived."""

    @property
    def name(self) -> str:
        """What was called."""
        return self.cause.name

    @property
    def attempt(self) -> int:
        """Which attempt this is: 1, or more where a retry has scheduled it again."""
        if self.event_id >= len(self.origins):
            return 1
        before = self.origins[: self.event_id].count(self.origins[self.event_id])
        return 1 + (before + 1) // 2  # between two attempts lies a timer of the same action


@dataclass(slots=True, eq=False)
class Arrival:
    """An event on its way to an instance: a message, or the end of a call, whose event is made when it ends.

    ``due_at`` is when it arrives, None where it may arrive at any time. ``is_raised`` marks an event from outside.
    """

    number: int
    target: OrchestrationInstance
    event: HistoryEvent | None = None
    call: Call | None = None
    due_at: Ticks | None = None
    is_repeat: bool = False
    is_raised: bool = False

    @property
    def key(self) -> Hashable:
        """What it is, in whatever order it comes: equal in two schedules that have come to it."""
        what = self.call.event_id if self.call is not None else repr(self.event)
        return self.target.instance_id, what, self.is_repeat

    @property
    def is_ready(self) -> bool:
        """Whether it can arrive without a test's help."""
        return self.call is None or self.call.outcome is not None


@dataclass(slots=True)
class Arrivals:
    """The arrivals of one task hub."""

    _untimed: dict[int, Arrival] = field(default_factory=dict)
    _timed: list[tuple[Ticks, int, Arrival]] = field(default_factory=list)
    _taken: set[int] = field(default_factory=set)
    _messages: dict[int, Arrival] = field(default_factory=dict)
    _raised: dict[int, Arrival] = field(default_factory=dict)
    _unanswered: dict[int, Arrival] = field(default_factory=dict)
    _next_number: int = 0

    def add(
        self,
        target: OrchestrationInstance,
        *,
        event: HistoryEvent | None = None,
        call: Call | None = None,
        due_at: Ticks | None = None,
        is_repeat: bool = False,
        is_raised: bool = False,
    ) -> Arrival:
        """Put something on its way."""
        arrival = Arrival(self._next_number, target, event, call, due_at, is_repeat, is_raised)
        self._next_number += 1
        if call is not None and not is_repeat:
            call.arrival = arrival
        if not arrival.is_ready:
            self._unanswered[arrival.number] = arrival
        elif due_at is None and is_raised:
            self._raised[arrival.number] = arrival
        elif due_at is None:
            self._untimed[arrival.number] = arrival
            if call is None:
                self._messages[arrival.number] = arrival
        else:
            heapq.heappush(self._timed, (due_at, arrival.number, arrival))
        return arrival

    def take(self, arrival: Arrival) -> None:
        """Take one that has its turn."""
        self._messages.pop(arrival.number, None)
        kinds = (self._untimed, self._raised, self._unanswered)
        if all(kind.pop(arrival.number, None) is None for kind in kinds):
            self._taken.add(arrival.number)

    def take_ready(self, now: Ticks) -> list[Arrival]:
        """Take all that may arrive now, first come first served; those that have just become due come last."""
        found = list(self._untimed.values())
        self._untimed.clear()
        self._messages.clear()
        while (due_at := self.next_time) is not None and due_at <= now:
            found.append(heapq.heappop(self._timed)[2])
        return found

    @property
    def messages(self) -> list[Arrival]:
        """Those that are messages from instance to instance: they need nobody's work to arrive."""
        return list(self._messages.values())

    def ready(self, now: Ticks) -> list[Arrival]:
        """Those that may arrive now."""
        due_at = self.next_time
        if due_at is None or due_at > now:
            return list(self._untimed.values())
        return [*self._untimed.values(), *(entry[2] for entry in sorted(self._live()) if entry[0] <= now)]

    @property
    def raised(self) -> list[Arrival]:
        """Events from outside that may arrive at any time: the first of each name and instance."""
        first: dict[tuple[str, str], Arrival] = {}
        for arrival in self._raised.values():
            name = arrival.event.name.upper() if isinstance(arrival.event, EventRaised) else ""
            first.setdefault((arrival.target.instance_id, name), arrival)
        return list(first.values())

    @property
    def unanswered(self) -> list[Arrival]:
        """The ends of calls that nobody has answered."""
        return list(self._unanswered.values())

    @property
    def earliest(self) -> list[Arrival]:
        """Those of the earliest time: one after the other at the same moment."""
        self._forget_taken()
        if not self._timed:
            return []
        due_at = self._timed[0][0]
        return [arrival for _, _, arrival in sorted(self._live()) if arrival.due_at == due_at]

    @property
    def next_time(self) -> Ticks | None:
        """The earliest time."""
        self._forget_taken()
        return self._timed[0][0] if self._timed else None

    def __iter__(self) -> Iterator[Arrival]:
        """All of them: at any time, then by time, then those without an answer."""
        yield from self._untimed.values()
        yield from self._raised.values()
        for _, _, arrival in sorted(self._live()):
            yield arrival
        yield from self._unanswered.values()

    def _live(self) -> list[tuple[Ticks, int, Arrival]]:
        return [entry for entry in self._timed if entry[1] not in self._taken]

    def _forget_taken(self) -> None:
        while self._timed and self._timed[0][1] in self._taken:
            self._taken.discard(heapq.heappop(self._timed)[1])
