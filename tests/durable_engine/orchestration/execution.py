"""The state of one replayed execution: ids, what is decided, what is open, what is waited for.

The part of DurableTask's orchestration context that both the history and the orchestrator's answer change.
Invariant: one counter gives every decision its id, in the order in which the host makes them.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from durable_engine.entities.messages import OPERATION, EntitySender
from durable_engine.model.checkpoint import Notice
from durable_engine.model.events import (
    EventRaised,
    EventSent,
    OrchestrationInstance,
    SubOrchestrationInstanceCreated,
    TaskScheduled,
    TimerCreated,
)
from durable_engine.model.notices import doubled_event
from durable_engine.model.ticks import NEVER, Ticks
from durable_engine.orchestration.nondeterminism import Scheduled
from durable_engine.orchestration.tasks import HostTask

__all__ = ["Decision", "Execution"]


@dataclass(frozen=True, slots=True)
class Decision:
    """Something the orchestrator asked for: the event that records it, and the input that only its message carries.

    ``origin`` is the place of the action that asked for it among all actions, those inside of compounds counted.
    """

    event: Scheduled
    input: str | None = None
    origin: int = -1


class Execution:
    """What DurableTask's context knows while it replays one execution."""

    def __init__(self, instance: OrchestrationInstance, now: Ticks) -> None:
        self.decisions: dict[int, Decision] = {}
        """What was asked for and is not (yet) in the history, by event id."""
        self.clock: Ticks = NEVER
        """The time of the episode that is being replayed."""
        self.new_input: str | None = None
        """The next execution's input, once continue-as-new was asked for."""
        self.carried_over: list[EventRaised] = []
        """Events that arrived after that."""
        self.notices: list[Notice] = []
        self.now = now
        """The time that new decisions are stamped with."""
        self.origin = -1
        """The action that is being asked for."""
        self.origins: list[int] = []
        """For each event id that was given out, the action that it was given to."""
        self.outcomes: dict[int, bool] = {}
        """For each task that is no longer open, whether it failed."""
        self._next_id = 0
        self._open: dict[int, HostTask] = {}
        self._waiting: dict[str, list[HostTask]] = {}
        self._early: dict[str, deque[EventRaised]] = {}
        self._early_for_sdk: dict[str, int] = {}
        self._doubled: set[str] = set()
        self._entities = EntitySender(instance.instance_id, instance.execution_id)

    @property
    def next_id(self) -> int:
        """The id that the next decision takes."""
        return self._next_id

    @property
    def event_waits(self) -> tuple[tuple[str, int, int], ...]:
        """For each name of an event, how many waits are unfulfilled and how many events nobody has waited for."""
        names = sorted(self._waiting.keys() | self._early.keys())
        return tuple((name, len(self._waiting.get(name, ())), len(self._early.get(name, ()))) for name in names)

    @property
    def has_open_tasks(self) -> bool:
        """Whether an activity, sub-orchestration or timer is still out; event waits do not count."""
        return bool(self._open)

    @property
    def open_count(self) -> int:
        """How many activities, sub-orchestrations and timers are out."""
        return len(self._open)

    def schedule_activity(self, name: str, input: str) -> HostTask:
        """Decide to run an activity."""
        return self._open_task(TaskScheduled(timestamp=self.now, event_id=self._next_id, name=name), input)

    def start_sub_orchestration(self, name: str, instance_id: str, version: str | None, input: str) -> HostTask:
        """Decide to start a sub-orchestration."""
        event = SubOrchestrationInstanceCreated(
            timestamp=self.now, event_id=self._next_id, name=name, instance_id=instance_id, version=version
        )
        return self._open_task(event, input)

    def start_timer(self, fire_at: Ticks, *, is_cancelled: bool = False) -> HostTask:
        """Decide to set a timer. A cancelled one is done at once and no longer open, though it is still set."""
        timer_id = self._next_id
        task = self._open_task(TimerCreated(timestamp=self.now, event_id=timer_id, fire_at=fire_at), None)
        if is_cancelled:
            del self._open[timer_id]
            self.outcomes[timer_id] = False
            task.complete()
        return task

    def send_to_entity(self, target: str, operation: str, input: str | None, *, is_signal: bool) -> str:
        """Decide to send an operation; returns the request's id, which is the name of the answer's event."""
        request_id, text = self._entities.request(
            target, operation, input, is_signal=is_signal, clock=self.clock, now=self.now
        )
        event = EventSent(timestamp=self.now, event_id=self._next_id, instance_id=target, name=OPERATION, input=text)
        self._decide(Decision(event, origin=self.origin))
        return request_id

    def wait_for_event(self, name: str) -> HostTask:
        """The next event of this name, however its case: the oldest early one, else the next to be raised."""
        task = HostTask()
        self._note_doubled_event(name)
        early = self._early.get(name.upper())
        if early:
            early.popleft()
            task.complete()
        else:
            self._waiting.setdefault(name.upper(), []).append(task)
        return task

    def raise_event(self, event: EventRaised) -> None:
        """Give an event to the latest waiter of its name, or keep it for a later one."""
        if self.new_input is not None:
            self.carried_over.append(event)
            return
        waiting = self._waiting.get(event.name.upper())
        if waiting:
            waiting.pop().complete()
        else:
            self._early.setdefault(event.name.upper(), deque()).append(event)
            self._early_for_sdk[event.name] = self._early_for_sdk.get(event.name, 0) + 1

    def settle(self, task_id: int, *, failed: bool) -> None:
        """Report an open task's outcome. A second one, or a cancelled timer's, is passed over as the host does."""
        task = self._open.pop(task_id, None)
        if task is None:
            return
        self.outcomes[task_id] = failed
        if failed:
            task.fail()
        else:
            task.complete()

    def _note_doubled_event(self, name: str) -> None:
        """Say once when the SDK gives a wait another event than the host, which hands out each one once, in order.

        The SDK keeps the last early event of a name for good: right for one wait, if one event came since the last.
        """
        early = self._early_for_sdk.get(name)
        if early is not None:
            if early != 1 and name not in self._doubled:
                self._doubled.add(name)
                self.notices.append(doubled_event(name, early))
            self._early_for_sdk[name] = 0

    def _open_task(self, event: Scheduled, input: str | None) -> HostTask:
        task = HostTask()
        self._open[event.event_id] = task
        self._decide(Decision(event, input, self.origin))
        return task

    def _decide(self, decision: Decision) -> None:
        self.decisions[self._next_id] = decision
        self.origins.append(self.origin)
        self._next_id += 1
