"""History events: what an instance remembers, one frozen class for each kind.

The vocabulary that engine, harness and host share. Fields stand in the order in which the Durable extension writes
them, which ``event_json`` relies on: payloads, queue messages and table rows are all made from these fields.
Invariant: an event is a value; what changes about it (``is_played``) makes a new event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Final, TypeVar

from durable_engine.model.ticks import Ticks

__all__ = [
    "EVENT_CLASSES",
    "FINAL_STATUSES",
    "ORCHESTRATION_STATUS",
    "SOURCE_INSTANCE",
    "ContinueAsNew",
    "EventRaised",
    "EventSent",
    "ExecutionCompleted",
    "ExecutionResumed",
    "ExecutionRewound",
    "ExecutionStarted",
    "ExecutionSuspended",
    "ExecutionTerminated",
    "GenericEvent",
    "HistoryEvent",
    "HistoryState",
    "JsonObject",
    "OrchestrationInstance",
    "OrchestratorCompleted",
    "OrchestratorStarted",
    "ParentInstance",
    "SubOrchestrationInstanceCompleted",
    "SubOrchestrationInstanceCreated",
    "SubOrchestrationInstanceFailed",
    "TaskCompleted",
    "TaskFailed",
    "TaskScheduled",
    "TimerCreated",
    "TimerFired",
    "as_played",
    "at_time",
]

JsonObject = Mapping[str, Any]
_Event = TypeVar("_Event", bound="HistoryEvent")

ORCHESTRATION_STATUS: Final = (
    "Running",
    "Completed",
    "ContinuedAsNew",
    "Failed",
    "Canceled",
    "Terminated",
    "Pending",
    "Suspended",
)
"""Runtime statuses; a status's number in JSON is its place here."""

SOURCE_INSTANCE: Final = "MS_DurableFunctions_SourceInstanceId"
"""The tag of an instance that was restarted under a new id: the id that it was restarted from."""

FINAL_STATUSES: Final = frozenset({"Completed", "Failed", "Terminated", "Canceled"})
"""The runtime statuses of an instance that has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrchestrationInstance:
    """One execution of an instance: the id that users see, and the id of this generation of it."""

    instance_id: str
    execution_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentInstance:
    """Who started a sub-orchestration, and under which event id it awaits the result."""

    name: str
    instance: OrchestrationInstance
    task_schedule_id: int
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEvent:
    """What every event has.

    ``event_id`` is the sequential id of what the instance decided, -1 for what came by message; ``is_played`` says
    whether an episode has already handled the event.
    """

    event_type: ClassVar[int]

    timestamp: Ticks
    event_id: int = -1
    is_played: bool = False

    @property
    def kind(self) -> str:
        """The event type's name, as table rows have it."""
        return type(self).__name__


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionStarted(HistoryEvent):
    """An execution of an orchestration begins; ``input`` is the stored text, which the SDK encoded twice."""

    event_type: ClassVar[int] = 0

    instance: OrchestrationInstance
    parent: ParentInstance | None = None
    name: str
    version: str | None = None
    input: str | None = None
    tags: JsonObject | None = None
    correlation: str | None = None
    parent_trace_context: JsonObject | None = None
    scheduled_start_at: Ticks | None = None
    generation: int | None = None
    generate_new_trace: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionCompleted(HistoryEvent):
    """The execution ended; ``result`` is JSON text when it completed, plain text when it failed or was terminated."""

    event_type: ClassVar[int] = 1

    orchestration_status: str
    result: str | None = None
    failure_details: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContinueAsNew(ExecutionCompleted):
    """The execution ended in order to start again; the real host keeps no such row, other backends do."""

    event_type: ClassVar[int] = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionTerminated(HistoryEvent):
    """A client terminated the instance; ``input`` is the reason."""

    event_type: ClassVar[int] = 3

    input: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskScheduled(HistoryEvent):
    """An activity was scheduled; ``event_id`` is what its completion refers to."""

    event_type: ClassVar[int] = 4

    name: str
    version: str | None = ""
    input: str | None = None
    parent_trace_context: JsonObject | None = None
    tags: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCompleted(HistoryEvent):
    """An activity returned; ``result`` is compact JSON text, or None for Python's None."""

    event_type: ClassVar[int] = 5

    task_scheduled_id: int
    result: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFailed(HistoryEvent):
    """An activity raised; ``reason`` is one line of text, ``details`` the exception as JSON text."""

    event_type: ClassVar[int] = 6

    task_scheduled_id: int
    reason: str | None = None
    details: str | None = None
    failure_details: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubOrchestrationInstanceCreated(HistoryEvent):
    """A sub-orchestration was started; ``event_id`` is what its completion refers to."""

    event_type: ClassVar[int] = 7

    name: str
    version: str | None = None
    instance_id: str
    input: str | None = None
    client_span_id: str | None = None
    tags: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubOrchestrationInstanceCompleted(TaskCompleted):
    """A sub-orchestration completed."""

    event_type: ClassVar[int] = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SubOrchestrationInstanceFailed(TaskFailed):
    """A sub-orchestration failed or was terminated."""

    event_type: ClassVar[int] = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerCreated(HistoryEvent):
    """A timer was set; ``event_id`` is what its firing refers to."""

    event_type: ClassVar[int] = 10

    fire_at: Ticks


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerFired(HistoryEvent):
    """A timer fired; ``timestamp`` is when it was set, not when it fired."""

    event_type: ClassVar[int] = 11

    timer_id: int
    fire_at: Ticks


