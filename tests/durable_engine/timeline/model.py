"""What happened in an orchestration: its calls with their attempts, timers, events and episodes, as values.

The model that both renderings of a timeline draw.
Invariant: everything in it comes from the history; only custom statuses, which no history holds, are given apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from durable_engine.model.instance_ids import is_made_up
from durable_engine.model.ticks import Ticks

__all__ = ["HTTP_CALL", "Call", "CallKind", "Episode", "Mark", "Moment", "Outcome", "Span", "TimelineModel"]


HTTP_CALL: Final = "call_http"
"""The name of an HTTP call: what user code has written, in place of the activity that the host makes of it."""


class CallKind(StrEnum):
    """What a row of a timeline is about."""

    ACTIVITY = "activity"
    SUB_ORCHESTRATION = "sub-orchestration"
    TIMER = "timer"
    ENTITY = "entity call"


class Outcome(StrEnum):
    """How a span ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    FIRED = "fired"
    WAITED = "waited to retry"
    CANCELLED = "cancelled"
    UNUSED = "not waited for"
    OPEN = "open"


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """A point of a timeline: many things of different episodes may happen at one instant of virtual time."""

    at: Ticks
    episode: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One attempt of a call, one timer, or the wait between two attempts. ``end`` is None while it is open."""

    event_id: int
    outcome: Outcome
    start: Moment
    end: Moment | None
    asked_at: Ticks
    """When it was asked for: a little after the episode began."""
    due_at: Ticks | None = None
    """When a timer is to fire."""
    result: str | None = None

    @property
    def is_instant(self) -> bool:
        """Whether it ended in the moment it began: it has no length to draw."""
        return self.end is not None and (self.duration == 0 or self.end == self.start)

    @property
    def duration(self) -> Ticks | None:
        """How long it took."""
        return None if self.end is None else max(0, self.end.at - self.asked_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One row: a call with all its attempts and the waits between them, or a timer."""

    kind: CallKind
    name: str
    detail: str | None
    """What was passed to it, where the history says; of a sub-orchestration, its id."""
    spans: tuple[Span, ...]
    given: str | None = None
    """What was passed to a sub-orchestration."""

    @property
    def label(self) -> str | None:
        """What tells it from others of its name: what it was given, or a sub-orchestration's id if one was chosen."""
        is_chosen = self.detail is None or not is_made_up(self.detail)
        return self.detail if self.given is None or is_chosen else self.given

    @property
    def attempts(self) -> tuple[Span, ...]:
        """The spans without the waits between them."""
        return tuple(span for span in self.spans if span.outcome is not Outcome.WAITED)

    @property
    def outcome(self) -> Outcome:
        """How the last attempt ended."""
        return self.attempts[-1].outcome

    @property
    def start(self) -> Moment:
        """When it was first asked for."""
        return self.spans[0].start

    @property
    def end(self) -> Moment | None:
        """When the last attempt ended."""
        return self.attempts[-1].end

    @property
    def duration(self) -> Ticks | None:
        """How long it took with all attempts."""
        end = self.end
        return None if end is None else max(0, end.at - self.spans[0].asked_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something at one moment: an external event, a signal to an entity, a suspension, an end by a client."""

    at: Moment
    what: str
    name: str
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One episode, and the custom status that it left, where that is known: no history holds it."""

    moment: Moment
    custom_status: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineModel:
    """All of one execution."""

    instance_id: str
    orchestrator: str
    status: str
    input: str | None
    output: str | None
    start: Moment
    end: Moment
    """When it ended, or, while it is running, the last thing that is known of it."""
    calls: tuple[Call, ...]
    marks: tuple[Mark, ...]
    episodes: tuple[Episode, ...]
    has_episodes: bool = True

    @property
    def moments(self) -> tuple[Moment, ...]:
        """Every moment at which something begins or ends, in order."""
        found = {self.start, self.end}
        if self.has_episodes:
            found.update(episode.moment for episode in self.episodes)
        found.update(mark.at for mark in self.marks)
        found.update(moment for stretch in self.stretches for moment in stretch)
        return tuple(sorted(found))

    @property
    def stretches(self) -> tuple[tuple[Moment, Moment], ...]:
        """From when to when each span goes; an open one goes to the end."""
        return tuple(
            (span.start, self.end if span.end is None else span.end) for call in self.calls for span in call.spans
        )
