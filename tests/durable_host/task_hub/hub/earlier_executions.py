"""The executions that continued as new: storage keeps none of them, and this process remembers the last few.

For people who look; nothing depends on them.
Invariant: what is remembered is bounded, whatever runs: the oldest goes first.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import Final

from durable_engine import HistoryEvent

__all__ = ["EarlierExecutions"]

_MOST_OF_ONE: Final = 10
_MOST_EVENTS: Final = 50_000
"""Of all instances together."""


class EarlierExecutions:
    """The last few executions of the instances that continued as new lately, in this process."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, deque[Sequence[HistoryEvent]]] = OrderedDict()
        self._events = 0

    def keep(self, instance_id: str, histories: Sequence[Sequence[HistoryEvent]]) -> None:
        """Remember executions that ended, each with its whole history, in their order."""
        if not histories:
            return
        kept = self._kept.setdefault(instance_id, deque())
        self._kept.move_to_end(instance_id)
        for history in histories:
            kept.append(history)
            self._events += len(history)
        while len(kept) > _MOST_OF_ONE:
            self._events -= len(kept.popleft())
        while self._events > _MOST_EVENTS:
            self.forget(next(iter(self._kept)))

    def of(self, instance_id: str) -> tuple[Sequence[HistoryEvent], ...]:
        """What is remembered of an instance, the latest first."""
        return tuple(reversed(self._kept.get(instance_id, ())))

    def forget(self, instance_id: str) -> None:
        """Forget an instance that is purged, or started anew under its id."""
        self._events -= sum(map(len, self._kept.pop(instance_id, ())))
