"""The walk over the orchestrator's answer: each action is asked for, then awaited, then the next.

The Durable extension's handling of an out-of-process answer, action by action.
Invariant: the failure of an awaited action is never acted upon; what it means, the SDK has already decided.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from durable_engine.entities.messages import split_entity_id
from durable_engine.model import notices
from durable_engine.model.checkpoint import Notice
from durable_engine.model.dotnet_json import compact_json
from durable_engine.model.errors import AnswerError
from durable_engine.model.events import ExecutionStarted
from durable_engine.model.functions import KnownFunctions
from durable_engine.model.ticks import ticks_from_text
from durable_engine.orchestration.drift import overtaken_action
from durable_engine.orchestration.execution import Execution
from durable_engine.orchestration.refusals import refusal_of
from durable_engine.orchestration.retries import RetryPolicy
from durable_engine.orchestration.tasks import HostTask, TaskFailedError, Walk, run, when_all, when_any
from durable_engine.wire.sdk_call import Answer
from durable_engine.wire.sdk_surface import ActionType

__all__ = ["HTTP_ACTIVITY", "AnswerWalk"]

HTTP_ACTIVITY: Final = "BuiltIn::HttpActivity"
"""The name under which ``call_http`` is scheduled."""

Action = Mapping[str, Any]

_HTTP_REQUEST_TYPE: Final = (
    "Microsoft.Azure.WebJobs.Extensions.DurableTask.DurableHttpRequest, Microsoft.Azure.WebJobs.Extensions.DurableTask"
)
_LONGEST_RETRY_INTERVAL: Final = 6 * 86_400_000
_CUSTOM_STATUS_LIMIT: Final = 16 * 1024


class _RefusedError(Exception):
    """The host refuses an action in a way that ends the orchestration."""


class AnswerWalk:
    """One walk over one answer."""

    def __init__(
        self, execution: Execution, started: ExecutionStarted, answer: Answer, functions: KnownFunctions
    ) -> None:
        self.custom_status = None if answer.custom_status is None else compact_json(answer.custom_status)
        """The custom status as JSON text, None where there is none or it was refused."""
        self.failure: str | None = None
        """Why the function failed, once the walk is done."""
        self._execution, self._started, self._answer, self._functions = execution, started, answer, functions
        self._asked = 0
        self._awaited = 0
        self._is_at_end = False

    def extend(self, answer: Answer) -> bool:
        """Go on with a later answer; False where a walk from the start might do something else.

        It might when an earlier action has changed (a cancelled timer), and when this walk has already waited for more
        actions than the answer had: from the start they would have been there in time.
        """
        known = len(self._answer.actions)
        has_more = len(answer.actions) > known or answer.is_done or answer.error is not None
        if answer.raised is not None or answer.unreadable is not None or (self._is_at_end and has_more):
            return False
        if refusal_of(answer.actions, first=known) is not None:
            return False
        status = None if answer.custom_status is None else compact_json(answer.custom_status)
        if _is_too_long(status) or list(answer.actions[:known]) != list(self._answer.actions):
            return False
        self._answer, self.custom_status = answer, status
        return True

    @property
    def has_asked_for_all(self) -> bool:
        """Whether no action is left to ask for."""
        return self._awaited + 1 >= len(self._answer.actions)

    def walk(self) -> Walk:
        """The coroutine: it ends when the orchestrator has, and otherwise waits for ever, or for a later answer."""
        if self._answer.raised is not None:
            self.custom_status = None
            self.failure = f"One or more errors occurred. ({self._answer.raised.rpc_text})"
            return
        unreadable = self._answer.unreadable or refusal_of(self._answer.actions)
        if unreadable is not None:
            self.custom_status = None
            self.failure = unreadable
            return
        if _is_too_long(self.custom_status):
            self.failure = (
                "The UTF-16 size of the JSON-serialized payload must not exceed 16 KB. "
                f"The current payload size is {_stored_size(self.custom_status) // 1024} KB."
            )
            self.custom_status = None
            return
        while self._awaited < len(self._answer.actions):  # the answer may grow while an action is awaited
            try:
                yield self._ask(self._answer.actions[self._awaited])
            except TaskFailedError:
                pass
            except _RefusedError as refused:
                self.failure = str(refused)
                return
            self._awaited += 1
        if self._answer.error is not None:
            self.failure = self._answer.error
        elif not self._answer.is_done:
            self._is_at_end = True
            yield HostTask()

    def drift(self) -> Notice | None:
        """Whether the SDK is past an action that the host has yet to start, seen at the end of a replay."""
        answer = self._answer
        is_over = answer.is_done or answer.error is not None
        overtaken = overtaken_action(answer.actions, self._awaited, is_over=is_over)
        return notices.id_drift(overtaken) if overtaken else None

    def _ask(self, action: Action) -> HostTask:
        self._execution.origin = self._asked
        self._asked += 1
        ask = _ACTIONS.get(action["actionType"])
        if ask is None:
            raise AnswerError(
                f"The orchestrator answered an action of type {action['actionType']!r}, which SDK 1.7 does not have; "
                f"known are {sorted(map(int, _ACTIONS))}."
            )
        return ask(self, action)

    def _when_all(self, action: Action) -> HostTask:
        return when_all([self._ask(child) for child in action["compoundActions"]])

    def _when_any(self, action: Action) -> HostTask:
        return when_any([self._ask(child) for child in action["compoundActions"]])

    def _call_activity(self, action: Action) -> HostTask:
        return self._activity_refusal(action) or self._schedule_activity(action)

    def _call_activity_with_retry(self, action: Action) -> HostTask:
        refusal = self._activity_refusal(action) or self._retry_refusal(action)
        return refusal or run(self._retry(action, self._schedule_activity))

    def _schedule_activity(self, action: Action) -> HostTask:
        return self._execution.schedule_activity(action["functionName"], compact_json([action["input"]]))

    def _activity_refusal(self, action: Action) -> HostTask | None:
        name = action["functionName"]
        if self._functions.has_activity(name):
            return None
        return self._refuse(notices.unknown_activity(self._functions.missing_activity(name)))

    def _call_sub_orchestrator(self, action: Action) -> HostTask:
        return self._sub_orchestration_refusal(action) or self._start_sub_orchestration(action)

    def _call_sub_orchestrator_with_retry(self, action: Action) -> HostTask:
        refusal = self._sub_orchestration_refusal(action) or self._retry_refusal(action)
        return refusal or run(self._retry(action, self._start_sub_orchestration))

    def _start_sub_orchestration(self, action: Action) -> HostTask:
        instance_id = action.get("instanceId") or f"{self._started.instance.execution_id}:{self._execution.next_id}"
        version = action.get("version") or self._functions.default_version
        return self._execution.start_sub_orchestration(
            action["functionName"], instance_id, version, compact_json(action["input"])
        )

    def _sub_orchestration_refusal(self, action: Action) -> HostTask | None:
        name, given_id = action["functionName"], action.get("instanceId") or ""
        if not self._functions.has_orchestrator(name):
            return self._refuse(notices.unknown_orchestrator(self._functions.missing_orchestrator(name)))
        own, parent = self._started.instance, self._started.parent
        taken = [own.instance_id, parent.instance.instance_id if parent else own.instance_id]
        if given_id.startswith("@") or given_id.upper() in (one.upper() for one in taken):
            return self._refuse(notices.refused_sub_orchestration(name, given_id))
        return None

    def _call_http(self, action: Action) -> HostTask:
        request = {"$type": _HTTP_REQUEST_TYPE} | dict(action["httpRequest"])
        return self._execution.schedule_activity(HTTP_ACTIVITY, compact_json([request]))

    def _create_timer(self, action: Action) -> HostTask:
        return self._execution.start_timer(
            ticks_from_text(action["fireAt"]), is_cancelled=bool(action.get("isCanceled"))
        )

    def _wait_for_event(self, action: Action) -> HostTask:
        return self._execution.wait_for_event(action["externalEventName"])

    def _call_entity(self, action: Action) -> HostTask:
        name = split_entity_id(action["instanceId"])[0]
        if not self._functions.has_entity(name):
            return self._refuse(notices.unknown_entity_called(self._functions.missing_entity(name)))
        return self._execution.wait_for_event(self._send(action, is_signal=False))

    def _signal_entity(self, action: Action) -> HostTask:
        name = split_entity_id(action["instanceId"])[0]
        if not self._functions.has_entity(name):
            # A signal has no task in which the host's error could be lost: it ends the orchestration.
            raise _RefusedError(self._functions.missing_entity(name))
        self._send(action, is_signal=True)
        return _done()

    def _send(self, action: Action, *, is_signal: bool) -> str:
        return self._execution.send_to_entity(
            action["instanceId"], action["operation"], action.get("input"), is_signal=is_signal
        )

    def _continue_as_new(self, action: Action) -> HostTask:
        self._execution.new_input = compact_json(action["input"])
        return _done()

    def _retry_refusal(self, action: Action) -> HostTask | None:
        first = RetryPolicy.of(action["retryOptions"]).first
        if first <= _LONGEST_RETRY_INTERVAL:
            return None
        return self._refuse(notices.refused_retries(action["functionName"], first))

    def _retry(self, action: Action, attempt_once: Callable[[Action], HostTask]) -> Walk:
        policy = RetryPolicy.of(action["retryOptions"])
        execution, began_at, origin = self._execution, self._execution.clock, self._execution.origin
        for attempt in range(1, policy.attempts + 1):
            execution.origin = origin
            try:
                yield attempt_once(action)
            except TaskFailedError:
                wait = policy.wait_after(attempt, began_at=began_at, now=execution.clock)
                if wait is None:
                    break
                execution.origin = origin
                yield execution.start_timer(execution.clock + wait)
                if attempt >= policy.sdk_attempts:
                    raise
            else:
                return
        self.failure = _given_up(action)

    def _refuse(self, notice: Notice) -> HostTask:
        # The host's error for such a call sits in the call's own task, at which nobody looks.
        self._execution.notices.append(notice)
        failed = HostTask()
        failed.fail()
        return failed


def _given_up(action: Action) -> str:
    options = ", ".join(f"{name}={value!r}" for name, value in action["retryOptions"].items())
    return (
        f"The retries of '{action['functionName']}' with {options} end on the host before they do in the SDK, which "
        "waits for a further attempt: in Azure this orchestration would stay Running for ever. Give a whole number of "
        "attempts from 1, a backoff coefficient above 0, and a timeout that leaves time for all attempts."
    )


def _stored_size(text: str | None) -> int:
    return len(text.encode("utf-16-le")) if text else 0


def _is_too_long(custom_status: str | None) -> bool:
    return _stored_size(custom_status) > _CUSTOM_STATUS_LIMIT


def _done() -> HostTask:
    task = HostTask()
    task.complete()
    return task


_ACTIONS: Final[Mapping[int, Callable[[AnswerWalk, Action], HostTask]]] = {
    ActionType.CALL_ACTIVITY: AnswerWalk._call_activity,
    ActionType.CALL_ACTIVITY_WITH_RETRY: AnswerWalk._call_activity_with_retry,
    ActionType.CALL_SUB_ORCHESTRATOR: AnswerWalk._call_sub_orchestrator,
    ActionType.CALL_SUB_ORCHESTRATOR_WITH_RETRY: AnswerWalk._call_sub_orchestrator_with_retry,
    ActionType.CONTINUE_AS_NEW: AnswerWalk._continue_as_new,
    ActionType.CREATE_TIMER: AnswerWalk._create_timer,
    ActionType.WAIT_FOR_EXTERNAL_EVENT: AnswerWalk._wait_for_event,
    ActionType.CALL_ENTITY: AnswerWalk._call_entity,
    ActionType.CALL_HTTP: AnswerWalk._call_http,
    ActionType.SIGNAL_ENTITY: AnswerWalk._signal_entity,
    ActionType.WHEN_ANY: AnswerWalk._when_any,
    ActionType.WHEN_ALL: AnswerWalk._when_all,
}
