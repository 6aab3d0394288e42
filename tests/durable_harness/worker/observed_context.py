"""The SDK's orchestration context, watched: which tasks user code makes, which ids they get, what it reads.

The real ``DurableOrchestrationContext`` with a memory. It changes nothing that user code or the SDK can see.
Invariant: what is remembered is in the order of user code, so that equal runs remember equal things.
"""

from __future__ import annotations

import datetime
from collections import Counter
from typing import Any

from durable_harness.worker.sdk_types import (
    Action,
    CompoundTask,
    CreateTimerAction,
    DurableOrchestrationContext,
    NoOpAction,
    SignalEntityAction,
    TaskBase,
)

__all__ = ["ObservedContext", "UnusableTasksError"]


class UnusableTasksError(BaseException):
    """``task_all`` or ``task_any`` was given something that is not a list of tasks.

    It is not an ``Exception``, so that user code cannot swallow it on its way to the harness.
    """

    def __init__(self, method: str, given: object) -> None:
        self.method, self.given = method, given
        super().__init__(method, given)


class ObservedContext(DurableOrchestrationContext):  # type: ignore[misc]  # the SDK has no types
    """The context of one execution that is stepped event by event."""

    def __init__(self, **members: Any) -> None:
        self.tasks: list[TaskBase] = []
        """Every task, in the order in which it was made."""
        self.compounds: list[CompoundTask] = []
        """Those among them that user code made of others."""
        self.places: dict[int, int] = {}
        """The place of each task in that order, by the identity of the object."""
        self.numbered: dict[int, TaskBase | Action] = {}
        """What the SDK gave each sequential id to."""
        self.resumed = 0
        """How often user code was resumed, its start counted."""
        self.is_in_user_code = False
        self.shows_boundaries = False
        """Whether user code has read the time, or an id made of it, when it could tell one episode from the next."""
        self.reads_time = False
        """Whether user code has read the time at all."""
        self.looks_back = False
        """Whether user code has looked at a task of a ``task_all`` that had failed."""
        self.timers: list[CreateTimerAction] = []
        """The actions of timers that user code may still cancel."""
        self.oddities: dict[str, str] = {}
        """What met a defect of the SDK, by the defect's code, with the name that it concerns."""
        self.waits: Counter[str] = Counter()
        """How often user code has asked for each external event."""
        self.events: Counter[str] = Counter()
        """How many external events of each name have come."""
        self._open_waits: dict[str, list[TaskBase]] = {}
        self._children: dict[str, TaskBase] = {}
        self.checks_tasks = True
        """Whether a wrong argument of ``task_all`` is refused rather than left to the SDK."""
        super().__init__(**members)

    def _generate_task(self, action: Action, *args: Any, **kwargs: Any) -> TaskBase:
        return self._remember(super()._generate_task(action, *args, **kwargs))

    def _remember(self, task: TaskBase) -> TaskBase:
        self.places[id(task)] = len(self.tasks)
        self.tasks.append(task)
        return task

    def _add_to_open_tasks(self, task: TaskBase) -> None:
        if not isinstance(task, CompoundTask) and task.id is None and not task._is_scheduled:
            self.numbered[self._sequence_number] = task
        super()._add_to_open_tasks(task)

    def _add_to_actions(self, action_repr: Action) -> None:
        if self.will_continue_as_new:
            self.oddities["after_continue_as_new"] = type(action_repr).__name__.removesuffix("Action")
        super()._add_to_actions(action_repr)

    def _record_fire_and_forget_action(self, action: Action) -> None:
        self.numbered[self._sequence_number] = action
        super()._record_fire_and_forget_action(action)

    def create_timer(self, fire_at: datetime.datetime) -> TaskBase:
        """Make a timer task."""
        offset = getattr(fire_at, "utcoffset", None)  # what is no datetime, the SDK refuses itself
        if offset is not None and offset():
            self.oddities["timer_zone"] = fire_at.isoformat()
        known = len(self.tasks)
        task = super().create_timer(fire_at)
        if len(self.tasks) == known:  # a long timer is not made by _generate_task
            self._remember(task)
        else:
            self.timers.append(task.action_repr)
        return task

    def wait_for_external_event(self, name: str, *args: Any, **kwargs: Any) -> TaskBase:
        """Make a task that an event completes."""
        self.waits[name] += 1
        task = super().wait_for_external_event(name, *args, **kwargs)
        # One that has lost its race is waited for by nobody.
        opened = [one for one in self._open_waits.get(name, ()) if not (one.is_completed or _has_lost(one))]
        if opened:
            self.oddities["two_waits"] = name
        self._open_waits[name] = [*opened, task]
        return task

    def call_sub_orchestrator(self, *args: Any, **kwargs: Any) -> TaskBase:
        """Make a task that the end of a sub-orchestration completes."""
        return self._child(super().call_sub_orchestrator(*args, **kwargs))

    def call_sub_orchestrator_with_retry(self, *args: Any, **kwargs: Any) -> TaskBase:
        """Make a task that the end of a sub-orchestration, or of its last attempt, completes."""
        return self._child(super().call_sub_orchestrator_with_retry(*args, **kwargs))

    def _child(self, task: TaskBase) -> TaskBase:
        instance_id = getattr(task.action_repr, "instance_id", None)
        if instance_id:
            before = self._children.get(instance_id)
            if before is not None and not before.is_completed:
                self.oddities["two_children"] = instance_id
            self._children[instance_id] = task
        return task

    @property
    def early_events(self) -> Counter[str]:
        """How many events of each name have come that no wait has asked for."""
        return self.events - self.waits

    def task_all(self, activities: list[TaskBase]) -> TaskBase:
        """Make a task that waits for all."""
        return self._compound("task_all", activities)

    def task_any(self, activities: list[TaskBase]) -> TaskBase:
        """Make a task that waits for the first."""
        return self._compound("task_any", activities)

    def _compound(self, method: str, given: Any) -> TaskBase:
        if self.checks_tasks and not _are_tasks(given):
            raise UnusableTasksError(method, given)
        if not given and method == "task_all":
            self.oddities["empty_task_all"] = method
        if any(task.parent is not None and not task.parent.is_completed for task in given):
            self.oddities["task_in_two_compounds"] = method
        task = self._remember(getattr(super(), method)(given))
        self.compounds.append(task)
        return task

    @property
    def current_utc_datetime(self) -> datetime.datetime:
        """The time of the episode."""
        # The first episode's time is the same however later events are batched.
        if self.is_in_user_code:
            self.reads_time = True
            self.shows_boundaries = self.shows_boundaries or self.resumed > 1
        return self._current_utc_datetime

    @current_utc_datetime.setter
    def current_utc_datetime(self, value: datetime.datetime) -> None:
        self._current_utc_datetime = value

    def set_custom_status(self, status: Any) -> None:
        """Set the status that clients see after the episode."""
        if not status and status is not None and self._custom_status:
            self.oddities["falsy_custom_status"] = repr(status)
        super().set_custom_status(status)

    @property
    def sequence_number(self) -> int:
        """The id that the SDK will give to the next thing that it schedules."""
        number: int = self._sequence_number
        return number

    @property
    def never_yielded(self) -> list[TaskBase]:
        """Tasks that user code made and never waited for, so that nothing was ever scheduled for them."""
        return [task for task in self.tasks if task.parent is None and not task._is_scheduled and _is_of_user(task)]


def _is_of_user(task: TaskBase) -> bool:
    if isinstance(task, CompoundTask):
        return bool(task.children)
    return task.id is None and not isinstance(task.action_repr, (NoOpAction, SignalEntityAction))


def _has_lost(task: TaskBase) -> bool:
    return task.parent is not None and bool(task.parent.is_completed)


def _are_tasks(given: object) -> bool:
    return isinstance(given, (list, tuple)) and all(isinstance(one, TaskBase) for one in given)
