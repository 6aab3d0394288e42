"""What is said about one episode: when its code begins and ends, and what it decided.

Around the app's code, in the thread that runs it, and afterwards from the checkpoint.
Invariant: each call of the app's code has one line that it begins and one that it ended, with the same id.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from durable_engine import (
    Checkpoint,
    EventRaised,
    EventSent,
    ExecutionCompleted,
    ExecutionStarted,
    HistoryEvent,
    OrchestratorCode,
    SubOrchestrationInstanceCreated,
    TaskScheduled,
    TimerCreated,
    TimerFired,
    UserException,
    split_entity_id,
)
from durable_host.app.entity_code import operation_failures
from durable_host.app.invocation_log import log_executing, log_failure, log_success
from durable_host.clock import new_guid, now
from durable_host.config.logs import running_function
from durable_host.dispatch.message_rules import names_entity
from durable_host.dispatch.state_log import ACTIVITY, ENTITY, FAILED, ORCHESTRATOR, StateLog

__all__ = ["EpisodeLog", "Told"]

_TICKS_PER_MILLISECOND: Final = 10_000
_WAITS: Final = '"externalEventName"'
_OPERATION: Final = (
    "Error in operation '{}': Microsoft.Azure.WebJobs.Extensions.DurableTask.TaskEntityShim+OutOfProcResult"
    "+OperationResult"
)


@dataclass(slots=True)
class Told:
    """What was said, or kept back, about instances that have not ended."""

    waits: dict[str, int] = field(default_factory=dict)
    """For how many events an instance is known to wait."""
    pauses: dict[str, frozenset[int]] = field(default_factory=dict)
    """Its timers that are pauses before another attempt, of which the real host says nothing; known from its episodes,
    and so not yet of an instance that began under another host."""

    def forget(self, instance_id: str) -> None:
        """It has ended, or begins anew."""
        self.waits.pop(instance_id, None)
        self.pauses.pop(instance_id, None)


class EpisodeLog:
    """The lines of one episode. ``around`` the code, then ``ended`` with the checkpoint.

    ``told`` is shared by all episodes of a host.
    """

    def __init__(
        self,
        log: StateLog,
        instance_id: str,
        past: Sequence[HistoryEvent],
        new: Sequence[HistoryEvent],
        told: Told,
    ) -> None:
        self._log, self._instance_id, self._told = log, instance_id, told
        self._past, self._new = past, new
        self._name = ""
        self._invocation = ""
        self._began = 0
        self._milliseconds = 0
        self._raised: UserException | None = None
        self._fired: list[TimerFired] = []
        """Timers of which this episode's own answer has to say what they are."""
        self._payload: dict[str, Any] = {}
        self._answer: dict[str, Any] = {}

    def around(self, name: str, code: OrchestratorCode) -> OrchestratorCode:
        """The code, with what is said about a call of it."""

        def call(payload: str) -> str:
            self._begin(name, payload)
            try:
                with running_function(name), operation_failures() as failures:
                    answer = code(payload)
                self._raised = failures[0] if failures else None
            except Exception as error:
                self._raised = UserException.of(error.__cause__ or error)
                raise
            finally:
                self._milliseconds = (now() - self._began) // _TICKS_PER_MILLISECOND
            if names_entity(self._instance_id):
                self._payload, self._answer = json.loads(payload), json.loads(answer)
            elif _WAITS in answer:
                self._answer = json.loads(answer)
            return answer

        return call

    def ended(self, checkpoint: Checkpoint) -> None:
        """Say what the episode decided."""
        if not self._invocation:
            self._say_unknown(checkpoint)
            return
        if names_entity(self._instance_id):
            self._entity_ended()
        else:
            self._orchestrator_ended(checkpoint)

    def _say_unknown(self, checkpoint: Checkpoint) -> None:
        """No code of the app has run: it has no such orchestrator."""
        started = next((one for one in self._new if isinstance(one, ExecutionStarted)), None)
        ending = next((one for one in checkpoint.events if isinstance(one, ExecutionCompleted)), None)
        if started is not None and ending is not None and not names_entity(self._instance_id):
            problem = (ending.result or "").partition("failed: ")[2]
            self._log.unknown_orchestrator(self._instance_id, started.name, started.input, problem)

    def _begin(self, name: str, payload: str) -> None:
        again = bool(self._invocation)
        if again:
            # Continue-as-new, within one episode: the execution before has done its part.
            self._say_fired()
            self._log.completed(self._instance_id, self._name, ORCHESTRATOR, None, again=True)
            self._executed()
        self._name, self._invocation, self._began, self._raised = name, new_guid(), now(), None
        log_executing(name, self._invocation)
        if again:
            given = json.loads(payload).get("input")
            self._log.started(self._instance_id, name, ORCHESTRATOR, None if given is None else json.dumps(given))
        elif names_entity(self._instance_id):
            started = next((one for one in self._past if isinstance(one, ExecutionStarted)), None)
            self._log.started(self._instance_id, name, ENTITY, started.input if started else None)
        else:
            self._say_what_came()

    def _say_what_came(self) -> None:
        asked = {one.input_id for one in map(_Sent, self._past) if one.input_id}
        for one in self._new:
            match one:
                case ExecutionStarted():
                    self._log.started(self._instance_id, self._name, ORCHESTRATOR, one.input)
                case TimerFired():
                    self._fired.append(one)
                case EventRaised() if one.name in asked:
                    self._log.entity_answered(self._instance_id, self._name, one.name)
                case EventRaised():
                    self._log.event_received(self._instance_id, self._name, one.name)
                case _:
                    continue
        if self._instance_id in self._told.pauses:
            self._say_fired(self._told.pauses[self._instance_id])

    def _say_fired(self, pauses: frozenset[int] = frozenset()) -> None:
        for one in self._fired:
            if one.timer_id not in pauses:
                self._log.timer_fired(self._instance_id, self._name, one.fire_at)
        self._fired.clear()

    def _orchestrator_ended(self, checkpoint: Checkpoint) -> None:
        self._say_fired(checkpoint.retries)
        ending = next((one for one in checkpoint.events if isinstance(one, ExecutionCompleted)), None)
        if ending is not None or checkpoint.replaces_history:
            self._told.forget(self._instance_id)
        else:
            self._told.pauses[self._instance_id] = checkpoint.retries
        for one in checkpoint.events:
            if getattr(one, "event_id", -1) not in checkpoint.retries:
                self._say_what_was_decided(one)
        if ending is None:
            for name in self._new_waits():
                self._log.waits(self._instance_id, self._name, f"WaitForExternalEvent:{name}")
        if ending is None:
            self._executed()
            self._log.awaited(self._instance_id, self._name)
        elif ending.orchestration_status == "Completed":
            self._log.completed(self._instance_id, self._name, ORCHESTRATOR, ending.result)
            self._executed()
        elif ending.orchestration_status != "Failed":
            # Terminated: the orchestrator has run once more, and what it wants is passed over.
            self._executed()
            self._log.awaited(self._instance_id, self._name)
        else:
            self._log.failed(self._instance_id, self._name, ORCHESTRATOR, FAILED)
            self._executed([ending.result or ""])

    def _say_what_was_decided(self, one: HistoryEvent) -> None:
        instance_id, name, log = self._instance_id, self._name, self._log
        match one:
            case TaskScheduled():
                log.scheduled(instance_id, one.name, ACTIVITY, name)
            case SubOrchestrationInstanceCreated():
                log.scheduled(instance_id, one.name, ORCHESTRATOR, name, one.instance_id)
            case TimerCreated():
                log.waits_for_timer(instance_id, name, one.fire_at)
            case EventSent() if names_entity(one.instance_id):
                request = _Sent(one)
                if request.input_id and not request.is_signal:
                    log.waits(instance_id, name, f"WaitForEntityResponse:{request.input_id}")
                log.scheduled(instance_id, split_entity_id(one.instance_id)[0], ENTITY, name, one.instance_id)
            case _:
                return

    def _new_waits(self) -> list[str]:
        """The events that the orchestrator waits for since this episode; after a restart of the host, none are new."""
        actions = [action for some in self._answer.get("actions") or () for action in some]
        names = [str(action[_WAITS.strip('"')]) for action in actions if _WAITS.strip('"') in action]
        known = self._told.waits.get(self._instance_id, len(names) if self._past else 0)
        self._told.waits[self._instance_id] = len(names)
        return names[known:]

    def _entity_ended(self) -> None:
        instance_id, name, log = self._instance_id, self._name, self._log
        if self._answer.get("entityExists") and not self._payload.get("exists"):
            log.entity_created(instance_id, name)
        asked, results = self._payload.get("batch", []), self._answer.get("results", [])
        failed = []
        for request, result in zip(asked, results, strict=False):
            is_error = bool(result["isError"])
            if is_error:
                failed.append(_OPERATION.format(request["name"]))
            log.entity_operation(
                instance_id,
                name,
                request["name"],
                request["id"],
                result.get("duration", 0),
                request["input"],
                output=result["result"],
                is_error=is_error,
            )
        state = self._answer.get("entityState")
        log.entity_batch(instance_id, name, events=len(self._new), operations=len(asked), state=state)
        if failed:
            log.failed(instance_id, name, ENTITY, f"One or more operations failed: ({' '.join(failed)})")
            self._executed(failed[:1])
        else:
            log.completed(instance_id, name, ENTITY, state, again=True)
            self._executed()

    def _executed(self, causes: Sequence[str] = ()) -> None:
        if causes:
            log_failure(self._name, self._invocation, self._milliseconds, causes, self._raised)
        else:
            log_success(self._name, self._invocation, self._milliseconds)


class _Sent:
    """What an EventSent to an entity asks for; of any other event, nothing."""

    def __init__(self, sent: HistoryEvent) -> None:
        self.input_id, self.is_signal = None, False
        if isinstance(sent, EventSent) and names_entity(sent.instance_id) and sent.input:
            request = json.loads(sent.input)
            self.input_id, self.is_signal = request.get("id"), bool(request.get("signal"))
