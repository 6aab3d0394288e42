"""Within one instance: when one of the arrivals that are possible may be taken alone, without losing anything.

One sound half of pruning; ``independence`` is the other.
Invariant: an arrival is taken alone only if it commutes with everything that can happen before it, so that whatever
follows from another order follows from this one too, the order of calls' ends and beginnings included.

Four kinds commute so:
- a completion for an id that has been completed already: host and SDK both pass over it, for good;
- a success for a task in a tree of ``task_all``s that user code waits for, as long as it is not the last one and
  nothing in the tree can fail. Then user code cannot be resumed before this success has arrived, whatever else arrives,
  and neither SDK nor host make a decision when it does.
- the same beside failures, in one flat ``task_all`` and if nothing else can reach the instance. A failure resumes user
  code at once, but the host asks for nothing more before all have ended, so that only code that looks back at these
  tasks, or at the time, can tell which of them had ended before (``assumptions``).
- a success after user code has ended, as long as it is not the last that the host waits for and the host has nothing
  more to ask for: it changes nothing but that one thing less is open.
Everything else is left to branching: a failure, a ``task_any`` above, a retry, a timer, an event.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from durable_engine import ExecutionStarted, TaskCompleted, TaskFailed
from durable_harness.exploring.assumptions import Assumptions
from durable_harness.hub.arrivals import Arrival
from durable_harness.hub.instance import HubInstance
from durable_harness.hub.task_hub import TaskHub
from durable_harness.worker.sdk_types import AtomicTask, CompoundTask, TaskState, TimerTask, WhenAllTask, first_error

__all__ = ["ample_arrival", "is_silent_inbox"]


@dataclass(frozen=True, slots=True)
class _Completion:
    """The end of a task, on its way: of which, whether it is a success, and what it gives."""

    task_id: int
    is_success: bool
    gives: str


def ample_arrival(hub: TaskHub, enabled: Sequence[Arrival], learned: Assumptions) -> int | None:
    """The place of an arrival that may be taken alone, None if there is none."""
    restarted = {one.target.instance_id for one in enabled if _is_another_start(hub, one)}
    on_their_way: dict[str, dict[int, list[_Completion]]] = {}
    for place, arrival in enumerate(enabled):
        own = _completion(arrival)
        if own is None or (arrival.due_at is not None and arrival.due_at > hub.clock.now):
            continue
        instance = hub.instances.get(arrival.target.instance_id)
        if instance is None or instance.runtime_status != "Running" or instance.instance_id in restarted:
            continue
        if instance.inbox and not is_silent_inbox(instance):
            continue
        if _is_passed_over(instance, own) or _is_after_end(instance, own):
            return place
        if instance.instance_id not in on_their_way:
            on_their_way[instance.instance_id] = _completions(hub, instance)
        if _is_silent(hub, instance, own, on_their_way[instance.instance_id], learned):
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


def _is_another_start(hub: TaskHub, arrival: Arrival) -> bool:
    """Whether this begins another execution of an instance, which ends the one that is there."""
    instance, event = hub.instances.get(arrival.target.instance_id), arrival.event
    return (
        instance is not None
        and isinstance(event, ExecutionStarted)
        and event.instance.execution_id != instance.execution_id
    )


def _completion(arrival: Arrival) -> _Completion | None:
    call, event = arrival.call, arrival.event
    if call is not None and call.outcome is not None:
        outcome = call.outcome
        return _Completion(call.event_id, outcome.raised is None, str(outcome.error or outcome.result))
    if isinstance(event, TaskCompleted):
        return _Completion(event.task_scheduled_id, True, str(event.result))
    if isinstance(event, TaskFailed):
        return _Completion(event.task_scheduled_id, False, f"{event.reason} {event.details}")
    return None


def _completions(hub: TaskHub, instance: HubInstance) -> dict[int, list[_Completion]]:
    """What is on its way to this execution, by the ids of the tasks."""
    found: dict[int, list[_Completion]] = {}
    for arrival in hub.arrivals:
        target = arrival.target
        if target.instance_id == instance.instance_id and target.execution_id == instance.execution_id:
            own = _completion(arrival)
            if own is not None:
                found.setdefault(own.task_id, []).append(own)
    return found


def _is_passed_over(instance: HubInstance, own: _Completion) -> bool:
    """Whether both halves have had a completion for this id."""
    worker, replay = instance.replayer.worker, instance.replayer.replay_now
    if worker is None or replay is None or own.task_id not in replay.settled:
        return False
    context = worker.context
    return own.task_id < context.sequence_number and own.task_id not in context.open_tasks


def _is_after_end(instance: HubInstance, own: _Completion) -> bool:
    """Whether only the host still waits, for this success and for others, and asks for nothing more."""
    worker, replay = instance.replayer.worker, instance.replayer.replay_now
    if worker is None or replay is None or not own.is_success:
        return False
    return worker.has_ended and replay.has_asked_for_all and replay.open_count >= 2


def _is_silent(
    hub: TaskHub,
    instance: HubInstance,
    own: _Completion,
    on_their_way: dict[int, list[_Completion]],
    learned: Assumptions,
) -> bool:
    """Whether this success resumes nobody, and whoever is resumed before it cannot tell."""
    worker = instance.replayer.worker
    if worker is None or not own.is_success:
        return False
    task = worker.context.open_tasks.get(own.task_id)
    awaited = worker.awaited
    if type(task) is not AtomicTask or type(awaited) is not WhenAllTask:
        return False
    joined = {event.task_scheduled_id for event in instance.inbox if isinstance(event, TaskCompleted)}
    pending = [one for one in _pending(awaited) if one.id not in joined]
    if len(pending) < 2 or not any(one is task for one in pending):
        return False
    if len(set(on_their_way.get(own.task_id, []))) != 1:
        return False
    if hub.faults_left and hub.answers.may_remember:
        return False  # what an activity gives when it is run again may be something else
    if instance.name in learned.sees_episodes and any(isinstance(one, TimerTask) for one in pending):
        return False  # after the timer, it comes later than the timer was due
    if all(_is_certain(one, on_their_way) for one in pending):
        return True
    return _is_alone(hub, instance, awaited, pending, on_their_way, learned)


def _is_alone(
    hub: TaskHub,
    instance: HubInstance,
    awaited: Any,
    pending: Sequence[Any],
    on_their_way: dict[int, list[_Completion]],
    learned: Assumptions,
) -> bool:
    """Whether nothing but the ends of one flat ``task_all`` can reach an instance, and user code does not look back."""
    replay = instance.replayer.replay_now
    if replay is None or instance.name in learned.looks_back | learned.sees_episodes | learned.sees_time:
        return False
    if awaited.parent is not None or any(type(one) is not AtomicTask or one.parent is not awaited for one in pending):
        return False
    if any(len(set(on_their_way.get(one.id, []))) != 1 for one in pending) or hub.faults_left:
        return False
    tasks = {one.id for one in pending}
    ends = [_completion(one) for one in hub.arrivals if one.target.instance_id == instance.instance_id]
    others = [end for end in ends if end is None or end.task_id not in tasks]
    waits = sum(count for _, count, _ in replay.event_waits)
    return not others and not waits and replay.open_count == len(pending) + len(instance.inbox)


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


def _is_certain(task: Any, on_their_way: dict[int, list[_Completion]]) -> bool:
    """Whether this task can only succeed."""
    if isinstance(task, CompoundTask):
        return False
    if isinstance(task, TimerTask):
        return True
    ends = on_their_way.get(task.id)
    return ends is not None and all(end.is_success for end in ends)
