"""Faults: what can go wrong between an orchestration and its task hub, each at a place of its own.

Offers the faults that are possible at one moment as options, and lets the chosen one happen.
Invariant: option 0 is always that nothing goes wrong, and once the plan's number is used up it is the only one.

Delivery is at least once: a message may come again, and an activity's worker may die after its work and before its
report. A checkpoint has four steps (messages out, history, instance row, incoming messages deleted), and a host may die
before and after each; what came in is then delivered again, to a worker that remembers nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from durable_engine import EventRaised, TimerFired
from durable_harness.hub.arrivals import Arrival
from durable_harness.hub.instance import HubInstance
from durable_harness.hub.task_hub import TaskHub
from durable_harness.running.telling import call_text, describe_arrival, describe_event, instance_text

__all__ = ["Fault", "FaultPlan"]

Choose = Callable[[Sequence["Fault"]], int]

_EARLY: Final = 9_000_000
"""A timer's delay is cut to whole seconds in storage, so it may fire almost a second before it is due."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that can go wrong; ``text`` says it in words, and ``of`` to what it happens."""

    code: str
    text: str
    of: Hashable = None


_NONE: Final = Fault("none", "nothing goes wrong")
_DIES: Final = Fault("worker_dies", "the worker dies in the middle of the episode of {0}")
_AFTER_MESSAGES: Final = Fault("crash_after_messages", "the host dies after it has sent the messages of {0}")
_AFTER_HISTORY: Final = Fault("crash_after_history", "the host dies after it has stored the history of {0}")
_AFTER_ROW: Final = Fault("crash_after_row", "the host dies after it has stored the status of {0}")


class FaultPlan:
    """Lets faults strike, as long as the hub has any left."""

    def before_delivery(self, hub: TaskHub, arrival: Arrival, choose: Choose) -> None:
        """What can happen to an arrival."""
        options = [_NONE, *self._of_arrival(hub, arrival)]
        if hub.faults_left < 1 or len(options) == 1 or arrival.is_repeat:
            return
        fault = options[choose(options)]
        if fault is _NONE:
            return
        hub.faults_left -= 1
        if fault.code == "arrives_twice":
            hub.repeat(arrival)
        elif fault.code == "runs_again":
            _run_again(hub, arrival)
        else:
            arrival.due_at = max(hub.clock.now, (arrival.due_at or 0) - _EARLY)

    def run_episode(self, hub: TaskHub, instance: HubInstance, choose: Choose, tell: Callable[[str], None]) -> None:
        """Run an episode, or let it break; ``tell`` is told what comes again then."""
        if hub.faults_left < 1:
            hub.run_episode(instance)
            return
        faults = (_DIES, _AFTER_MESSAGES, _AFTER_HISTORY, _AFTER_ROW)
        options = [
            _NONE,
            *(replace(fault, text=fault.text.format(instance_text(hub, instance.instance_id))) for fault in faults),
        ]
        taken = options[choose(options)].code
        if taken == _NONE.code:
            hub.run_episode(instance)
            return
        hub.faults_left -= 1
        checkpoint = hub.prepare_episode(instance)
        batch = list(instance.inbox)
        if taken != _DIES.code:
            hub.send(checkpoint)
        instance.crashes += 1
        if taken in (_AFTER_HISTORY.code, _AFTER_ROW.code):
            hub.store(instance, checkpoint, with_row=taken == _AFTER_ROW.code or checkpoint.update.is_completed)
            hub.receive_again(instance, batch, is_new_execution=checkpoint.replaces_history)
            for event in instance.inbox:
                tell(f"{describe_event(hub, instance.instance_id, event)} again after the crash")
        instance.replayer.forget()
        if instance.inbox:
            hub.run_episode(instance)

    def _of_arrival(self, hub: TaskHub, arrival: Arrival) -> list[Fault]:
        what = describe_arrival(hub, arrival)
        faults = [Fault("arrives_twice", f"{what}, and its message comes twice", arrival.key)]
        if arrival.call is not None:
            text = f"{call_text(arrival.call)} is run twice: its worker dies before it can report the first time"
            faults.append(Fault("runs_again", text, arrival.key))
        event = arrival.event
        if isinstance(event, TimerFired) and arrival.due_at is not None and arrival.due_at > hub.clock.now:
            faults.append(Fault("early", f"{what} almost a second early", arrival.key))
        if isinstance(event, EventRaised) and not arrival.is_raised and arrival.target.instance_id.startswith("@"):
            return []  # entities know repeated requests by their stamps
        return faults


def _run_again(hub: TaskHub, arrival: Arrival) -> None:
    call = arrival.call
    if call is None:
        return
    if call.answered is not None:
        hub.run_call(call)
    else:
        call.runs += 1
