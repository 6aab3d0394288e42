"""A recorded history, and how it is cut into its episodes.

Which events an episode was given, and which it decided.
Invariant: the episodes, put together again, are the history.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from durable_engine.model.events import (
    EventSent,
    ExecutionCompleted,
    HistoryEvent,
    OrchestratorCompleted,
    OrchestratorStarted,
    SubOrchestrationInstanceCreated,
    TaskScheduled,
    TimerCreated,
)
from durable_engine.model.ticks import Ticks

__all__ = ["SCHEDULED", "RecordedEpisode", "RecordedHistory", "before_refusal", "episodes_of", "last_episode"]

SCHEDULED: Final = (TaskScheduled, TimerCreated, SubOrchestrationInstanceCreated, EventSent)
"""The kinds of events that record a decision."""

_REFUSAL: Final = "Non-Deterministic workflow detected"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedHistory:
    """A history that was read, and what is not known about it.

    ``has_episodes`` is whether the episodes are the recorded ones; ``due_time_slack`` says for an event id how far its
    due time may lie off, since its episode's clock was not recorded.
    """

    events: tuple[HistoryEvent, ...]
    has_episodes: bool = True
    due_time_slack: Mapping[int, Ticks] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEpisode:
    """One episode. ``number`` counts from 1; ``is_open`` is one whose end is not recorded, on its way to the worker."""

    number: int
    history: Sequence[HistoryEvent]
    start: int
    decides: int
    end: int
    is_open: bool

    @property
    def given(self) -> Sequence[HistoryEvent]:
        """What the episode was given: its beginning, and the messages that had come."""
        return self.history[self.start : self.decides]

    @property
    def decided(self) -> Sequence[HistoryEvent]:
        """What it wrote down: decisions, and its end."""
        return self.history[self.decides : self.end]

    @property
    def seen(self) -> list[HistoryEvent]:
        """The history that the code was given: what is new in it has not been played yet."""
        return [*self.history[: self.start], *(replace(event, is_played=False) for event in self.given)]

    @property
    def started_at(self) -> Ticks:
        """What ``current_utc_datetime`` said."""
        return self.history[self.start].timestamp


def last_episode(events: Sequence[HistoryEvent]) -> RecordedEpisode:
    """The last of the episodes, without a look at those before, and without its number (0)."""
    end = len(events)
    start = next(index for index in range(end - 1, -1, -1) if isinstance(events[index], OrchestratorStarted))
    return _episode(events, start, end, number=0)


def episodes_of(events: Sequence[HistoryEvent]) -> Iterator[RecordedEpisode]:
    """The episodes, each of which begins with an OrchestratorStarted."""
    starts = [index for index, event in enumerate(events) if isinstance(event, OrchestratorStarted)]
    for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(events)], strict=True), start=1):
        yield _episode(events, start, end, number=number)


def _episode(events: Sequence[HistoryEvent], start: int, end: int, *, number: int) -> RecordedEpisode:
    # After continue-as-new an OrchestratorCompleted stands before the decisions too; it decides nothing.
    return RecordedEpisode(
        number=number,
        history=events,
        start=start,
        decides=next((index for index in range(start, end) if _is_decided(events[index])), end),
        end=end,
        is_open=not any(isinstance(event, OrchestratorCompleted) for event in events[start:end]),
    )


def before_refusal(events: Sequence[HistoryEvent]) -> tuple[HistoryEvent, ...]:
    """The history up to the episode in which a host refused the code of its day as non-deterministic, if one did.

    Such an episode wrote down decisions under ids that were taken, which no replay can agree with.
    """
    seen: set[int] = set()
    start = 0
    for index, event in enumerate(events):
        if isinstance(event, OrchestratorStarted):
            start = index
        is_refusal = isinstance(event, ExecutionCompleted) and (event.result or "").startswith(_REFUSAL)
        if is_refusal or (isinstance(event, SCHEDULED) and event.event_id in seen):
            return tuple(events[:start])
        if isinstance(event, SCHEDULED):
            seen.add(event.event_id)
    return tuple(events)


def _is_decided(event: HistoryEvent) -> bool:
    return isinstance(event, (*SCHEDULED, ExecutionCompleted, OrchestratorCompleted))
