"""What a call gives: the completion event of an activity, a sub-orchestration or an HTTP call.

Decodes the input as the Python worker does, asks for the answer, and writes the outcome as the host does.
Invariant: whatever an answer returns or raises becomes an event, as it would of a real activity.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from azure.functions.durable_functions import ActivityTriggerConverter
from azure.functions.meta import Datum

from durable_engine import (
    HTTP_ACTIVITY,
    ActivityOutcome,
    ExecutionStarted,
    HistoryEvent,
    SubOrchestrationInstanceCompleted,
    SubOrchestrationInstanceFailed,
    TaskFailed,
    TaskScheduled,
    Ticks,
    UserException,
    activity_input,
    compact_json,
    completion_of,
    http_activity_failure,
    orchestrator_failure,
    parsed_json,
    sub_orchestration_details,
)
from durable_harness.app.answers import Answered, Answers
from durable_harness.app.calling import awaited, called, encoded
from durable_harness.app.functions import AppFunctions
from durable_harness.core.errors import BadAnswerError, HarnessError

__all__ = ["HttpRequest", "Outcome", "answer_for", "http_response", "input_of", "run_answer", "user_exception"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """What ``call_http`` asks for."""

    method: str
    url: str
    content: str | None = None
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a call gave: the result's JSON text, or the exception; ``value`` is what a test reads."""

    result: str | None = None
    raised: UserException | None = None
    message: str | None = None

    @property
    def value(self) -> Any:
        """The result as the orchestrator gets it."""
        return None if self.result is None else json.loads(self.result)

    @property
    def error(self) -> str | None:
        """The exception in one line."""
        return self.raised.text if self.raised else None

    def completion(self, cause: TaskScheduled | ExecutionStarted, now: Ticks) -> HistoryEvent:
        """The event that reports this outcome to the orchestration that waits for it."""
        if isinstance(cause, ExecutionStarted):
            return self._child_completion(cause, now)
        if cause.name == HTTP_ACTIVITY and self.raised is not None:
            reason, details = http_activity_failure(self.raised.message, native_error=None)
            return TaskFailed(timestamp=now, task_scheduled_id=cause.event_id, reason=reason, details=details)
        return completion_of(cause, ActivityOutcome(result=self.result, raised=self.raised), now)

    def _child_completion(self, start: ExecutionStarted, now: Ticks) -> HistoryEvent:
        task_id = start.parent.task_schedule_id if start.parent else -1
        if self.raised is not None:
            error = self.raised.message or self.raised.type_name
            return SubOrchestrationInstanceFailed(
                timestamp=now,
                task_scheduled_id=task_id,
                reason=orchestrator_failure(start.name, error),
                details=sub_orchestration_details(error),
            )
        result = None if self.value is None else compact_json(self.value)
        return SubOrchestrationInstanceCompleted(timestamp=now, task_scheduled_id=task_id, result=result)


def http_response(status: int = 200, content: str = "", headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What ``call_http`` gives to an orchestrator."""
    return {"statusCode": status, "headers": dict(headers or {}), "content": content}


def input_of(cause: TaskScheduled | ExecutionStarted) -> Any:
    """The input of a call as the called function gets it."""
    if isinstance(cause, ExecutionStarted):
        value = parsed_json(cause.input)
        return parsed_json(value) if isinstance(value, str) else value
    if cause.name == HTTP_ACTIVITY:
        request = json.loads(activity_input(cause) or "{}")
        return HttpRequest(
            method=request["method"], url=request["uri"], content=request["content"], headers=request["headers"]
        )
    value, is_immutable = _decoded(cause.input)
    return value if is_immutable else _decode(cause.input)


@lru_cache(maxsize=1024)
def _decoded(stored: str | None) -> tuple[Any, bool]:
    """A stored input as the worker decodes it, and whether the value can be given to more than one call."""
    value = _decode(stored)
    return value, value is None or isinstance(value, (str, int, float, bool))


def _decode(stored: str | None) -> Any:
    text = activity_input(TaskScheduled(timestamp=0, name="", input=stored))
    return ActivityTriggerConverter.decode(Datum("null" if text is None else text, "string"), trigger_metadata=None)


def answer_for(cause: TaskScheduled | ExecutionStarted, answers: Answers, app: AppFunctions) -> Answered | None:
    """The answer that was given for this call, None where there is none."""
    if isinstance(cause, TaskScheduled) and cause.name == HTTP_ACTIVITY:
        request: HttpRequest = input_of(cause)
        pattern = answers.http_pattern(request.method, request.url)
        return None if pattern is None else answers.next("http", pattern)
    answered = answers.next("function", cause.name)
    if answered is not None and answered.is_of_app and cause.name.lower() not in app.activities:
        return None
    return answered


def run_answer(name: str, value: object, answered: Answered, app: AppFunctions) -> Outcome:
    """Call the answer once with an input, as the worker calls an activity."""
    if answered.is_constant and (known := _CONSTANTS.get(answered)) is not None:
        return known
    outcome = _outcome_of(name, value, answered, app)
    if answered.is_constant:
        _CONSTANTS[answered] = outcome
    return outcome


def _outcome_of(name: str, value: object, answered: Answered, app: AppFunctions) -> Outcome:
    activity = app.activities.get(name.lower()) if answered.is_of_app else None
    try:
        if activity is not None:
            # In Azure a result that cannot become JSON is a failure of the activity, too.
            return Outcome(result=encoded(awaited(activity.function(**{activity.parameter: value}))))
        result = called(name, answered.call, value)
    except (HarnessError, AssertionError) as error:
        if activity is None and not (isinstance(error, AssertionError) and answered.is_exception):
            raise
        return Outcome(raised=user_exception(error))
    except Exception as exception:  # whatever an activity raises is its outcome
        return Outcome(raised=user_exception(exception))
    try:
        return Outcome(result=encoded(result))
    except Exception as error:
        raise BadAnswerError(
            f"The answer of {name!r} gives {result!r:.200} for {value!r:.200}, which cannot become JSON: {error}."
        ) from None


_CONSTANTS: Final[weakref.WeakKeyDictionary[Answered, Outcome]] = weakref.WeakKeyDictionary()
"""What constant answers give, so that their JSON is made once."""


def user_exception(exception: Exception) -> UserException:
    """The worker's report of an exception, from the first frame that is not the harness's own."""
    trace = exception.__traceback__
    while trace is not None and trace.tb_frame.f_globals.get("__name__", "").startswith("durable_harness."):
        trace = trace.tb_next
    return UserException.of(exception.with_traceback(trace))
