"""What a flow test sees of whatever runs its orchestrations, and the verbs that it has for it.

The seam between the flow tests, which are written once, and their targets.
Invariant: a ``Status`` holds only what all targets must agree on: no ids, no times, no stacks, no episodes.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from durable_engine import FINAL_STATUSES

__all__ = [
    "Flow",
    "Message",
    "Started",
    "Status",
    "Target",
    "completed",
    "failed",
    "history_lines",
    "shown_status",
    "terminated",
]

WAIT_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """An instance as a client sees it.

    ``output`` of a failed one is the first line of its text, because stacks follow; ``history`` has the kind of each
    event in the form of the management API, in which a call stands where it ended, with the name of what was called.
    """

    runtime_status: str
    output: Any = None
    custom_status: Any = None
    history: tuple[str, ...] = ()


def completed(output: Any = None, *, custom_status: Any = None, history: Iterable[str]) -> Status:
    """What an orchestration that completed must look like; start and end of its history are added."""
    return _ended("Completed", output, custom_status, history)


def failed(output: str, *, custom_status: Any = None, history: Iterable[str]) -> Status:
    """What an orchestration that failed must look like."""
    return _ended("Failed", output, custom_status, history)


def terminated(reason: str, *, custom_status: Any = None, history: Iterable[str]) -> Status:
    """What an orchestration that was terminated must look like."""
    return _ended("Terminated", reason, custom_status, [*history, "ExecutionTerminated"])


def _ended(runtime_status: str, output: Any, custom_status: Any, history: Iterable[str]) -> Status:
    lines = ("ExecutionStarted", *history, "ExecutionCompleted")
    return Status(runtime_status=runtime_status, output=output, custom_status=custom_status, history=lines)


def shown_status(runtime_status: str, output: Any, custom_status: Any, events: Iterable[Mapping[str, Any]]) -> Status:
    """What a client sees, from what the management API shows."""
    if runtime_status == "Failed":
        output = str(output).partition("\n")[0].rstrip()
    return Status(
        runtime_status=runtime_status,
        output=output,
        custom_status=custom_status,
        history=tuple(history_lines(events)),
    )


def history_lines(events: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    """The kind of each event, with the name of the activity or sub-orchestration that it is about."""
    for event in events:
        kind, name = event["EventType"], event.get("FunctionName")
        yield f"{kind} {name}" if name and kind != "ExecutionStarted" else kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a client tells an instance: ``verb`` is that of the management API, ``text`` a reason or an event's name."""

    verb: str
    text: str
    value: Any = None


class Target(Protocol):
    """Whatever runs orchestrations."""

    def start(self, name: str, value: Any, instance_id: str) -> None:
        """Start an orchestration."""

    def look(self, instance_id: str) -> Status | None:
        """The instance as it stands, None if there is none."""

    def tell(self, instance_id: str, message: Message) -> None:
        """Tell an instance something."""

    def let_happen(self, instance_id: str) -> None:
        """Let something happen: virtual or real time passes. An error where nothing more can happen to the instance."""


class Started:
    """One instance on a target."""

    def __init__(self, target: Target, instance_id: str) -> None:
        self._target = target
        self.instance_id = instance_id

    @property
    def status(self) -> Status | None:
        """As it stands, None if it does not exist."""
        return self._target.look(self.instance_id)

    def sub(self, suffix: str) -> Started:
        """A sub-orchestration whose id begins with that of its parent."""
        return Started(self._target, f"{self.instance_id}{suffix}")

    def wait_until(self, holds: Callable[[Status], bool], what: str) -> Status:
        """Let things happen until this is so."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            status = self.status
            if status is not None and holds(status):
                return status
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"Waited {WAIT_SECONDS:g} s in vain until {self.instance_id!r} {what}. It is {status}."
                )
            self._target.let_happen(self.instance_id)

    def wait_until_ended(self) -> Status:
        """Let things happen until it has ended."""
        return self.wait_until(lambda status: status.runtime_status in FINAL_STATUSES, "has ended")

    def wait_until_status(self, runtime_status: str) -> Status:
        """Let things happen until it has this runtime status."""
        return self.wait_until(lambda status: status.runtime_status == runtime_status, f"is {runtime_status}")

    def wait_until_custom_status(self, custom_status: Any) -> Status:
        """Let things happen until it shows this custom status."""
        return self.wait_until(lambda status: bool(status.custom_status == custom_status), f"shows {custom_status!r}")

    def wait_until_event(self, kind: str, times: int = 1) -> Status:
        """Let things happen until its history has so many events of a kind."""
        return self.wait_until(lambda status: status.history.count(kind) >= times, f"has {times} {kind}")

    def raise_event(self, name: str, value: Any = None) -> None:
        """Raise an external event."""
        self._tell("raiseEvent", name, value)

    def terminate(self, reason: str) -> None:
        """Terminate it."""
        self._tell("terminate", reason)

    def suspend(self, reason: str) -> None:
        """Suspend it."""
        self._tell("suspend", reason)

    def resume(self, reason: str) -> None:
        """Resume it."""
        self._tell("resume", reason)

    def rewind(self, reason: str) -> None:
        """Let it try again what failed."""
        self._tell("rewind", reason)

    def purge(self) -> None:
        """Remove everything about it."""
        self._tell("purge", "")

    def _tell(self, verb: str, text: str, value: Any = None) -> None:
        self._target.tell(self.instance_id, Message(verb=verb, text=text, value=value))


class Flow:
    """Starts orchestrations on a target, each under an id that nobody has had."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def start(self, name: str, value: Any = None, *, instance_id: str | None = None) -> Started:
        """Start an orchestration."""
        started = Started(self._target, instance_id or f"{name}-{uuid.uuid4().hex[:12]}")
        self._target.start(name, value, started.instance_id)
        return started

    def run(self, name: str, value: Any = None) -> Status:
        """Start an orchestration and let things happen until it has ended."""
        return self.start(name, value).wait_until_ended()
