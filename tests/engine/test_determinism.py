"""Equal arguments give an equal checkpoint, byte for byte, whatever the orchestration and whatever arrives."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from azure.durable_functions import DurableOrchestrationContext as Context
from azure.durable_functions import EntityId, RetryOptions
from hypothesis import given
from hypothesis import strategies as st

from durable_engine.model.checkpoint import Checkpoint
from durable_engine.model.event_json import event_to_json
from durable_engine.model.events import EventSent, HistoryEvent, TaskScheduled, TimerCreated
from engine.episode_runs import run_recorded
from engine.one_instance import OneInstance, Steps
from engine.recordings import Invocation, episode_of, invocations
from engine.sdk_warnings import SDK_WARNINGS

pytestmark = SDK_WARNINGS


def everything(context: Context) -> Steps:
    """An orchestration of whatever its input says, one step after the other."""
    results = []
    for step in context.get_input():
        task = STEPS[step](context)
        try:
            result = yield task
            results.append(result if isinstance(result, (str, int, list)) else type(result).__name__)
        except Exception as error:
            results.append(str(error)[:20])
        context.set_custom_status(results)
    return results


def _with_deadline(context: Context) -> Any:  # an SDK task
    timer = context.create_timer(context.current_utc_datetime + timedelta(seconds=9))
    return context.task_any([context.wait_for_external_event("go"), timer])


STEPS: dict[str, Callable[[Context], Any]] = {
    "activity": lambda context: context.call_activity("a", 1),
    "retried": lambda context: context.call_activity_with_retry("b", RetryOptions(1500, 2), "x"),
    "fan out": lambda context: context.task_all([context.call_activity("a", n) for n in range(3)]),
    "either": lambda context: context.task_any([context.call_activity("a"), context.call_activity("c")]),
    "deadline": _with_deadline,
    "entity": lambda context: context.call_entity(EntityId("counter", "k"), "get"),
    "event": lambda context: context.wait_for_external_event("go"),
}

arrivals = st.sampled_from(["complete", "complete", "complete", "fail", "raise", "suspend", "resume"])


def arrived(one: OneInstance, what: str, place: int) -> list[HistoryEvent]:
    """The event of this kind that can arrive now; nothing where none can."""
    pending = [
        event
        for event in one.history
        if isinstance(event, (TaskScheduled, TimerCreated, EventSent)) and event.event_id not in one.answered
    ]
    if what in ("complete", "fail") and pending:
        event = pending[place % len(pending)]
        one.answered.add(event.event_id)
        if isinstance(event, TimerCreated):
            return [one.fired(event.event_id)]
        if isinstance(event, EventSent):
            return [one.raised(json.loads(event.input or "")["id"], {"result": "7"})]
        return [one.completed(event.event_id, place) if what == "complete" else one.failed(event.event_id)]
    others: dict[str, HistoryEvent] = {
        "raise": one.raised("go", place),
        "suspend": one.suspended("s"),
        "resume": one.resumed("r"),
    }
    return [others[what]] if what in others else []


@given(
    st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=4),
    st.lists(st.lists(st.tuples(arrivals, st.integers(0, 9)), min_size=1, max_size=3), max_size=8),
)
def test_equal_histories_give_equal_checkpoints(steps: list[str], batches: list[list[tuple[str, int]]]) -> None:
    one = OneInstance(everything, input=steps)
    twin = OneInstance(everything, input=steps)

    one.start()
    twin.start()
    for batch in batches:
        events = [event for what, place in batch for event in arrived(one, what, place)]
        if not events or one.last.update.is_completed:
            continue
        one.receive(*events)
        twin.receive(*events)

    assert [as_text(checkpoint) for checkpoint in one.checkpoints] == [as_text(each) for each in twin.checkpoints]
    ids = [event.event_id for event in one.history if event.event_id >= 0]
    assert ids == list(range(len(ids))), "ids count up without a gap"
    assert sum(kind == "OrchestratorStarted" for kind in one.kinds) == len(one.checkpoints)
    assert one.kinds[-1] == "OrchestratorCompleted"


def as_text(checkpoint: Checkpoint) -> str:
    """The checkpoint, all of it, as text."""
    events = [json.dumps(event_to_json(event)) for event in checkpoint.events]
    messages = [(json.dumps(event_to_json(message.event)), message.target) for message in checkpoint.messages]
    return repr((checkpoint, events, messages))


@pytest.mark.parametrize("invocation", invocations()[::10], ids=lambda invocation: invocation.id)
def test_recorded_episode_run_again_gives_the_same_checkpoint(invocation: Invocation) -> None:
    instance, _, place = episode_of(invocation)
    first = run_recorded(instance, place)

    second = run_recorded.__wrapped__(instance, place)

    assert as_text(second.checkpoint) == as_text(first.checkpoint)
    assert second.given == first.given
