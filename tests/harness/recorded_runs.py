"""Recorded scenarios, run again in the harness: the same messages arrive, together in the episodes of the recording.

Steps an orchestration through the harness's own verbs, as the recorded history says.
Invariant: nothing of the recorded answers is used: the code of the app runs, activities and entities included.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from durable_engine import (
    EventRaised,
    ExecutionResumed,
    ExecutionStarted,
    ExecutionSuspended,
    ExecutionTerminated,
    GenericEvent,
    HistoryEvent,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceFailed,
    TaskCompleted,
    TaskFailed,
    TimerFired,
    parsed_json,
)
from durable_harness import Harness
from durable_harness.instance import Instance
from engine.recordings import Episode, RecordedInstance, instances
from harness.recorded_app import recorded_module

__all__ = ["recorded_roots", "run_as_recorded"]

_CHILD_RESULTS = (SubOrchestrationInstanceCompleted, SubOrchestrationInstanceFailed)


def recorded_roots() -> list[RecordedInstance]:
    """The recorded instances that were started by a client, each with its one life.

    `start_errors` has one whose id was started again, which is the management API's business.
    """
    return [
        one
        for one in instances()
        if _start(one).parent is None and one.row is not None and one.scenario != "start_errors"
    ]


def run_as_recorded(recorded: RecordedInstance, harness: Harness) -> Instance:
    """Start the orchestration, and let happen what happened."""
    harness.use_app_activities()
    harness.answer("slow", lambda given: given["value"])
    harness.answer("slow_async", lambda given: given)
    recorded_module()._STATE.clear()
    for url, response in _http_responses(recorded):
        harness.answer_http("GET", url, response)
    start = _start(recorded)
    instance = harness.start(start.name, body=start.input, instance_id=start.instance.instance_id)
    for episode in recorded.episodes[1:]:
        if any(isinstance(event, _CHILD_RESULTS) for event in episode.batch):
            _run_children(harness, instance)
        _let_happen(instance, episode)
    return instance


def _start(recorded: RecordedInstance) -> ExecutionStarted:
    return next(event for event in recorded.episodes[0].batch if isinstance(event, ExecutionStarted))


def _let_happen(instance: Instance, episode: Episode) -> None:
    if any(isinstance(event, GenericEvent) for event in episode.batch):
        reason = next(event.data for event in episode.batch if isinstance(event, GenericEvent))
        instance.rewind(reason)
        return
    with instance.one_episode():
        for event in episode.batch:
            _let_arrive(instance, event)


def _let_arrive(instance: Instance, event: HistoryEvent) -> None:
    match event:
        case TaskCompleted() | TaskFailed() if not isinstance(event, _CHILD_RESULTS):
            instance.finish(*(call for call in instance.pending.calls if call.event_id == event.task_scheduled_id))
        case TimerFired():
            instance.fire(*(timer for timer in instance.pending.timers if timer.event_id == event.timer_id))
        case EventRaised() if "ResponseMessage" not in (event.input or ""):
            instance.raise_event(event.name, parsed_json(event.input), by="http")
        case ExecutionTerminated():
            instance.terminate(event.input)
        case ExecutionSuspended():
            instance.suspend(event.reason)
        case ExecutionResumed():
            instance.resume(event.reason)
        case _:
            pass  # results of children and answers of entities arrive by themselves


def _run_children(harness: Harness, instance: Instance) -> None:
    """Let sub-orchestrations run to their end, one call after the other."""
    while waiting := [harness.instance(one) for one in instance.pending.sub_orchestrations]:
        before = [child.pending.lines for child in waiting]
        for child in waiting:
            _run_children(harness, child)
            child.finish(*child.pending.calls[:1])
        if before == [child.pending.lines for child in waiting]:
            return


def _http_responses(recorded: RecordedInstance) -> Iterator[tuple[str, Any]]:
    """What `call_http` got: the URL of the first answer, and the outcome that the last history has."""
    answer = recorded.invocations[0].recorded_answer
    history = recorded.invocations[-1].history
    for action in answer["actions"][0] if answer else ():
        if action["actionType"] == 8:
            for event in history:
                if isinstance(event, TaskCompleted):
                    yield action["httpRequest"]["uri"], json.loads(event.result or "null")
                elif isinstance(event, TaskFailed):
                    yield action["httpRequest"]["uri"], ConnectionError(event.reason)
