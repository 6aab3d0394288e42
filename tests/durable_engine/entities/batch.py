"""Run one batch of operations on one entity: stored state and new messages in, checkpoint out.

What ``episode`` is to an orchestration. An entity is an eternal orchestration whose every batch ends in
continue-as-new, so the checkpoint holds the whole history of a new execution: three events, the state in the second.
Invariant: equal arguments give an equal checkpoint, byte for byte; what an operation answers, it answers once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from durable_engine.entities.messages import OPERATION, delayed_operation, entity_instance_id, response, split_entity_id
from durable_engine.entities.scheduler import Request, SchedulerState, message_object
from durable_engine.model.checkpoint import Checkpoint, InstanceUpdate, Message, Notice
from durable_engine.model.dotnet_json import compact_json
from durable_engine.model.errors import AnswerError, HistoryError
from durable_engine.model.events import (
    EventRaised,
    ExecutionStarted,
    HistoryEvent,
    OrchestrationInstance,
    OrchestratorCompleted,
    OrchestratorStarted,
)
from durable_engine.model.functions import KnownFunctions
from durable_engine.model.notices import entity_kept_change, no_request, unknown_entity
from durable_engine.model.ticks import TICKS_PER_SECOND, Ticks

__all__ = ["EntityCode", "entity_payload", "run_entity_batch"]

EntityCode = Callable[[str], str]
"""The SDK's handle for one entity: JSON payload in, JSON answer out."""

_RELEASE: Final = "release"
_EARLY: Final = TICKS_PER_SECOND // 10
# One message of the storage backend cannot wait longer; a signal that is due later is sent again when it arrives.
_LONGEST_DELAY: Final = 6 * 86_400 * TICKS_PER_SECOND
# A suspended entity waits for its own message "continue"; should that be lost, it goes on after this time.
_LONGEST_SUSPENSION: Final = 10 * TICKS_PER_SECOND


@dataclass(slots=True)
class _Work:
    """What the messages of a batch come down to."""

    operations: list[Request] = field(default_factory=list)
    lock_request: Request | None = None
    too_early: list[Request] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


def run_entity_batch(
    instance_id: str,
    past: Sequence[HistoryEvent],
    batch: Sequence[HistoryEvent],
    code: EntityCode | None,
    functions: KnownFunctions,
    *,
    now: Ticks,
    new_id: Callable[[], str],
) -> Checkpoint:
    """Run the entity's code on the operations among the messages.

    ``past`` is the stored history, empty for a new entity; ``batch`` holds EventRaised events, others are passed over.
    ``code`` is None where the app has no such entity: then every operation fails. ``new_id`` gives the next execution's
    id (32 hex digits).
    """
    started = next((event for event in past if isinstance(event, ExecutionStarted)), None)
    if past and started is None:
        raise HistoryError(f"The history of entity {instance_id!r} has no ExecutionStarted: load the whole of it.")
    state = SchedulerState.parse(started.input if started else None)
    if state.is_suspended and started is not None and started.timestamp < now - _LONGEST_SUSPENSION:
        state.is_suspended = False
    work = _receive(state, batch, now)
    before = state.exists, state.state
    messages: list[Message] = [_again_later(instance_id, request, now) for request in work.too_early]
    notices = work.notices
    if work.operations:
        answer = _ask(instance_id, state, work.operations, code, functions)
        state.exists, state.state = bool(answer["entityExists"]), answer["entityState"]
        results = answer["results"]
        messages += [
            _reply(request, response(result["result"], is_error=result["isError"]), now)
            for request, result in zip(work.operations, results, strict=True)
            if not request.is_signal
        ]
        outcomes = zip(work.operations, results, strict=True)
        failed = [request.operation or "" for request, result in outcomes if result["isError"]]
        if code is None:
            notices.append(unknown_entity(instance_id, functions.missing_entity(split_entity_id(instance_id)[0])))
        elif failed and (state.exists, state.state or "null") != (before[0], before[1] or "null"):
            notices.append(entity_kept_change(instance_id, failed, is_certain=len(failed) == len(work.operations)))
    if work.lock_request is not None:
        messages.append(_lock(state, work.lock_request, now))
    return _checkpoint(instance_id, past, started, state, messages, notices, now=now, new_id=new_id)


def entity_payload(instance_id: str, state: SchedulerState, operations: Sequence[Request]) -> str:
    """The text that the entity trigger gives to the worker: the host's members in their order."""
    name, key = split_entity_id(instance_id)
    return json.dumps(
        {
            "self": {"name": name, "key": key},
            "exists": state.exists,
            "state": state.state,
            "batch": [
                {"name": request.operation, "input": request.input, "isSignal": request.is_signal, "id": request.id}
                for request in operations
            ],
        }
    )


