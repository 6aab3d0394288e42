"""The SDK's known defects, met: each named, with the shape that avoids it.

Looks at the worker after an episode and says which defects of azure-functions-durable 1.7 the run has met. Those that
show on the host half (events given twice, ids that part) are the engine's notices.
Invariant: nothing is avoided or repaired: the run does what Azure does, and the warning says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from durable_engine import Checkpoint, EventRaised, TimerCreated, TimerFired, ticks_to_datetime
from durable_harness.hub.instance import HubInstance
from durable_harness.worker.sdk_types import WhenAnyTask

__all__ = ["DEFECTS", "defects_met", "named", "unpolled"]

DEFECTS: Final = {
    "nested_compound": "a child of a nested task_all failed before another one succeeded, and the SDK completes the "
    "failed task_all again. It ends with 'Parent Task -1 does not have pending sub-task' and answers no actions, which "
    "the host reports as non-determinism. It depends on the order. Let the activities within nested task_all or "
    "task_any return errors as values.",
    "failed_turned_succeeded": "a task_all that had failed became succeeded when its last child did, and was yielded "
    "again: it gives a list with the exception in it instead of raising. Never look at a task_all again after it has "
    "failed.",
    "empty_task_all": "context.task_all([]) gives None, not an empty list. Ask whether there are tasks before.",
    "task_in_two_compounds": "a task is in two of {name} and the like: only the compound that was made last hears of "
    "its end, and the other never completes. Put each task into one compound.",
    "falsy_custom_status": "the custom status {name} is falsy, and the SDK leaves it out: clients see none. Use a "
    "value that is true.",
    "after_continue_as_new": "{name} was asked for after continue_as_new, and the SDK drops it. Return right after "
    "continue_as_new.",
    "timer_zone": "a timer is due at {name}, in a zone other than UTC. The SDK sends the local hour and calls it UTC, "
    "so that it fires hours too late, or at once. Give UTC: context.current_utc_datetime + timedelta(...), or "
    "due.astimezone(timezone.utc).",
    "two_waits": "there are two open waits for the event {name!r}. The SDK gives an event to the wait that was made "
    "last, so that the first gets the second event, or none. Wait for one event of a name at a time, or give each "
    "event a name of its own.",
    "two_children": "two sub-orchestrations were started under the id {name!r} at the same time. They are one "
    "instance: the second start replaces the first, or is dropped, and one of the calls may never end. Give each an id "
    "of its own, or none.",
    "dropped_events": "{name} came early, before anything waited for it, and continue_as_new drops it with the old "
    "history. Wait for events in every execution, and before continue_as_new take what has come: or send the items to "
    "an entity, which loses none.",
    "sliding_window": "user code has gone on to {name}, and the host does not start it yet: it waits for what was "
    "scheduled just before. Of a task_any with tasks that an earlier task_any had, the SDK tells the host the new ones "
    "only, so that a sliding window is worked off one by one. Start chunks with task_all, or let each of a few "
    "sub-orchestrations take its share one after the other.",
    "open_timer": "user code has ended, and the timer that is due at {name} is still open: the instance stays Running "
    "until then. Cancel a timer that has lost its race: timer.cancel().",
    "accepted_http": "call_http to {name} was answered 202, and nobody has asked its Location for the result. The SDK "
    "does not poll: ask for the Location in a loop, with a timer between, until it is answered otherwise.",
    "recursion": "the SDK resumes tasks that are done already by recursion, and about 1,000 in a row are too deep. "
    "Take their results from task_all instead of yielding them one by one.",
}
"""What happens, and what to do, by code."""


def defects_met(instance: HubInstance, checkpoint: Checkpoint) -> Iterator[tuple[str, str]]:
    """Code and text of each defect that this instance has met in its last episode."""
    yield from _of_answer(instance)
    dropped = _dropped(instance, checkpoint)
    if dropped:
        yield _met(instance, "dropped_events", f"the event {dropped!r}")
    if instance.is_completed or instance.runtime_status != "Running":
        return
    late = _started_late(instance)
    if late:
        yield _met(instance, "sliding_window", late)
    timer = _open_timer(instance)
    if timer:
        yield _met(instance, "open_timer", timer)


def unpolled(instance: HubInstance) -> Iterator[tuple[str, str]]:
    """Code and text of each HTTP call that was answered 202 and whose result nobody has asked for."""
    for url in dict.fromkeys(instance.accepted.values()):
        yield _met(instance, "accepted_http", url)


def _of_answer(instance: HubInstance) -> Iterator[tuple[str, str]]:
    answer = instance.replayer.answer
    if answer is not None and (answer.raised is not None or answer.error is not None):
        text = answer.raised.message if answer.raised else answer.error or ""
        if "does not have pending sub-task" in text:
            yield _met(instance, "nested_compound")
        if "maximum recursion depth exceeded" in text:
            yield _met(instance, "recursion")
    for code, name in instance.replayer.oddities.items():
        yield _met(instance, code, name)


def _dropped(instance: HubInstance, checkpoint: Checkpoint) -> str | None:
    """The name of an event that has got lost with the old execution."""
    if not checkpoint.replaces_history:
        return None
    carried = Counter(event.name for event in checkpoint.events if isinstance(event, EventRaised))
    lost = instance.replayer.left_events - carried
    instance.replayer.left_events = Counter()
    # What an entity answers is an event too, and whoever has asked has got it.
    return min(lost.keys() - instance.asked_entities.keys(), default=None)


def _started_late(instance: HubInstance) -> str | None:
    """What user code waits for in a task_any, and the host has not asked for yet."""
    worker, replay = instance.replayer.worker, instance.replayer.replay_now
    if worker is None or replay is None or replay.has_asked_for_all or type(worker.awaited) is not WhenAnyTask:
        return None
    waiting = [task for task in worker.awaited.children if not task.is_completed]
    new = [task for task in waiting if isinstance(task.id, int) and task.id not in instance.host_numbers]
    if not new or len(new) == len(waiting):
        return None
    return named(new[0].action_repr)


def _open_timer(instance: HubInstance) -> str | None:
    """When the last timer is due for which alone the instance goes on."""
    worker, replay = instance.replayer.worker, instance.replayer.replay_now
    if worker is None or replay is None or not worker.has_ended or worker.context.will_continue_as_new:
        return None
    fired = {event.timer_id for event in instance.history if isinstance(event, TimerFired)}
    timers = [event for event in instance.history if isinstance(event, TimerCreated) and event.event_id not in fired]
    if not timers or replay.open_count > len(timers):
        return None
    return f"{ticks_to_datetime(max(timer.fire_at for timer in timers)):%Y-%m-%d %H:%M:%S}"


def named(action: object) -> str:
    """An action of the SDK by its kind and its name."""
    name = getattr(action, "function_name", None) or getattr(action, "external_event_name", None)
    kind = type(action).__name__.removesuffix("Action")
    return f"{kind} {name!r}" if name else kind


def _met(instance: HubInstance, code: str, name: str = "") -> tuple[str, str]:
    return code, f"{instance.instance_id!r} ({instance.name}): {DEFECTS[code].format(name=name)}"
