"""The Durable extension's lines: one for each change of the state of an orchestration, an activity or an entity.

Invariant: texts, levels and categories are the extension's, inputs and outputs are told by their length alone, and
nothing is said again on replay.
"""

from __future__ import annotations

import itertools
import logging
from typing import Final

from durable_engine import (
    EventRaised,
    ExecutionResumed,
    ExecutionSuspended,
    ExecutionTerminated,
    HistoryEvent,
    Ticks,
    ticks_to_full_text,
)
from durable_host.config.logs import event

__all__ = ["ACTIVITY", "ENTITY", "FAILED", "HUB_LOG", "ORCHESTRATOR", "StateLog"]

ORCHESTRATOR: Final = "Orchestrator"
ACTIVITY: Final = "Activity"
ENTITY: Final = "Entity"

FAILED: Final = "DurableTask.Core.Exceptions.OrchestrationFailureException"
HUB_LOG: Final = "Host.Triggers.DurableTask"
"""The category of what is about the hub, and not about one function."""
_NOBODY: Final = "DurableTask"
_VERSION: Final = "3.19.0"
_NO_REPLAY: Final = "IsReplay: False."


class StateLog:
    """What happens to the instances of one task hub."""

    def __init__(self, hub_name: str) -> None:
        self._hub_name = hub_name
        self._numbers = itertools.count()

    @property
    def hub(self) -> str:
        """How lines name the hub."""
        return f"HubName: {self._hub_name}. AppName: . SlotName: . ExtensionVersion: {_VERSION}"

    def of_nobody(self, instance_id: str = "", name: str = "") -> str:
        """The end of a line that is about no instance, or about one that no function is for; it has a number."""
        return f"InstanceId: {instance_id}. Function: {name}. {self._numbered_hub()}"

    def _numbered_hub(self) -> str:
        return f"{self.hub}. SequenceNumber: {next(self._numbers)}."

    def started(self, instance_id: str, name: str, kind: str, given: str | None, event_id: int = -1) -> None:
        """A function is about to run for an instance."""
        self._say(
            name,
            f"{instance_id}: Function '{name} ({kind})' started.",
            f"{_NO_REPLAY} Input: {_redacted(given)}. State: Started. RuntimeStatus: Running.",
            after=f" TaskEventId: {event_id}",
        )

    def completed(
        self, instance_id: str, name: str, kind: str, output: str | None, event_id: int = -1, *, again: bool = False
    ) -> None:
        """A function has come to its end; ``again`` is continue-as-new."""
        self._say(
            name,
            f"{instance_id}: Function '{name} ({kind})' completed.",
            f"ContinuedAsNew: {again}. {_NO_REPLAY} Output: {_redacted(output)}. State: Completed. "
            "RuntimeStatus: Completed.",
            after=f" TaskEventId: {event_id}",
        )

    def failed(self, instance_id: str, name: str, kind: str, reason: str, event_id: int = -1) -> None:
        """A function has failed, for the reason that the extension gives."""
        self._say(
            name,
            f"{instance_id}: Function '{name} ({kind})' failed with an error. Reason: {reason}.",
            f"{_NO_REPLAY} State: Failed. RuntimeStatus: Failed.",
            after=f" TaskEventId: {event_id}",
            level=logging.ERROR,
        )

    def scheduled(self, instance_id: str, name: str, kind: str, reason: str, target: str = "(null)") -> None:
        """Something is going to run: an activity, a sub-orchestration, or an instance that a message was sent to."""
        self._say(
            name,
            f"{instance_id}: Function '{name} ({kind})' scheduled. Reason: {reason}.",
            f"{_NO_REPLAY} State: Scheduled. RuntimeStatus: Pending.",
            after=f" TargetInstanceId: {target}.",
        )

    def awaited(self, instance_id: str, name: str) -> None:
        """An orchestrator has given way until something comes."""
        self._say(name, f"{instance_id}: Function '{name} (Orchestrator)' awaited.", f"{_NO_REPLAY} State: Awaited.")

    def waits(self, instance_id: str, name: str, reason: str) -> None:
        """An orchestrator waits for a timer, an event, or an entity."""
        self._say(
            name,
            f"{instance_id}: Function '{name} (Orchestrator)' is waiting for input. Reason: {reason}.",
            f"{_NO_REPLAY} State: Listening.",
        )

    def waits_for_timer(self, instance_id: str, name: str, fire_at: Ticks) -> None:
        """An orchestrator waits for a durable timer."""
        self.waits(instance_id, name, f"CreateTimer:{ticks_to_full_text(fire_at)}")

    def timer_fired(self, instance_id: str, name: str, fire_at: Ticks) -> None:
        """A durable timer is over."""
        self._say(
            name,
            f"{instance_id}: Function '{name} (Orchestrator)' was resumed by a timer scheduled for "
            f"'{ticks_to_full_text(fire_at)}'.",
            f"{_NO_REPLAY} State: TimerExpired.",
        )

    def event_received(self, instance_id: str, name: str, event_name: str) -> None:
        """An external event has come."""
        said = f"{instance_id}: Function '{name} (Orchestrator)' received a '{event_name}' event."
        self._say(name, said, "State: ExternalEventRaised.")

    def entity_answered(self, instance_id: str, name: str, operation_id: str) -> None:
        """An entity's answer has come."""
        said = f"{instance_id}: Function '{name} (Orchestrator)' received an entity response."
        self._say(name, said, f"OperationId: {operation_id}. State: ExternalEventRaised.")

    def entity_operation(
        self,
        instance_id: str,
        name: str,
        operation: str,
        operation_id: str,
        milliseconds: int,
        given: str | None,
        *,
        output: str | None,
        is_error: bool,
    ) -> None:
        """One operation of an entity is done, or has failed."""
        start = f"{instance_id}: Function '{name} (Entity)' "
        if is_error:
            self._say(
                name,
                f"{start}failed '{operation}' operation {operation_id} after {milliseconds}ms",
                f"with exception {_redacted(output)}. Input: {_redacted(given)}. {_NO_REPLAY}",
                level=logging.ERROR,
            )
            return
        self._say(
            name,
            f"{start}completed '{operation}' operation {operation_id} in {milliseconds}ms.",
            f"{_NO_REPLAY} Input: {_redacted(given)}. Output: {_redacted(output)}.",
        )

    def entity_batch(self, instance_id: str, name: str, *, events: int, operations: int, state: str | None) -> None:
        """An entity has worked off a batch."""
        self._say(
            name,
            f"{instance_id}: Function '{name} (Entity)' received {events} events and processed "
            f"{operations}/{operations} entity operations.",
            f"OutOfOrderMessages: (null). QueuedMessages: 0. UserStateSize: {len(state or '')}. Sources: (null). "
            "Destinations: (null). LockedBy: (null). Suspended: False. TraceFlags: 1Y234. State: EntityBatch.",
        )

    def entity_created(self, instance_id: str, name: str) -> None:
        """An entity has its first state."""
        said = f"{instance_id}: Function '{name} (Entity)' created entity state in '' operation ."
        self._say(name, said, "State: EntityStateCreated.")

    def sent_by_client(self, instance_id: str, name: str, sent: HistoryEvent) -> None:
        """A client has sent something to an instance."""
        match sent:
            case EventRaised():
                self.scheduled(instance_id, name, ORCHESTRATOR, f"RaiseEvent:{sent.name}", instance_id)
            case ExecutionTerminated():
                self.terminated(instance_id, name, sent.input)
            case ExecutionResumed():
                self.resumed(instance_id, name, sent.reason)
            case ExecutionSuspended():
                self.suspended(instance_id, name, sent.reason)
            case _:
                return

    def client_operation(self, operation: str, instance_id: str, invocation_id: str) -> None:
        """A function of the app asks for something; known where it has a context, whose id the SDK sends."""
        said = f"Client operation '{operation}' received for instance '{instance_id}'."
        text = f"{said} FunctionInvocationId: {invocation_id}. {self._numbered_hub()}"
        logging.getLogger(HUB_LOG).info("%s", text, extra=event(0, short=said))

    def unknown_orchestrator(self, instance_id: str, name: str, given: str | None, problem: str) -> None:
        """An instance is of an orchestrator that the app does not have."""
        logging.getLogger(f"Function.{_NOBODY}.User").warning(
            "%s",
            f"{problem}. {self.of_nobody(instance_id, name)}",
            extra=event(0, short=f"{instance_id}: {problem}"),
        )
        start = f"{instance_id}: Function '{name} (Orchestrator)' "
        self._say(
            _NOBODY,
            f"{start}started.",
            f"{_NO_REPLAY} Input: {_redacted(given)}. State: Started. RuntimeStatus: Running.",
            after=" TaskEventId: -1",
        )
        self._say(
            _NOBODY,
            f"{start}failed with an error. Reason: {FAILED}.",
            f"{_NO_REPLAY} State: Failed. RuntimeStatus: Failed.",
            after=" TaskEventId: -1",
            level=logging.ERROR,
        )

    def terminated(self, instance_id: str, name: str, reason: str | None) -> None:
        """A client asks for the end of an instance."""
        said = f"{instance_id}: Function '{name} (Orchestrator)' was terminated."
        more = f"Reason: {_redacted(reason)}. State: Terminated. RuntimeStatus: Terminated."
        self._say(name, said, more, level=logging.WARNING)

    def rewound(self, instance_id: str, name: str, reason: str | None) -> None:
        """A client has an instance try its failed parts again."""
        said = f"{instance_id}: Function '{name} (Orchestrator)' was rewound."
        self._say(name, said, f"Reason: {_redacted(reason)}. State: Rewound.", level=logging.WARNING)

    def suspended(self, instance_id: str, name: str, reason: str | None) -> None:
        """A client has an instance wait."""
        said = f"{instance_id}: Suspending function '{name} (Orchestrator)'."
        self._say(name, said, f"Reason: {_redacted(reason)}. State: Suspended. RuntimeStatus: Suspended.")

    def resumed(self, instance_id: str, name: str, reason: str | None) -> None:
        """A client lets a suspended instance go on."""
        said = f"{instance_id}: Resuming function '{name} (Orchestrator)'."
        self._say(name, said, f"Reason: {_redacted(reason)}. State: Scheduled. RuntimeStatus: Running.")

    def _say(self, name: str, short: str, more: str, *, after: str = "", level: int = logging.INFO) -> None:
        log = logging.getLogger(f"Function.{name}.User")
        if not log.isEnabledFor(level):
            return
        text = f"{short} {more} {self._numbered_hub()}{after}"
        log.log(level, "%s", text, extra=event(0, short=short))


def _redacted(text: str | None) -> str:
    return f"(Redacted {len(text or '')} characters)"
