"""A history from the management API's JSON, which leaves out the event ids and where episodes begin.

Finds the ids again, and writes a history that replays as the recorded one did.
Invariant: an id is certain, or its step equals the others of its time; else the history is refused with what makes it
uncertain and what to use instead.

Decisions get their ids in the order in which they are made, and each is stamped with a time of its own, to 100 ns: so
their order in time is the order of their ids. Steps with equal stamps are told apart by what today's code asks for
under each id: kind, name, and the input where it was stored; steps that are alike in all that are taken in the order in
which they stand. Where a decision stood among the messages is not known:
it is put before its own completion, where the host's rule finds it pending in any case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NoReturn

from durable_engine.histories.episodes import RecordedHistory
from durable_engine.histories.management_events import CHILD_ID, EXACT, Entry, Json, entries_of
from durable_engine.model.dotnet_json import parsed_json
from durable_engine.model.errors import HistoryError
from durable_engine.model.events import (
    EventSent,
    ExecutionCompleted,
    ExecutionStarted,
    HistoryEvent,
    OrchestratorCompleted,
    OrchestratorStarted,
    SubOrchestrationInstanceCreated,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
    TimerCreated,
    TimerFired,
)
from durable_engine.model.ticks import TICKS_PER_SECOND, Ticks, ticks_from_text, ticks_to_text
from durable_engine.orchestration.episode import App
from durable_engine.orchestration.nondeterminism import Scheduled, describe
from durable_engine.orchestration.replay import Replay
from durable_engine.wire.sdk_call import call_orchestrator, orchestrator_payload

__all__ = ["history_from_status"]

# How much earlier than its due time a timer may fire: the host cuts the fraction of a second off its delay.
_EARLY: Final = TICKS_PER_SECOND


def history_from_status(status: Json, app: App | None = None) -> RecordedHistory:
    """The history in an answer to ``GET .../instances/{id}`` with history, history output and input shown."""
    started, entries = entries_of(status)
    reading = _Reading(started, entries, app)
    reading.find_ids()
    return reading.history()


@dataclass(slots=True)
class _Reading:
    """One history on its way from JSON to events."""

    started: ExecutionStarted
    entries: list[Entry]
    app: App | None

    def find_ids(self) -> None:
        """Give every decision its id, in order of time."""
        deciding = sorted((entry for entry in self.entries if entry.decision), key=lambda entry: entry.decided_at)
        next_id = 0
        while next_id < len(deciding):
            at = deciding[next_id].decided_at
            alike = [entry for entry in deciding[next_id:] if entry.decided_at == at]
            ordered = alike if _stands_in_order(alike) else self._told_apart(alike, next_id)
            for event_id, entry in enumerate(ordered, start=next_id):
                self._number(entry, event_id)
            next_id += len(alike)
        self._number_timers()

    def history(self) -> RecordedHistory:
        """The whole history, an episode for each run of messages between decisions whose place is known."""
        events: list[HistoryEvent] = []
        slack: dict[int, Ticks] = {}
        widest = _EARLY
        clock = self.started.timestamp
        for index, entry in enumerate(self.entries):
            message, decision = entry.message, entry.decision
            if isinstance(message, ExecutionCompleted):
                events += [message, OrchestratorCompleted(timestamp=message.timestamp)]
            elif message is not None:
                exact = self._clock_after(index)
                clock = exact if exact is not None else max(clock, _arrival(message))
                if decision is not None:
                    events.append(decision)
                events += [OrchestratorStarted(timestamp=clock), message]
            elif decision is not None:
                if isinstance(decision, TimerCreated):
                    widest = max(widest, decision.timestamp - clock + _EARLY)
                    slack[decision.event_id] = widest
                events.append(decision)
        if not isinstance(events[-1], OrchestratorCompleted):
            events.append(OrchestratorCompleted(timestamp=events[-1].timestamp))
        return RecordedHistory(events=tuple(events), has_episodes=False, due_time_slack=slack)

    def _number(self, entry: Entry, event_id: int) -> None:
        assert entry.decision is not None
        entry.event_id = event_id
        entry.decision = replace(entry.decision, event_id=event_id)
        if isinstance(entry.message, TaskCompleted | TaskFailed):
            entry.message = replace(entry.message, task_scheduled_id=event_id)
        if isinstance(entry.decision, SubOrchestrationInstanceCreated):
            given = CHILD_ID.match(entry.decision.instance_id)
            if given is not None and int(given[2]) != event_id:
                _refuse(
                    self.started,
                    f"sub-orchestration {entry.decision.instance_id!r} has the id {given[2]} in its name, but comes as "
                    f"number {event_id} in the order of time: the clocks of the hosts that ran it do not agree, or "
                    "events are missing",
                )

    def _number_timers(self) -> None:
        """Tie each firing to its timer by the due time; timers whose ids are not known yet are left for later."""
        for due_at in {entry.message.fire_at for entry in self.entries if isinstance(entry.message, TimerFired)}:
            timers = [entry for entry in self.entries if _due_at(entry.decision) == due_at]
            firings = [entry for entry in self.entries if _due_at(entry.message) == due_at]
            if any(timer.event_id is None for timer in timers):
                continue
            if len(timers) != len(firings):
                _refuse(
                    self.started,
                    f"{len(firings)} of {len(timers)} timers due at {ticks_to_text(due_at)} fired, and the API does "
                    "not say which",
                )
            for timer, firing in zip(timers, firings, strict=True):
                assert isinstance(firing.message, TimerFired)
                assert timer.event_id is not None
                firing.event_id = timer.event_id
                firing.message = replace(firing.message, timer_id=timer.event_id)

    def _told_apart(self, alike: Sequence[Entry], first_id: int) -> list[Entry]:
        """Steps with equal times, in the order in which today's code asks for them."""
        asked = self._asked_for(first_id + len(alike))
        left, ordered = list(alike), []
        for event_id in range(first_id, first_id + len(alike)):
            decision = asked.get(event_id)
            fitting = [entry for entry in left if decision is not None and _fits(entry, *decision)]
            if decision is None and len({describe(entry.decision) for entry in left if entry.decision}) == 1:
                fitting = left  # whichever it is, today's code does not ask for it
            if not fitting:
                self._refuse_alike(alike, event_id, decision[0] if decision else None)
            ordered.append(fitting[0])
            left.remove(fitting[0])
        return ordered

    def _asked_for(self, limit: int) -> dict[int, tuple[Scheduled, str | None]]:
        """What today's code decides, and with what input, given the messages whose ids are known already."""
        if self.app is None or not self.app.functions.has_orchestrator(self.started.name):
            return {}
        self._number_timers()
        known: list[HistoryEvent] = []
        clock = self.started.timestamp
        for index, entry in enumerate(self.entries):
            has_id = entry.event_id is not None
            if not has_id and (isinstance(entry.message, TimerFired) or (entry.message and entry.decision)):
                break
            if entry.message is not None and not isinstance(entry.message, ExecutionCompleted):
                exact = self._clock_after(index)
                clock = exact if exact is not None else max(clock, _arrival(entry.message))
                known += [OrchestratorStarted(timestamp=clock), entry.message]
            elif has_id and isinstance(entry.decision, EventSent):
                known.append(entry.decision)
        answer = call_orchestrator(self.app.orchestrator(self.started.name), orchestrator_payload(known, self.started))
        replay = Replay(self.started, answer, self.app.functions, now=clock)
        replay.play([event for event in known if not isinstance(event, EventSent)])
        return {
            decision.event.event_id: (decision.event, decision.input)
            for decision in replay.decisions
            if decision.event.event_id < limit
        }

    def _refuse_alike(self, alike: Sequence[Entry], event_id: int, asked: Scheduled | None) -> NoReturn:
        names = sorted({describe(entry.decision) for entry in alike if entry.decision})
        code = (
            "there is no code to ask"
            if self.app is None
            else f"today's code does not ask for anything as number {event_id}"
            if asked is None
            else f"today's code asks for {describe(asked)} as number {event_id}, which fits none of them"
        )
        _refuse(
            self.started,
            f"{len(alike)} steps ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''}) have the same time "
            f"{ticks_to_text(alike[0].decided_at)}, and {code}",
        )

    def _clock_after(self, index: int) -> Ticks | None:
        """The exact time of the episode that this message is in, where a request to an entity tells it."""
        for entry in self.entries[index + 1 :]:
            if isinstance(entry.decision, EventSent) and entry.message is None:
                stamp = (parsed_json(entry.decision.input) or {}).get("Timestamp") or ""
                if stamp.endswith("Z"):
                    return ticks_from_text(stamp)
            elif entry.message is None or isinstance(entry.message, ExecutionCompleted):
                return None
        return None


