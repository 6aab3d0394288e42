"""The oracle: replaying a history from the start, through the payload, must give what live stepping gave.

The from-scratch replay of an execution as it stands, and of sampled episodes before, byte for byte.
Invariant: it uses nothing that live stepping has kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from durable_engine import (
    SCHEDULED,
    Answer,
    ExecutionStarted,
    HistoryEvent,
    RecordedEpisode,
    Replay,
    call_orchestrator,
    episodes_of,
    last_episode,
    orchestrator_members,
    orchestrator_payload,
)
from durable_harness.app.functions import AppFunctions
from durable_harness.checks.action_words import action_words, where_they_part
from durable_harness.hub.instance import HubInstance
from durable_harness.worker.log_capture import LogCapture
from durable_harness.worker.sdk_events import sdk_at_work
from durable_harness.worker.suspension import quiet_close

__all__ = ["replay_mismatch"]

_CAUSES = (
    "The orchestrator read something that is not in its history: a global, a default argument, an attribute, a clock, "
    "a random number; or it branches on is_replaying. Take time from context.current_utc_datetime and ids from "
    "context.new_uuid(), keep what it needs in local variables, and move everything else into an activity."
)


def replay_mismatch(
    app: AppFunctions, instance: HubInstance, *, prefixes: int, log: LogCapture | None = None
) -> str | None:
    """What a replay from the start does differently, in words; None if nothing.

    ``prefixes`` is how many of the episodes before the last are replayed too, spread over all of them; without any, the
    host half is replayed only where a host has died. ``log`` takes what the replay logs again.
    """
    live = instance.replayer.answer
    if live is None or instance.is_entity or not app.known.has_orchestrator(instance.name):
        return None
    if not instance.history:
        return None
    with sdk_at_work(), quiet_close():
        with log.listening(to_replay=True) if log else nullcontext():
            difference = _check_last(app, instance, last_episode(instance.history), live, with_host=bool(prefixes))
        if difference is not None or not prefixes:
            return difference
        episodes = list(episodes_of(instance.history))
        # Of a rewound history, the episodes before the rewind saw another one.
        checked = _spread(len(episodes) - 1, prefixes) if len(episodes) == len(instance.episodes) else ()
        for place in checked:
            before, answer = instance.episodes[place].answer, _ask(app, instance, episodes[place].seen)
            if before is not None and _text(answer) != _text(before):
                return _told(instance, place, _answer_lines(before), _answer_lines(answer))
    return None


def _check_last(
    app: AppFunctions, instance: HubInstance, last: RecordedEpisode, live: Answer, *, with_host: bool
) -> str | None:
    answer = _ask_if_new(app, instance, last, live)
    if answer is not live and _text(answer) != _text(live) and not _is_too_deep(answer, live):
        return _told(instance, instance.episode_count - 1, _answer_lines(live), _answer_lines(answer))
    if instance.started is None or not (with_host or instance.crashes):
        return None
    replay = Replay(instance.started, answer, app.known, last.started_at)
    replay.play(last.history[: last.decides])
    again = [decision.event for decision in replay.decisions]
    recorded = [event for event in last.decided if isinstance(event, SCHEDULED)]
    if [*map(_key, again)] != [*map(_key, recorded)]:
        return _told(instance, instance.episode_count - 1, [*map(repr, recorded)], [*map(repr, again)])
    return None


def _ask_if_new(app: AppFunctions, instance: HubInstance, last: RecordedEpisode, live: Answer) -> Answer:
    """The answer of a replay from the start; the live one itself, where both are the same text."""
    worker = instance.replayer.worker
    if worker is None or worker.last_text is None or instance.started is None:
        return _ask(app, instance, last.seen)
    payload = json.dumps(_members_as_given(instance.started, last))
    try:
        text = app.orchestrator(instance.name).handle(payload)
    except Exception:
        text = None
    return live if text == worker.last_text else _ask(app, instance, last.seen)


def _members_as_given(started: ExecutionStarted, episode: RecordedEpisode) -> dict[str, Any]:
    """The payload of an episode, from the history that was stored after it."""
    members = orchestrator_members(episode.history[: episode.decides], started)
    for event in members["history"][episode.start :]:
        event["IsPlayed"] = False
    return members


def _ask(app: AppFunctions, instance: HubInstance, seen: Sequence[HistoryEvent]) -> Answer:
    started = instance.started
    if started is None:
        raise LookupError(f"{instance.instance_id!r} has not started.")
    handle: Callable[[str], str] = app.orchestrator(started.name).handle
    return call_orchestrator(handle, orchestrator_payload(seen, started))


def _spread(count: int, wanted: int) -> Sequence[int]:
    if count <= wanted:
        return range(count)
    return [count * place // wanted for place in range(wanted)]


def _text(answer: Answer) -> str:
    raised = answer.raised.text if answer.raised else None
    return json.dumps([answer.actions, answer.is_done, answer.output, answer.error, answer.custom_status, raised])


def _is_too_deep(*answers: Answer) -> bool:
    """Whether all ended in a RecursionError, whose text depends on who called."""
    return all("maximum recursion depth exceeded" in (answer.error or "") for answer in answers)


def _answer_lines(answer: Answer) -> list[str]:
    ends = [
        f"{name}: {value!r}"
        for name, value in (
            ("output", answer.output),
            ("error", answer.error),
            ("custom status", answer.custom_status),
            ("raised", answer.raised.text if answer.raised else None),
        )
        if value is not None
    ]
    return [*_lines(answer.actions), "done" if answer.is_done else "not done", *ends]


def _lines(actions: Sequence[Mapping[str, Any]]) -> list[str]:
    return [action_words(action) for action in actions]


def _key(event: HistoryEvent) -> tuple[object, ...]:
    return (type(event), event.event_id, getattr(event, "name", None), getattr(event, "fire_at", None))


def _told(instance: HubInstance, place: int, before: Sequence[str], after: Sequence[str]) -> str:
    diff = where_they_part(before, after, names=("what it did", "its replay does"))
    return (
        f"{instance.instance_id!r} ({instance.name}): replaying its history from the start gives something else, in "
        f"episode {place + 1} of {instance.episode_count}.\n{diff}\n{_CAUSES}"
    )
