"""The host's check that replay does again what history records, with the host's own texts.

Holds a recorded decision against the one that replay has pending under the same id.
Invariant: only kind and name are compared, as on the real host; inputs and due times are not.
"""

from __future__ import annotations

from typing import Final

from durable_engine.model.errors import NonDeterminismError
from durable_engine.model.events import EventSent, SubOrchestrationInstanceCreated, TaskScheduled, TimerCreated

__all__ = ["Scheduled", "check_scheduled", "describe"]

Scheduled = TaskScheduled | TimerCreated | SubOrchestrationInstanceCreated | EventSent

_PREFIX: Final = "Non-Deterministic workflow detected: "
_QUESTION: Final = "Was a change made to the orchestrator code after this instance had already started running?"
_ACTION_NAMES: Final = {
    TaskScheduled: "ScheduleTaskOrchestratorAction",
    TimerCreated: "CreateTimerOrchestratorAction",
    SubOrchestrationInstanceCreated: "CreateSubOrchestrationAction",
    EventSent: "SendEventOrchestratorAction",
}


def check_scheduled(recorded: Scheduled, replayed: Scheduled | None) -> None:
    """Raise NonDeterminismError unless replay has the recorded decision pending."""
    text = None
    if replayed is None:
        text = (
            f"A previous execution of this orchestration scheduled {_missing_text(recorded)} but the current replay "
            f"execution hasn't (yet?) scheduled this task. {_QUESTION}"
        )
    elif type(replayed) is not type(recorded):
        text = (
            f"A previous execution of this orchestration scheduled {_other_kind_text(recorded)} but the current "
            f"orchestration replay instead produced a {_ACTION_NAMES[type(replayed)]} action with this sequence "
            f"number. {_QUESTION}"
        )
    elif (
        not isinstance(recorded, TimerCreated)
        and not isinstance(replayed, TimerCreated)
        and recorded.name.upper() != replayed.name.upper()
    ):
        noun = _NOUNS[type(recorded)]
        text = (
            f"A previous execution of this orchestration scheduled {noun} with sequence number {recorded.event_id} "
            f"named '{recorded.name}', but the current orchestration replay instead scheduled {noun} named "
            f"'{replayed.name}' with this sequence number.  {_QUESTION}"
        )
    if text is not None:
        raise NonDeterminismError(
            _PREFIX + text,
            event_id=recorded.event_id,
            recorded=describe(recorded),
            replayed=describe(replayed) if replayed else None,
        )


def describe(event: Scheduled) -> str:
    """The decision in a few words: ``activity 'fetch_title'``, ``timer``."""
    match event:
        case TaskScheduled():
            return f"activity {event.name!r}"
        case TimerCreated():
            return "timer"
        case SubOrchestrationInstanceCreated():
            return f"sub-orchestration {event.name!r}"
        case EventSent():
            return f"message to {event.instance_id!r}"


_NOUNS: Final = {
    TaskScheduled: "an activity task",
    SubOrchestrationInstanceCreated: "a sub-orchestration task",
    EventSent: "a send event task",
}


def _missing_text(event: Scheduled) -> str:
    match event:
        case TaskScheduled():
            return (
                f"an activity task with sequence ID {event.event_id} and name '{event.name}' "
                f"(version '{event.version or ''}'),"
            )
        case TimerCreated():
            return f"a timer task with sequence number {event.event_id}"
        case SubOrchestrationInstanceCreated():
            return (
                f"a sub-orchestration task with sequence ID {event.event_id} and name '{event.name}' "
                f"(version '{event.version or ''}', instance ID '{event.instance_id}'),"
            )
        case EventSent():
            return (
                f"a send event task with sequence ID {event.event_id}, type '{event.kind}' name '{event.name}', "
                f"instance ID '{event.instance_id}',"
            )


def _other_kind_text(event: Scheduled) -> str:
    match event:
        case TimerCreated():
            return f"a timer task with sequence number {event.event_id} named"
        case TaskScheduled() | SubOrchestrationInstanceCreated() | EventSent():
            return f"{_NOUNS[type(event)]} with sequence number {event.event_id} named '{event.name}',"