def _due_at(event: HistoryEvent | None) -> Ticks | None:
    return event.fire_at if isinstance(event, TimerCreated | TimerFired) else None


def _arrival(message: HistoryEvent) -> Ticks:
    """About when a message arrived; the time of a TimerFired is when the timer was set."""
    return message.fire_at - _EARLY if isinstance(message, TimerFired) else message.timestamp


def _stands_in_order(entries: Sequence[Entry]) -> bool:
    """Whether these decisions are in the order of their ids: one alone, or all of them where they were recorded."""
    return len(entries) == 1 or all(entry.message is None for entry in entries)


def _fits(entry: Entry, asked: Scheduled, input: str | None) -> bool:
    recorded = entry.decision
    if recorded is None or type(recorded) is not type(asked):
        return False
    if isinstance(recorded, TimerCreated) or isinstance(asked, TimerCreated):
        return True
    if recorded.name.upper() != asked.name.upper():
        return False
    if isinstance(recorded, SubOrchestrationInstanceCreated) and isinstance(asked, SubOrchestrationInstanceCreated):
        return recorded.instance_id == asked.instance_id
    if isinstance(recorded, TaskScheduled) and recorded.input is not None and input is not None:
        return bool(parsed_json(recorded.input) == parsed_json(input))
    return True


def _refuse(started: ExecutionStarted, why: str) -> NoReturn:
    raise HistoryError(
        f"The ids of instance {started.instance.instance_id!r} of {started.name!r} cannot be found from the management "
        f"API's answer: {why}. {EXACT}"
    )
