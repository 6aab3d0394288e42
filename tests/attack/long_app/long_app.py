# mypy: disallow-untyped-decorators=False
"""What runs under the long attack: orchestrations of every kind, most of which ask entities to count something.

Invariant: each operation names itself with a token that no other has, and an entity keeps how often it applied each.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
Steps = Generator[Any, Any, Any]


def ledger_of(context: df.DurableOrchestrationContext) -> tuple[df.EntityId, str]:
    """The ledger that the input names, and the beginning of this instance's tokens."""
    given: dict[str, Any] = context.get_input()
    return df.EntityId("ledger", given["ledger"]), context.instance_id


@app.entity_trigger(context_name="context")
def ledger(context: df.DurableEntityContext) -> None:
    """How often each token was noted."""
    noted: dict[str, int] = context.get_state(dict)
    token: str = context.get_input()
    noted[token] = noted.get(token, 0) + 1
    context.set_state(noted)
    context.set_result(noted[token])


@app.orchestration_trigger(context_name="context")
def notes(context: df.DurableOrchestrationContext) -> Steps:
    """Signals, calls, runs an activity, and signals again: three tokens."""
    entity, own = ledger_of(context)
    context.signal_entity(entity, "note", f"{own}/0")
    first = yield context.call_entity(entity, "note", f"{own}/1")
    doubled = yield context.call_activity("double", first)
    context.signal_entity(entity, "note", f"{own}/2")
    return doubled


@app.orchestration_trigger(context_name="context")
def fans_out(context: df.DurableOrchestrationContext) -> Steps:
    """Ten activities at once, a token for each three results."""
    entity, own = ledger_of(context)
    tasks = [context.call_activity("double", number) for number in range(10)]
    for number in range(3):
        yield context.task_any(tasks[3 * number : 3 * number + 3])
        context.signal_entity(entity, "note", f"{own}/{number}")
    results = yield context.task_all(tasks)
    return sum(results)


@app.orchestration_trigger(context_name="context")
def has_child(context: df.DurableOrchestrationContext) -> Steps:
    """A child that notes three tokens, after a timer."""
    yield context.create_timer(context.current_utc_datetime + timedelta(seconds=1))
    result = yield context.call_sub_orchestrator("notes", context.get_input(), f"{context.instance_id}-child")
    return result


@app.orchestration_trigger(context_name="context")
def begins_anew(context: df.DurableOrchestrationContext) -> Steps:
    """Three executions, two of them in one episode, each of which notes a token."""
    entity, own = ledger_of(context)
    given: dict[str, Any] = context.get_input()
    number = given.get("number", 0)
    context.signal_entity(entity, "note", f"{own}/{number}")
    if number == 1:
        yield context.call_activity("double", number)
    if number == 2:
        return number
    context.continue_as_new({**given, "number": number + 1})
    return None


@app.orchestration_trigger(context_name="context")
def waits(context: df.DurableOrchestrationContext) -> Steps:
    """A token once somebody has said so."""
    entity, own = ledger_of(context)
    yield context.wait_for_external_event("go")
    seen = yield context.call_entity(entity, "note", f"{own}/0")
    return seen


@app.orchestration_trigger(context_name="context")
def is_blocked(context: df.DurableOrchestrationContext) -> Steps:
    """An activity that outlasts the function's timeout: the orchestration fails."""
    yield context.call_activity("blocks", 20)


@app.activity_trigger(input_name="number")
def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


@app.activity_trigger(input_name="seconds")
def blocks(seconds: int) -> None:
    """Keeps its thread."""
    time.sleep(seconds)
