"""Reading a history into the model of a timeline.

Follows every decision to its end, and ties the attempts of one call together.
Invariant: what a history does not say, that a call is made again, is inferred from what the host does: a failure, a
timer set in the same episode, and, when that fires, the same call once more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from durable_engine.checking.decisions import plain_input
from durable_engine.histories.episodes import SCHEDULED, RecordedEpisode, episodes_of
from durable_engine.model.dotnet_json import parsed_json
from durable_engine.model.events import (
    EventRaised,
    EventSent,
    ExecutionCompleted,
    ExecutionResumed,
    ExecutionSuspended,
    ExecutionTerminated,
    GenericEvent,
    HistoryEvent,
    SubOrchestrationInstanceCreated,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
    TimerCreated,
    TimerFired,
)
from durable_engine.model.ticks import TICKS_PER_SECOND, Ticks
from durable_engine.orchestration.actions import HTTP_ACTIVITY
from durable_engine.orchestration.nondeterminism import Scheduled
from durable_engine.timeline.model import HTTP_CALL, Call, CallKind, Episode, Mark, Moment, Outcome, Span, TimelineModel
from durable_engine.wire.sdk_call import execution_started

__all__ = ["timeline_model"]


def timeline_model(
    history: Sequence[HistoryEvent],
    *,
    custom_statuses: Mapping[int, str] | None = None,
    has_episodes: bool = True,
    now: Ticks | None = None,
    inputs: Mapping[int, str] | None = None,
) -> TimelineModel:
    """The model of a history.

    ``custom_statuses`` are JSON texts by the number of the episode that left them; ``now`` is how far an execution has
    come that has not ended; ``inputs`` are those of activities, as JSON texts by event id, which histories leave out.
    """
    started = execution_started(history)
    reading = _Reading(list(episodes_of(history)), has_episodes=has_episodes, inputs=inputs or {})
    reading.read()
    statuses = custom_statuses or {}
    completed = reading.completed
    end = reading.end
    if completed is None and now is not None:
        end = Moment(max(end.at, now), end.episode)
    return TimelineModel(
        instance_id=started.instance.instance_id,
        orchestrator=started.name,
        status=completed.orchestration_status if completed else "Suspended" if reading.is_suspended else "Running",
        input=None if started.input is None else plain_input(started.input),
        output=completed.result if completed else None,
        start=Moment(min([started.timestamp, *(one.started_at for one in reading.episodes[:1])]), 0),
        end=end,
        calls=tuple(reading.calls()),
        marks=tuple(reading.marks),
        episodes=tuple(
            Episode(moment=Moment(episode.started_at, episode.number), custom_status=statuses.get(episode.number))
            for episode in reading.episodes
        ),
        has_episodes=has_episodes,
    )


@dataclass(slots=True, eq=False)
class _Open:
    """A decision on its way to become a span of a row; ``next`` is the span that follows it in the row."""

    event: Scheduled
    start: Moment
    end: Moment | None = None
    outcome: Outcome = Outcome.OPEN
    result: str | None = None
    next: _Open | None = None
    after: _Open | None = None


@dataclass(slots=True)
class _Reading:
    """One history on its way to a model."""

    episodes: list[RecordedEpisode]
    has_episodes: bool
    inputs: Mapping[int, str]
    spans: list[_Open] = field(default_factory=list)
    opened: dict[int, _Open] = field(default_factory=dict)
    """The last span of each id: a refused replay gives one out a second time."""
    requests: dict[str, _Open] = field(default_factory=dict)
    marks: list[Mark] = field(default_factory=list)
    is_suspended: bool = False
    completed: ExecutionCompleted | None = None
    end: Moment = field(default_factory=lambda: Moment(0, 0))

    def read(self) -> None:
        """Go through all episodes."""
        waits: dict[int, tuple[_Open, _Open]] = {}
        for episode in self.episodes:
            self.end = max(self.end, Moment(episode.started_at, episode.number))
            closed = [one for event in episode.given if (one := self._receive(event, episode)) is not None]
            failed = [one for one in closed if one.outcome is Outcome.FAILED]
            fired = [one for one in closed if one.outcome is Outcome.FIRED]
            for event in episode.decided:
                if isinstance(event, ExecutionCompleted):
                    self.completed = event
                    self.end = Moment(_ended_at(event.timestamp, episode.started_at), episode.number)
                one = self._decide(event, episode) if isinstance(event, SCHEDULED) else None
                if one is None:
                    continue
                if isinstance(event, TimerCreated) and failed:
                    before = failed.pop(0)
                    waits[event.event_id] = before, one
                    if event.fire_at <= one.start.at:
                        _tie(before, one)  # the host's own wait after the last attempt, of no time
                    continue
                for timer in fired:
                    waited = waits.get(timer.event.event_id)
                    if waited is not None and _is_retry(*waited, one):
                        _tie(*waited)
                        _tie(timer, one)
                        break

    def calls(self) -> list[Call]:
        """The rows, by the order in which they were first asked for."""
        firsts = [one for one in self.spans if one.after is None]
        return [self._call(one) for one in sorted(firsts, key=lambda one: (one.start, one.event.event_id))]

    def _call(self, first: _Open) -> Call:
        spans = []
        one: _Open | None = first
        while one is not None:
            spans.append(self._span(one))
            one = one.next
        event = first.event
        return Call(
            kind=_KINDS[type(event)],
            name=_name_of(event),
            detail=self.inputs.get(event.event_id) or _detail_of(event),
            spans=tuple(spans),
            given=_given_to(event),
        )

    def _span(self, one: _Open) -> Span:
        outcome, end = one.outcome, one.end
        if one.after is not None and isinstance(one.event, TimerCreated):
            outcome = Outcome.WAITED
        elif outcome is Outcome.OPEN and self.completed is not None:
            # Code that returns leaves no timer open that it has not cancelled: the host would wait for it.
            is_cancelled = isinstance(one.event, TimerCreated) and self.completed.orchestration_status == "Completed"
            outcome, end = Outcome.CANCELLED if is_cancelled else Outcome.UNUSED, self.end
        return Span(
            event_id=one.event.event_id,
            outcome=outcome,
            start=one.start,
            end=end,
            asked_at=one.event.timestamp,
            due_at=one.event.fire_at if isinstance(one.event, TimerCreated) else None,
            result=one.result,
        )

    def _receive(self, event: HistoryEvent, episode: RecordedEpisode) -> _Open | None:
        """Take one message; returns the span that it has ended."""
        came = self._moment(event.timestamp, episode)
        match event:
            case TaskCompleted():
                return self._close(event.task_scheduled_id, came, Outcome.COMPLETED, event.result)
            case TaskFailed():
                return self._close(event.task_scheduled_id, came, Outcome.FAILED, event.reason)
            case TimerFired():
                # Its time is when it was set. When it fired says its due time, or the episode, where it was early.
                return self._close(event.timer_id, self._moment(event.fire_at, episode), Outcome.FIRED, None)
            case EventRaised():
                self._raise(event, came)
            case ExecutionSuspended() | ExecutionResumed():
                self.is_suspended = not isinstance(event, ExecutionResumed)
                what = "suspended" if self.is_suspended else "resumed"
                self.marks.append(Mark(at=came, what=what, name=what, detail=event.reason))
            case ExecutionTerminated():
                self.marks.append(Mark(at=came, what="terminated", name="terminated", detail=event.input))
            case GenericEvent(data=str()):
                self.marks.append(Mark(at=came, what="rewound", name="rewound", detail=event.data))
            case _:
                pass
        return None

    def _moment(self, at: Ticks, episode: RecordedEpisode) -> Moment:
        """When something came that this episode took up: not after its beginning, where that is known."""
        return Moment(min(at, episode.started_at) if self.has_episodes else at, episode.number)

    def _raise(self, event: EventRaised, came: Moment) -> None:
        request = self.requests.pop(event.name, None)
        if request is None:
            self.marks.append(Mark(at=came, what="event", name=event.name, detail=event.input))
            return
        answer = parsed_json(event.input)
        has_failed = isinstance(answer, dict) and "exceptionType" in answer
        outcome = Outcome.FAILED if has_failed else Outcome.COMPLETED
        result = answer.get("result") if isinstance(answer, dict) else event.input
        self._close(request.event.event_id, came, outcome, result)

    def _close(self, event_id: int, at: Moment, outcome: Outcome, result: str | None) -> _Open | None:
        one = self.opened.get(event_id)
        if one is None or one.end is not None:
            return None  # a second completion of one task changes nothing
        one.end, one.outcome, one.result = Moment(max(at.at, one.start.at), at.episode), outcome, result
        return one

    def _decide(self, event: Scheduled, episode: RecordedEpisode) -> _Open | None:
        """Open a span for a decision; None for a signal, which is a mark."""
        start = Moment(episode.started_at if self.has_episodes else event.timestamp, episode.number)
        one = _Open(event=event, start=start)
        if isinstance(event, EventSent):
            request = parsed_json(event.input) or {}
            if request.get("signal"):
                self.marks.append(Mark(at=start, what="signal", name=_name_of(event), detail=_detail_of(event)))
                return None
            self.requests[str(request.get("id"))] = one
        self.opened[event.event_id] = one
        self.spans.append(one)
        return one


def _tie(before: _Open, after: _Open) -> None:
    before.next, after.after = after, before


def _is_retry(before: _Open, wait: _Open, one: _Open) -> bool:
    """Whether a call was made again after its failure and a wait, neither of which belongs to another row yet."""
    is_free = before.next in (None, wait) and wait.next is None
    return is_free and type(before.event) is type(one.event) and _name_of(before.event) == _name_of(one.event)


def _name_of(event: HistoryEvent) -> str:
    if isinstance(event, EventSent):
        request = parsed_json(event.input) or {}
        return f"{request.get('op', event.name)} {event.instance_id}"
    name = "timer" if isinstance(event, TimerCreated) else str(getattr(event, "name", ""))
    return HTTP_CALL if name == HTTP_ACTIVITY else name


def _detail_of(event: HistoryEvent) -> str | None:
    match event:
        case EventSent():
            text = (parsed_json(event.input) or {}).get("input")
            return None if text is None else plain_input(text)
        case TaskScheduled() if event.input is not None:
            return plain_input(event.input)
        case SubOrchestrationInstanceCreated():
            return event.instance_id
        case _:
            return None


def _given_to(event: HistoryEvent) -> str | None:
    if not isinstance(event, SubOrchestrationInstanceCreated) or event.input is None:
        return None
    return plain_input(event.input)


_KINDS = {
    TaskScheduled: CallKind.ACTIVITY,
    SubOrchestrationInstanceCreated: CallKind.SUB_ORCHESTRATION,
    TimerCreated: CallKind.TIMER,
    EventSent: CallKind.ENTITY,
}


def _ended_at(at: Ticks, began_at: Ticks) -> Ticks:
    """When an episode's last event was. The engine dates an episode's events a microsecond apart: no time."""
    return at if at - began_at >= _NO_TIME else began_at


_NO_TIME: Final = TICKS_PER_SECOND // 1000
