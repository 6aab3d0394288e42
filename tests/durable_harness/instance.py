"""One orchestration, stepped by hand.

The verbs of a test that decides itself what happens next: complete, fail, raise, advance, suspend, terminate.
Invariant: every verb but those within ``one_episode`` ends with an episode that has seen it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from durable_engine import (
    EventRaised,
    ExecutionResumed,
    ExecutionSuspended,
    ExecutionTerminated,
    HistoryEvent,
    OrchestrationInstance,
)
from durable_harness.app.outcomes import Outcome, user_exception
from durable_harness.core import arguments
from durable_harness.core.errors import NotPossibleError, WrongArgumentError
from durable_harness.hub.arrivals import Arrival, Call
from durable_harness.hub.instance import HubInstance
from durable_harness.hub.rewind import rewind
from durable_harness.hub.task_hub import TaskHub
from durable_harness.running.pending import Pending, PendingTimer, pending_of, stuck_error
from durable_harness.running.raised_events import Sender, event_text, raised
from durable_harness.running.run_result import Run, snapshot
from durable_harness.running.stepper import Driver
from durable_harness.worker.sdk_types import df_dumps

__all__ = ["Instance"]


class Instance:
    """A started orchestration. Its first episode has run."""

    def __init__(self, hub: TaskHub, instance: HubInstance, settle: Callable[[HubInstance], Run]) -> None:
        self._hub, self._instance, self._settle = hub, instance, settle
        self._is_gathering = False

    @property
    def instance_id(self) -> str:
        """The instance's id."""
        return self._instance.instance_id

    @property
    def name(self) -> str:
        """The orchestrator's name."""
        return self._current.name

    @property
    def runtime_status(self) -> str:
        """Its status, as a client sees it."""
        return self._current.runtime_status

    @property
    def output(self) -> Any:
        """Its output, as a client sees it."""
        return self._current.output

    @property
    def custom_status(self) -> Any:
        """Its custom status, as a client sees it."""
        return self._current.custom_status

    @property
    def pending(self) -> Pending:
        """What it waits for."""
        return pending_of(self._hub, self._current)

    @property
    def result(self) -> Run:
        """Everything about it as it stands; also checks what has happened so far."""
        return self._settle(self._current)

    @property
    def snapshot(self) -> Run:
        """Everything about it as it stands, without any check."""
        return snapshot(self._hub, self._current)

    def step(self) -> None:
        """Let the next thing happen, to whatever instance: a message arrives, an activity ends, time jumps to a timer.

        Raises:
            StuckError: Nothing can happen any more, and this instance has not ended.
        """
        if not Driver(self._hub).step():
            raise stuck_error(self._hub, self._current)

    def run(self) -> Run:
        """Let everything happen that can, until it has ended."""
        Driver(self._hub).run_until_ended(self._current)
        return self.result

    def run_until(self, is_reached: Callable[[], bool]) -> None:
        """Let everything happen that can, until this is so; an error if it never is."""
        arguments.function(is_reached, "is_reached")
        Driver(self._hub).run_until(is_reached, self._current)

    def complete(self, call: Call | str, result: object = None) -> None:
        """End a call with a result.

        Args:
            call: One of ``pending.calls``; a name means the first call of that name that has not ended.
            result: What the call gives, anything that JSON can say.

        Raises:
            NotPossibleError: The call has ended already, or is another instance's.
            WrongArgumentError: One of these is of a wrong kind.
        """
        found = self._find(call)
        text = arguments.json_text(result, "The result of a call", df_dumps)
        self._end(found, Outcome(result=text))

    def fail(self, call: Call | str, error: Exception) -> None:
        """End a call with an exception; see ``complete``."""
        found = self._find(call)
        if not isinstance(error, Exception):
            raise WrongArgumentError(
                f"A call fails with an exception, not with {arguments.shown(error)}: instance.fail(call, "
                'ValueError("sold out")).'
            )
        self._end(found, Outcome(raised=user_exception(error)))

    def finish(self, *calls: Call | str) -> None:
        """End these calls as they were answered, all in one episode; without any, all that have not ended."""
        found = [self._find(call) for call in calls] if calls else list(self.pending.calls)
        with self.one_episode():
            for one in found:
                self._arrive(self._arrival_of(one))

    def fire(self, *timers: PendingTimer) -> None:
        """Let these timers fire, their time come, all in one episode; without any, the next one."""
        with self.one_episode():
            for timer in timers or self.pending.timers[:1]:
                if not isinstance(timer, PendingTimer):
                    raise WrongArgumentError(f"A timer is one of pending.timers, not {arguments.shown(timer)}.")
                self._arrive(timer.arrival)

    def raise_event(self, name: str, value: object = None, *, by: Sender = "client") -> None:
        """Raise an external event; see ``raised`` for what ``by`` means."""
        given = raised(name, value, by=by)
        event = EventRaised(timestamp=self._hub.clock.now, name=given.name, input=event_text(given.value, given.by))
        self._tell(event, execution_id=None)

    def advance(self, duration: timedelta | float) -> None:
        """Let so much time pass: timers and delayed answers that become due arrive, each at its moment."""
        until = self._hub.clock.now + arguments.delay(duration, "duration")
        while (due_at := self._hub.arrivals.next_time) is not None and due_at <= until:
            for arrival in self._hub.arrivals.earliest:
                self._hub.deliver(arrival)
            self._run_episodes()
        self._hub.clock.jump_to(until)

    def suspend(self, reason: str | None = None) -> None:
        """Suspend it."""
        self._must_be(("Pending", "Running"), "suspended")
        self._tell(ExecutionSuspended(timestamp=self._hub.clock.now, reason=reason))

    def resume(self, reason: str | None = None) -> None:
        """Resume it."""
        self._must_be(("Suspended",), "resumed")
        self._tell(ExecutionResumed(timestamp=self._hub.clock.now, reason=reason))

    def terminate(self, reason: str | None = None) -> None:
        """Terminate it; its sub-orchestrations go on, as in Azure."""
        self._must_be(("Pending", "Running", "Suspended"), "terminated")
        self._tell(ExecutionTerminated(timestamp=self._hub.clock.now, input=reason))

    def rewind(self, reason: str | None = None) -> None:
        """Undo what failed, in it and in its sub-orchestrations, and let it be tried again."""
        self._must_be(("Failed",), "rewound")
        rewind(self._hub, self._current, reason)
        self._run_episodes()

    @contextmanager
    def one_episode(self) -> Iterator[None]:
        """What is done within arrives together, in one episode at the end."""
        if self._is_gathering:
            yield
            return
        self._is_gathering = True
        try:
            yield
        finally:
            self._is_gathering = False
        self._run_episodes()

    @property
    def _current(self) -> HubInstance:
        return self._hub.instances[self._instance.instance_id]

    def _find(self, call: Call | str) -> Call:
        if isinstance(call, Call):
            if call.instance_id != self.instance_id:
                raise NotPossibleError(
                    f"{call.name}({call.input!r:.100}) is a call of {call.instance_id!r}, not of {self.instance_id!r}: "
                    f"harness.instance({call.instance_id!r}) can end it."
                )
            return call
        if not isinstance(call, str):
            raise WrongArgumentError(
                f"A call is one of pending.calls, or the name of what was called, not {arguments.shown(call)}."
            )
        for found in self.pending.calls:
            if found.name.lower() == call.lower():
                return found
        names = ", ".join(self.pending.activities) or "no call"
        hint = arguments.did_you_mean(call, self.pending.activities)
        raise NotPossibleError(f"{self.instance_id!r} waits for {names}, and not for {call!r}.{hint}")

    def _end(self, call: Call, outcome: Outcome) -> None:
        arrival = self._arrival_of(call)
        call.outcome, call.runs = outcome, max(call.runs, 1)
        self._arrive(arrival)

    def _arrival_of(self, call: Call) -> Arrival:
        if call.arrival is None:
            raise NotPossibleError(f"{call.name}({call.input!r:.100}) of {self.instance_id!r} has ended already.")
        return call.arrival

    def _arrive(self, arrival: Arrival) -> None:
        self._hub.deliver(arrival)
        self._run_episodes()

    def _tell(self, event: HistoryEvent, execution_id: str | None = "") -> None:
        if self._current.is_completed:
            raise NotPossibleError(f"{self.instance_id!r} is {self.runtime_status}: nothing can reach it any more.")
        own = self._current.execution_id if execution_id == "" else execution_id
        self._hub.receive(event, OrchestrationInstance(instance_id=self.instance_id, execution_id=own))
        self._run_episodes()

    def _must_be(self, statuses: tuple[str, ...], verb: str) -> None:
        if self.runtime_status not in statuses:
            raise NotPossibleError(
                f"{self.instance_id!r} is {self.runtime_status}, and only an instance that is {' or '.join(statuses)} "
                f"can be {verb}."
            )

    def _run_episodes(self) -> None:
        """One episode of whatever has got something, and of what is told by it: children start, entities answer."""
        if self._is_gathering:
            return
        self._hub.run_messages()