@dataclass(frozen=True, slots=True, kw_only=True)
class OrchestratorStarted(HistoryEvent):
    """An episode began; ``timestamp`` is what ``current_utc_datetime`` says from here on."""

    event_type: ClassVar[int] = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class OrchestratorCompleted(HistoryEvent):
    """An episode ended."""

    event_type: ClassVar[int] = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSent(HistoryEvent):
    """A message was sent to another instance, here always to an entity."""

    event_type: ClassVar[int] = 14

    instance_id: str
    name: str
    input: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRaised(HistoryEvent):
    """An external event arrived; ``input`` is JSON text."""

    event_type: ClassVar[int] = 15

    name: str
    input: str | None = None
    parent_trace_context: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GenericEvent(HistoryEvent):
    """A rewind's message, or an event that a rewind has struck out: replay passes over it."""

    event_type: ClassVar[int] = 17

    data: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryState(HistoryEvent):
    """Unused by the Azure Storage backend; known so that a foreign history can be read."""

    event_type: ClassVar[int] = 18

    state: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionSuspended(HistoryEvent):
    """A client suspended the instance."""

    event_type: ClassVar[int] = 19

    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionResumed(HistoryEvent):
    """A client resumed the instance."""

    event_type: ClassVar[int] = 20

    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionRewound(HistoryEvent):
    """A rewind as backends newer than Azure Storage's record it; read, never written."""

    event_type: ClassVar[int] = 21

    reason: str | None = None
    parent_execution_id: str | None = None
    instance_id: str | None = None
    parent_trace_context: JsonObject | None = None


def as_played(event: HistoryEvent) -> HistoryEvent:
    """The event, handled."""
    return _with(event, "is_played", True)


def at_time(event: _Event, timestamp: Ticks) -> _Event:
    """The event, at another time."""
    return _with(event, "timestamp", timestamp)


def _with(event: _Event, changed: str, value: object) -> _Event:
    """What ``dataclasses.replace`` would make, in a fraction of its time."""
    cls = type(event)
    made = object.__new__(cls)
    for name in _FIELDS[cls]:
        object.__setattr__(made, name, getattr(event, name))
    object.__setattr__(made, changed, value)
    return made


EVENT_CLASSES: Final[Mapping[int, type[HistoryEvent]]] = {
    cls.event_type: cls
    for cls in (
        ExecutionStarted,
        ExecutionCompleted,
        ExecutionTerminated,
        TaskScheduled,
        TaskCompleted,
        TaskFailed,
        SubOrchestrationInstanceCreated,
        SubOrchestrationInstanceCompleted,
        SubOrchestrationInstanceFailed,
        TimerCreated,
        TimerFired,
        OrchestratorStarted,
        OrchestratorCompleted,
        EventSent,
        EventRaised,
        ContinueAsNew,
        GenericEvent,
        HistoryState,
        ExecutionSuspended,
        ExecutionResumed,
        ExecutionRewound,
    )
}
"""Every kind of event by its number."""

_FIELDS: Final = {cls: tuple(field.name for field in fields(cls)) for cls in EVENT_CLASSES.values()}
