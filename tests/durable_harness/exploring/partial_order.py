"""Ample sets: when one of the arrivals that are possible may be taken alone, without losing any outcome.

The sound half of pruning.
Invariant: an arrival is taken alone only if it commutes with everything that can happen before it, so that whatever
follows from another order follows from this one too.

Three kinds commute so:
- a completion for an id that has been completed already: host and SDK both pass over it, for good;
- a success for a task in a tree of ``task_all``s that user code waits for, as long as it is not the last one and
  nothing in the tree can fail. Then user code cannot be resumed before this success has arrived, whatever else arrives,
  and neither SDK nor host make a decision when it does.
- a success after user code has ended, as long as it is not the last that the host waits for and the host has nothing
  more to ask for: it changes nothing but that one thing less is open.
Everything else is left to branching: a failure, a ``task_any`` above, a retry, a timer, an event.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from durable_engine import TaskCompleted
from durable_harness.hub.arrivals import Arrival, Call
from durable_harness.hub.instance import HubInstance
from durable_harness.hub.task_hub import TaskHub
from durable_harness.worker.sdk_types import AtomicTask, CompoundTask, TaskState, TimerTask, WhenAllTask, first_error

__all__ = ["ample_arrival", "is_silent_inbox"]


def ample_arrival(hub: TaskHub, enabled: Sequence[Arrival]) -> int | None:
    """The place of an arrival that may be taken alone, None if there is none."""
    for place, arrival in enumerate(enabled):
        call = arrival.call
        if call is None or (arrival.due_at is not None and arrival.due_at > hub.clock.now):
            continue
        instance = hub.instances.get(arrival.target.instance_id)
        if instance is None or instance.runtime_status != "Running":
            continue
        if instance.inbox and not is_silent_inbox(instance):
            continue
        if _is_passed_over(instance, call) or _is_after_end(instance, call) or _is_silent(hub, instance, call):
            return place
    return None


def is_silent_inbox(instance: HubInstance) -> bool:
    """Whether what is in the inbox resumes nobody: more can join it without a difference to anybody.

    So it is with successes of tasks in a tree of ``task_all``s that user code waits for, as long as one is missing.
    """
    worker = instance.replayer.worker
    if worker is None or type(worker.awaited) is not WhenAllTask or instance.runtime_status != "Running":
        return False
    pending = {one.id for one in _pending(worker.awaited) if type(one) is AtomicTask}
    arrived = [event.task_scheduled_id for event in instance.inbox if isinstance(event, TaskCompleted)]
    is_all = len(arrived) == len(instance.inbox) == len(set(arrived)) and pending.issuperset(arrived)
    return is_all and len(arrived) < len(pending)


def _is_passed_over(instance: HubInstance, call: Call) -> bool:
    """Whether both halves have had a completion for this id."""
    worker, replay = instance.replayer.worker, instance.replayer.replay_now
    if worker is None or replay is None or call.event_id not in replay.settled:
        return False
    context = worker.context
    return call.event_id < context.sequence_number and call.event_id not in context.open_tasks


def _is_after_end(instance: HubInstance, call: Call) -> bool:
    """Whether only the host still waits, for this success and for others, and asks for nothing more."""
    worker, replay = instance.replayer.worker, instance.replayer.replay_now
    if worker is None or replay is None or call.outcome is None or call.outcome.raised is not None:
        return False
    return worker.has_ended and replay.has_asked_for_all and replay.open_count >= 2


def _is_silent(hub: TaskHub, instance: HubInstance, call: Call) -> bool:
    """Whether the success of this call resumes nobody, and nobody can be resumed before it."""
    worker = instance.replayer.worker
    if worker is None or call.outcome is None or call.outcome.raised is not None:
        return False
    task = worker.context.open_tasks.get(call.event_id)
    awaited = worker.awaited
    if type(task) is not AtomicTask or type(awaited) is not WhenAllTask:
        return False
    joined = {event.task_scheduled_id for event in instance.inbox if isinstance(event, TaskCompleted)}
    pending = [one for one in _pending(awaited) if one.id not in joined]
    if len(pending) < 2 or not any(one is task for one in pending):
        return False
    calls = _calls_of(hub, instance)
    return all(_is_certain(one, calls) for one in pending) and len(set(calls.get(call.event_id, []))) == 1


def _pending(task: Any) -> Iterator[Any]:
    """The tasks in a tree of ``task_all``s that have not ended; any other compound stands for itself."""
    if type(task) is WhenAllTask:
        if task.state is not TaskState.RUNNING and first_error(task) is not None:
            yield task  # it has failed: nothing is certain about this tree
            return
        for child in task.children:
            if child.parent is not task:
                yield task  # it is in another compound too, and this one will not hear of its end
            if child.state is TaskState.RUNNING or (type(child) is WhenAllTask and first_error(child) is not None):
                yield from _pending(child)
    else:
        yield task


def _is_certain(task: Any, calls: dict[int, list[str]]) -> bool:
    """Whether this task can only succeed."""
    if isinstance(task, CompoundTask):
        return False
    if isinstance(task, TimerTask):
        return True
    outcomes = calls.get(task.id)
    return outcomes is not None and all(outcome.startswith("succeeds") for outcome in outcomes)


def _calls_of(hub: TaskHub, instance: HubInstance) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for arrival in hub.arrivals:
        call = arrival.call
        if call is not None and arrival.target.instance_id == instance.instance_id and call.outcome is not None:
            text = f"fails {call.outcome.error}" if call.outcome.raised else f"succeeds {call.outcome.result}"
            found.setdefault(call.event_id, []).append(text)
    return found