def _receive(state: SchedulerState, batch: Sequence[HistoryEvent], now: Ticks) -> _Work:
    """Sort the messages, free locks, and take what may be done now: operations, up to the first lock request.

    Anybody can raise an event for an entity: one that is no request is passed over, and the others are not.
    """
    work = _Work()
    of_lock_holder: list[Request] = []
    for event in batch:
        if not isinstance(event, EventRaised):
            continue
        try:
            if event.name == _RELEASE:
                if message_object(event.input or "{}").get("parent") == state.locked_by:
                    state.locked_by = None
                continue
            is_request = event.name.startswith(OPERATION) and event.input is not None
            request = Request.parse(event.input or "") if is_request else None
        except ValueError as error:
            work.notices.append(no_request(event.name, str(error)))
            continue
        if request is None:
            state.is_suspended = False
        elif request.due_at is not None and request.due_at - now > _EARLY:
            work.too_early.append(request)
        else:
            for ready in [request] if request.due_at is not None else state.sorter.receive(request):
                held = state.locked_by is not None and state.locked_by == ready.parent
                (of_lock_holder if held else state.queue).append(ready)
    state.put_first(of_lock_holder)
    while not state.is_suspended and work.lock_request is None and (taken := state.next_request()) is not None:
        if taken.lock_set is not None:
            work.lock_request = taken
        else:
            work.operations.append(taken)
    return work


def _ask(
    instance_id: str,
    state: SchedulerState,
    operations: Sequence[Request],
    code: EntityCode | None,
    functions: KnownFunctions,
) -> dict[str, Any]:
    name = split_entity_id(instance_id)[0]
    if code is None:
        error = {"isError": True, "result": compact_json(functions.missing_entity(name))}
        return {"entityExists": state.exists, "entityState": state.state, "results": [error] * len(operations)}
    try:
        answer: dict[str, Any] = json.loads(code(entity_payload(instance_id, state, operations)))
    except Exception as exception:
        raise AnswerError(
            f"Entity {instance_id!r} failed outside of its operations, with {type(exception).__name__}: {exception}. "
            "As in Azure nothing of the batch is kept and it is tried again: correct the function."
        ) from exception
    results = answer.get("results")
    if not isinstance(results, list) or len(results) != len(operations) or answer.get("signals"):
        raise AnswerError(
            f"Entity {instance_id!r} answered {len(operations)} operations with {results!r} and the signals "
            f"{answer.get('signals')!r}; azure-functions-durable 1.7 gives one result each, and no signals."
        )
    return answer


def _reply(request: Request, text: str, now: Ticks) -> Message:
    caller = OrchestrationInstance(instance_id=request.parent or "", execution_id=request.parent_execution)
    return Message(event=EventRaised(timestamp=now, name=request.id, input=text), target=caller)


def _again_later(instance_id: str, request: Request, now: Ticks) -> Message:
    due_at = min(request.due_at or now, now + _LONGEST_DELAY)
    event = EventRaised(timestamp=now, name=delayed_operation(due_at), input=request.text)
    return Message(
        event=event, target=OrchestrationInstance(instance_id=instance_id, execution_id=None), deliver_at=due_at
    )


def _lock(state: SchedulerState, request: Request, now: Ticks) -> Message:
    """Lock the entity, and pass the request on to the next of its set, or tell the caller that it has them all."""
    state.locked_by = request.parent
    lock_set, position = request.lock_set or [], request.position + 1
    if position >= len(lock_set):
        return _reply(request, response("Lock Acquisition Completed", is_error=False), now)
    following = entity_instance_id(lock_set[position]["name"], lock_set[position]["key"])
    event = EventRaised(timestamp=now, name=OPERATION, input=request.at_position(position).text)
    return Message(event=event, target=OrchestrationInstance(instance_id=following, execution_id=None))


def _checkpoint(
    instance_id: str,
    past: Sequence[HistoryEvent],
    old: ExecutionStarted | None,
    state: SchedulerState,
    messages: Sequence[Message],
    notices: Sequence[Notice],
    *,
    now: Ticks,
    new_id: Callable[[], str],
) -> Checkpoint:
    instance = OrchestrationInstance(instance_id=instance_id, execution_id=new_id())
    started = ExecutionStarted(
        timestamp=now, is_played=True, instance=instance, name=instance_id, version="", input=state.text
    )
    return Checkpoint(
        instance=instance,
        sender=old.instance if old else OrchestrationInstance(instance_id=instance_id, execution_id=None),
        episode=sum(isinstance(event, OrchestratorStarted) for event in past) + 1,
        events=(OrchestratorStarted(timestamp=now), started, OrchestratorCompleted(timestamp=now, is_played=True)),
        replaces_history=True,
        messages=tuple(messages),
        update=InstanceUpdate(
            execution_id=instance.execution_id,
            last_updated_at=now,
            custom_status=state.status_text,
            started=started,
            runtime_status="Running",
        ),
        notices=tuple(notices),
    )
