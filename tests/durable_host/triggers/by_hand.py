"""Functions run by hand, through ``POST /admin/functions/NAME``: what each kind of trigger makes of the input.

Invariant: every kind begins an invocation, and one that cannot be run like this fails in it with the real host's words.
"""

from __future__ import annotations

from typing import Final

from azure.functions.meta import Datum

from durable_engine import read_json
from durable_host.app.index import (
    ACTIVITY,
    BLOB,
    ENTITY,
    EVENT_GRID,
    HTTP,
    ORCHESTRATION,
    QUEUE,
    TIMER,
    IndexedFunction,
)
from durable_host.app.trigger import BindingError, Trigger
from durable_host.triggers.listeners import Listeners

__all__ = ["trigger_by_hand"]

_REASON: Final = "This function was programmatically called via the host APIs."
_NO_CONTEXT: Final = (
    "Cannot execute an Activity Trigger without a DurableActivityContext or a String that represents the serialized "
    "input."
)
_REFUSED: Final = {
    HTTP: "An HttpRequest is required",
    ORCHESTRATION: (
        "Durable orchestrator functions do not support direct invocation. Start an orchestration from a client "
        "function by using a Durable client."
    ),
    ENTITY: (
        "Durable entity functions do not support direct invocation. Signal an entity from a client or orchestrator "
        "function by using a Durable client."
    ),
}


async def trigger_by_hand(function: IndexedFunction, text: str | None, listeners: Listeners) -> Trigger:
    """The trigger of a call by hand; ``text`` is the call's input, None without one."""
    if function.kind in (TIMER, QUEUE, BLOB):
        return await listeners.by_hand(function, text)
    if function.kind == ACTIVITY:
        return _activity(function, text)
    if function.kind == EVENT_GRID:
        return Trigger(data=Datum(text or "{}", "json"), reason=_REASON)
    return _failing(function, _REFUSED.get(function.kind, f"a {function.kind} is not run by this host"))


def _activity(function: IndexedFunction, text: str | None) -> Trigger:
    if text is None:
        return _failing(function, _NO_CONTEXT)
    if not text:
        return _failing(function, "The serialized input is expected to be an object array with one element.")
    try:
        value = read_json(text)
    except ValueError as error:
        return _failing(function, str(error))
    return Trigger(data=Datum(value if isinstance(value, str) else text, "string"), reason=_REASON)


def _failing(function: IndexedFunction, problem: str) -> Trigger:
    failure = BindingError(f"Exception binding parameter '{function.trigger.name}'", problem)
    return Trigger(data=Datum("", "string"), reason=_REASON, failure=failure)
