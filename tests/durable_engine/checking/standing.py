"""How an execution stands: the events that it waits for, those that nobody has waited for yet, and its notices.

None of this is in a history: it is found by running the code on it, as the next episode will.
Invariant: nothing is decided here, and the history stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from durable_engine.histories.episodes import episodes_of
from durable_engine.model.checkpoint import Notice
from durable_engine.model.events import EventRaised, HistoryEvent, TimerFired
from durable_engine.model.notices import early_timer
from durable_engine.orchestration.episode import App
from durable_engine.orchestration.replay import Replay
from durable_engine.wire.sdk_call import call_orchestrator, execution_started, orchestrator_payload

__all__ = ["Standing", "standing_of"]

_WAITS_FOR_EVENT: Final = 6
_ONLY_AT_THE_END: Final = "id_drift"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one execution stands.

    ``awaited_events`` are names as the code writes them; ``kept_events`` are names and how many of each have come that
    nobody has waited for; ``refusal`` is the host's text where today's code does not agree with the history.
    """

    awaited_events: tuple[str, ...] = ()
    kept_events: tuple[tuple[str, int], ...] = ()
    notices: tuple[Notice, ...] = ()
    refusal: str | None = None


def standing_of(app: App, history: Sequence[HistoryEvent]) -> Standing:
    """Run the app's code on the history of one execution, once, and say how it stands."""
    started = execution_started(history)
    functions = app.functions
    if not functions.has_orchestrator(started.name):
        return Standing(refusal=functions.missing_orchestrator(started.name))
    answer = call_orchestrator(app.orchestrator(started.name), orchestrator_payload(history, started))
    replay = Replay(started, answer, functions, now=history[-1].timestamp)
    notices: dict[tuple[str, str], Notice] = {}
    for episode in episodes_of(history):
        replay.play(episode.history[episode.start : episode.end])
        if replay.error is not None:
            return Standing(notices=tuple(notices.values()), refusal=str(replay.error))
        is_last = episode.end == len(history)
        told = [one for one in replay.notices if is_last or one.code != _ONLY_AT_THE_END]
        told += [
            early_timer(event.fire_at, episode.started_at)
            for event in episode.given
            if isinstance(event, TimerFired) and event.fire_at > episode.started_at
        ]
        for notice in told:
            # One early timer says what there is to say about all of them.
            notices.setdefault((notice.code, "" if notice.code == "early_timer" else notice.text), notice)
    if replay.ending is not None:
        return Standing(notices=tuple(notices.values()))
    written = {name.upper(): name for name in (*_names_of_waits(answer.actions), *_names_of_events(history))}
    waits = replay.event_waits
    return Standing(
        awaited_events=tuple(written.get(name, name) for name, waiting, _ in waits if waiting),
        kept_events=tuple((written.get(name, name), kept) for name, _, kept in waits if kept),
        notices=tuple(notices.values()),
    )


def _names_of_waits(actions: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The names of awaited events in all actions, those within a ``task_all`` or ``task_any`` among them."""
    for action in actions:
        if action.get("actionType") == _WAITS_FOR_EVENT:
            yield str(action.get("externalEventName"))
        yield from _names_of_waits(action.get("compoundActions") or ())


def _names_of_events(history: Sequence[HistoryEvent]) -> Iterator[str]:
    return (event.name for event in history if isinstance(event, EventRaised))
