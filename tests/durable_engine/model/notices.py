"""What the real engine does and nobody expects, found from a history and an answer, and said in a sentence or two.

Every notice of the engine is made here: what happened, why, and what to do about it.
Invariant: a notice changes nothing: the engine does as Azure does, with it or without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from durable_engine.model.checkpoint import Notice
from durable_engine.model.ticks import TICKS_PER_SECOND, Ticks, ticks_to_text

__all__ = [
    "doubled_event",
    "early_timer",
    "entity_kept_change",
    "id_drift",
    "no_request",
    "refused_retries",
    "refused_sub_orchestration",
    "unknown_activity",
    "unknown_entity",
    "unknown_entity_called",
    "unknown_orchestrator",
]

Action = Mapping[str, Any]

_STAYS_RUNNING: Final = "the orchestration stays Running for ever"
_THEN_TERMINATE: Final = "then terminate this instance"


def unknown_activity(missing: str) -> Notice:
    """An orchestrator called an activity that the app does not have; ``missing`` is the host's own text."""
    return Notice(
        code="unknown_activity",
        text=f"{missing} As in Azure nothing is scheduled and {_STAYS_RUNNING}: correct the name or add the activity, "
        f"{_THEN_TERMINATE}.",
    )


def unknown_orchestrator(missing: str) -> Notice:
    """An orchestrator called a sub-orchestration that the app does not have."""
    return Notice(
        code="unknown_orchestrator",
        text=f"{missing} As in Azure nothing is started and {_STAYS_RUNNING}: correct the name or add the "
        f"orchestrator, {_THEN_TERMINATE}.",
    )


def unknown_entity_called(missing: str) -> Notice:
    """An orchestrator called an entity that the app does not have."""
    return Notice(
        code="unknown_entity",
        text=f"{missing} As in Azure nothing is sent and {_STAYS_RUNNING}: correct the name or add the entity, "
        f"{_THEN_TERMINATE}.",
    )


def refused_sub_orchestration(name: str, instance_id: str) -> Notice:
    """A sub-orchestration was asked for under an id that it cannot have."""
    return Notice(
        code="refused_sub_orchestration",
        text=f"The sub-orchestration {name!r} was asked for under the instance id {instance_id!r}, which is the id of "
        "this instance or of its parent (whatever the case of its letters), or begins with '@'. As in Azure it is not "
        f"started and {_STAYS_RUNNING}: give it an id of its own, {_THEN_TERMINATE}.",
    )


def refused_retries(name: str, milliseconds: int) -> Notice:
    """A call was asked for with a first retry after longer than the storage can delay a message."""
    return Notice(
        code="refused_retries",
        text=f"{name!r} was called with retries after {milliseconds} ms, and Azure Storage delays a message by 6 days "
        f"at most. As in Azure nothing is scheduled and {_STAYS_RUNNING}: ask for a first retry within 6 days, "
        f"{_THEN_TERMINATE}.",
    )


def doubled_event(name: str, early: int) -> Notice:
    """A wait gets an event that an earlier wait had (0 came since), or the last of several, the others being lost."""
    what = (
        f"A wait for {name!r} gets the event that an earlier wait got before, though none has come since."
        if early == 0
        else f"{early} events named {name!r} came before the orchestration waited: it gets the last, and no other."
    )
    return Notice(
        code="doubled_event",
        text=f"{what} As in Azure (azure-functions-durable-python issue 507): of the events that nobody waits for, the "
        "SDK keeps the last of each name, and gives it to every later wait for that name. Give each event a name of "
        "its own, or wait for the first one before anyone can raise it.",
    )


def early_timer(fire_at: Ticks, now: Ticks) -> Notice:
    """A timer has fired before it was due."""
    return Notice(
        code="early_timer",
        text=f"A timer that is due at {ticks_to_text(fire_at)} fired {(fire_at - now) / TICKS_PER_SECOND:.3f} s before "
        "that. As in Azure the queue cuts delays to whole seconds, so that timers, and the pauses between retries, are "
        "up to a second short, and one below a second is none. Do not compare current_utc_datetime with the due time "
        "afterwards; where it matters, ask for a second more.",
    )


def id_drift(action: Action) -> Notice:
    """The SDK holds an action for complete that was never started."""
    what = action.get("functionName") or action.get("operation") or "a timer or HTTP request"
    return Notice(
        code="id_drift",
        text=f"The orchestration went on after {what!r} before that was started, with a result that is not its own "
        "(None, as a rule): after a task_all that failed while another of its tasks was still being retried, SDK and "
        "host no longer give the same ids, in Azure too. Do not continue after such a failure, or retry inside a "
        "sub-orchestration.",
    )


def unknown_entity(instance_id: str, missing: str) -> Notice:
    """Operations were sent to an entity that the app does not have."""
    return Notice(
        code="unknown_entity",
        text=f"Every operation sent to {instance_id!r} fails. {missing} Add the entity, or correct the name at the "
        "sender.",
    )


def no_request(name: str, reason: str) -> Notice:
    """An event was raised for an entity that is neither an operation nor of a lock."""
    return Notice(
        code="no_request",
        text=f"The event {name!r} is no request to an entity, and is passed over: {reason}. To call an operation, "
        "signal the entity instead of raising an event.",
    )


def entity_kept_change(instance_id: str, operations: Sequence[str], *, is_certain: bool) -> Notice:
    """An operation failed, and what it had changed stays."""
    names = ", ".join(repr(name) for name in dict.fromkeys(operations))
    kept = (
        "and its change of the state is kept"
        if is_certain
        else "in a batch that changed the state, and whatever it changed itself is kept"
    )
    return Notice(
        code="entity_kept_change",
        text=f"Operation {names} of entity {instance_id!r} failed, {kept}: as in Azure nothing is rolled back for a "
        "Python entity. Call set_state as the last thing of an operation, after everything that can raise.",
    )
