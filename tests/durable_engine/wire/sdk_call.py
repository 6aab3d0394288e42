"""The worker half of an episode: the payload that the SDK gets, and its answer.

Calls the real SDK's handle with the JSON that the host would send, and reads what it returns or raises.
Invariant: equal histories give equal payloads, byte for byte.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from durable_engine.model.dotnet_json import compact_json, parsed_json
from durable_engine.model.errors import AnswerError, HistoryError
from durable_engine.model.event_json import event_to_json
from durable_engine.model.events import SOURCE_INSTANCE, ExecutionStarted, HistoryEvent
from durable_engine.model.failures import UserException
from durable_engine.model.json_reader import JsonReaderError, read_json

__all__ = [
    "Answer",
    "OrchestratorCode",
    "call_orchestrator",
    "execution_started",
    "orchestrator_members",
    "orchestrator_payload",
    "read_answer",
    "state_of_failure",
]

OrchestratorCode = Callable[[str], str]
"""The SDK's handle for one orchestrator: JSON payload in, JSON state out, or an exception."""

_OUT_OF_PROC_LABEL = "\n\n$OutOfProcData$:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An orchestrator's answer: all actions since the execution began, and how it stands.

    ``raised`` is set when the invocation failed outside the SDK's replay (a plain function, an input that cannot be
    read, a result that cannot be serialised), ``unreadable`` when the host cannot read the answer; then there are no
    actions. ``custom_status`` and ``output`` are JSON values, None where the SDK left them out.
    """

    actions: Sequence[Mapping[str, Any]] = ()
    is_done: bool = False
    output: Any = None
    error: str | None = None
    custom_status: Any = None
    raised: UserException | None = None
    unreadable: str | None = None


def execution_started(history: Sequence[HistoryEvent]) -> ExecutionStarted:
    """The event that began this execution."""
    for event in history:
        if isinstance(event, ExecutionStarted):
            return event
    raise HistoryError(
        f"No ExecutionStarted among the {len(history)} history events: an execution begins with OrchestratorStarted "
        "and ExecutionStarted. Load the whole history of one execution."
    )


def orchestrator_payload(history: Sequence[HistoryEvent], started: ExecutionStarted) -> str:
    """The text that the orchestration trigger gives to the worker."""
    members = orchestrator_members(history, started)
    try:
        return json.dumps(members, allow_nan=False)
    except ValueError:
        # The host writes numbers that are none as texts.
        return json.dumps(json.loads(compact_json(members)))


def orchestrator_members(history: Sequence[HistoryEvent], started: ExecutionStarted) -> dict[str, Any]:
    """The host's eleven members of that text, in their order."""
    return {
        "history": [event_to_json(event) for event in history],
        "input": parsed_json(started.input),
        "instanceId": started.instance.instance_id,
        "isReplaying": started.is_played,
        "parentInstanceId": started.parent.instance.instance_id if started.parent else None,
        "sourceInstanceId": (started.tags or {}).get(SOURCE_INSTANCE),
        "upperSchemaVersion": 1,
        "upperSchemaVersionNew": 3,
        "longRunningTimerIntervalDuration": "3.00:00:00",
        "maximumShortTimerDuration": "6.00:00:00",
        "defaultHttpAsyncRequestSleepTimeMillseconds": 30000,
    }


def call_orchestrator(code: OrchestratorCode, payload: str) -> Answer:
    """Ask the SDK; whatever user code raises becomes part of the answer."""
    try:
        text = code(payload)
    except Exception as exception:  # the worker reports whatever user code raises
        state = state_of_failure(exception)
        return Answer(raised=UserException.of(exception)) if state is None else read_answer(state)
    try:
        return read_answer(read_json(text))
    except JsonReaderError as error:
        return Answer(unreadable=f"One or more errors occurred. ({error})")


def state_of_failure(exception: Exception) -> Mapping[str, Any] | None:
    """The state that the SDK puts into an exception's text; None where the host takes the invocation for failed.

    That is where the exception carries no state, and where the state says both that it is done and that it failed: a
    result that cannot be serialised, an exception after continue-as-new.
    """
    _, label, text = UserException.of(exception).message.partition(_OUT_OF_PROC_LABEL)
    if not label:
        return None
    try:
        state: Mapping[str, Any] = read_json(text)
    except JsonReaderError:
        return None
    return None if state.get("isDone") else state


def read_answer(state: Mapping[str, Any]) -> Answer:
    """The answer of a parsed state; only the flat action list of SDK 1.7 is understood."""
    actions = state.get("actions")
    if not isinstance(actions, list) or len(actions) != 1:
        raise AnswerError(
            f"The orchestrator answered {len(actions) if isinstance(actions, list) else 'no'} action lists where the "
            "host expects one: azure-functions-durable 1.7 is needed."
        )
    return Answer(
        actions=actions[0],
        is_done=bool(state.get("isDone")),
        output=state.get("output"),
        error=state.get("error"),
        custom_status=state.get("customStatus"),
    )
