"""One recorded episode, run by the engine with the recorded answers in place of the orchestrator.

What the tests from recordings have in common: run, keep what the orchestrator was given, return both.
Invariant: the engine is called as harness and host call it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from durable_engine.model.checkpoint import Checkpoint
from durable_engine.model.event_json import event_to_json
from durable_engine.model.events import HistoryEvent
from durable_engine.orchestration.episode import App, run_episode
from engine.recorded_app import recorded_app
from engine.recordings import Episode, Invocation, RecordedInstance

__all__ = ["EpisodeRun", "checkpoint_of", "run_recorded", "written_events"]

_USER_EXCEPTION = re.compile(r"One or more errors occurred\. \(Result: Failure\nException: (\w+): ")


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeRun:
    """What the engine gave to the orchestrator, one text for each invocation, and what it made of the answers."""

    given: tuple[str, ...]
    checkpoint: Checkpoint


@cache
def run_recorded(instance: RecordedInstance, place: int) -> EpisodeRun:
    """Run the instance's episode at this place."""
    episode = instance.episodes[place]
    given: list[str] = []

    def orchestrator(name: str) -> Callable[[str], str]:
        def code(payload: str) -> str:
            given.append(payload)
            invocation = episode.invocations[len(given) - 1]
            assert invocation.name == name, "the engine asked for another orchestrator"
            return _answer(instance, invocation)

        return code

    checkpoint = run_episode(
        episode.past,
        episode.batch,
        App(functions=recorded_app().functions, orchestrator=orchestrator),
        now=episode.now,
        new_id=_ids_of(episode),
    )
    return EpisodeRun(given=tuple(given), checkpoint=checkpoint)


def checkpoint_of(instance: RecordedInstance, place: int) -> Checkpoint:
    """The engine's checkpoint of the instance's episode at this place."""
    return run_recorded(instance, place).checkpoint


def written_events(events: tuple[HistoryEvent, ...]) -> list[dict[str, Any]]:
    """Events as JSON."""
    return [event_to_json(event) for event in events]


def _answer(instance: RecordedInstance, invocation: Invocation) -> str:
    try:
        return invocation.answer()
    except Exception as exception:
        # The recording has the exception's text alone; of which class it was, the instance's output says.
        shown = _USER_EXCEPTION.search(instance.row["Output"][1]) if instance.row and "Output" in instance.row else None
        if shown is None:
            raise
        raise type(shown[1], (Exception,), {})(str(exception)) from None


def _ids_of(episode: Episode) -> Callable[[], str]:
    """Ids as the recording has them for the executions that continue-as-new began; others for sub-orchestrations."""
    executions = [invocation.history[1].instance.execution_id for invocation in episode.invocations[1:]]  # type: ignore[attr-defined]  # the second event of a history is ExecutionStarted
    ids = iter([*executions, *(f"{number:032x}" for number in range(1, 100))])
    return lambda: next(ids)
