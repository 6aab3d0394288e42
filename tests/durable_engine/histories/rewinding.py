"""Rewind: the history of a failed orchestration without its failures, so that what failed is tried again.

Invariant: events keep their places and ids; what is struck out becomes a GenericEvent, which replay passes over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from durable_engine.model.events import (
    ExecutionCompleted,
    GenericEvent,
    HistoryEvent,
    SubOrchestrationInstanceCreated,
    SubOrchestrationInstanceFailed,
    TaskFailed,
    TaskScheduled,
)

__all__ = ["Rewinding", "rewind_history"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewinding:
    """What a rewind makes of one execution's history.

    ``struck_out`` are the positions of the events that become GenericEvents, and ``children`` those of the events that
    created the sub-orchestrations which failed: they stay, because a child is not started again but rewound itself.
    """

    history: tuple[HistoryEvent, ...]
    struck_out: frozenset[int]
    children: tuple[int, ...]

    @property
    def is_first_to_fail(self) -> bool:
        """Whether the failures began here, so that this instance gets the rewind message; else its children get it."""
        return not self.children

    @property
    def failed_children(self) -> tuple[str, ...]:
        """The instance ids of the sub-orchestrations to rewind as well."""
        created = [self.history[position] for position in self.children]
        return tuple(event.instance_id for event in created if isinstance(event, SubOrchestrationInstanceCreated))


def rewind_history(history: Sequence[HistoryEvent]) -> Rewinding:
    """Strike the failures out of the history of a failed execution."""
    failed = [event for event in history if isinstance(event, TaskFailed)]
    failed_calls = {e.task_scheduled_id for e in failed if not isinstance(e, SubOrchestrationInstanceFailed)}
    failed_children = {e.task_scheduled_id for e in failed if isinstance(e, SubOrchestrationInstanceFailed)}
    struck_out = frozenset(at for at, event in enumerate(history) if _is_struck_out(event, failed_calls))
    return Rewinding(
        history=tuple(_generic(event) if at in struck_out else event for at, event in enumerate(history)),
        struck_out=struck_out,
        children=tuple(
            at
            for at, event in enumerate(history)
            if isinstance(event, SubOrchestrationInstanceCreated) and event.event_id in failed_children
        ),
    )


def _is_struck_out(event: HistoryEvent, failed_calls: set[int]) -> bool:
    match event:
        case TaskFailed():
            return True
        case ExecutionCompleted():
            return event.orchestration_status == "Failed"
        case TaskScheduled():
            return event.event_id in failed_calls
    return False


def _generic(event: HistoryEvent) -> GenericEvent:
    return GenericEvent(timestamp=event.timestamp, event_id=event.event_id, is_played=event.is_played)
