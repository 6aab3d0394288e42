# mypy: disallow-untyped-decorators=False
"""An app to kill: a fan-out whose activities say where they ran, and orchestrators with a step of every kind.

What the hosts of the kill tests run.
Invariant: each activity writes its line to the file of the setting ACTIVITY_LOG before it returns, so that the file
tells every run of it, also one whose result was lost. (Its decorators are the SDK's, which has no types.)
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import azure.functions as func

Steps = Generator[Any, Any, Any]

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.orchestration_trigger(context_name="context")
def fan_out(context: df.DurableOrchestrationContext) -> Steps:
    """Run ``count`` activities of ``milliseconds`` each at once."""
    wanted = context.get_input()
    tasks = [
        context.call_activity("square", f"{context.instance_id} {number} {wanted['milliseconds']}")
        for number in range(wanted["count"])
    ]
    results = yield context.task_all(tasks)
    return results


@app.activity_trigger(input_name="task")
def square(task: str) -> int:
    """Square a number after a while, and leave a line behind. The text is instance, number and milliseconds."""
    instance_id, number, milliseconds = task.split()
    time.sleep(int(milliseconds) / 1000)
    # One write of an appending descriptor is not torn by others.
    log = os.open(os.environ["ACTIVITY_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, f"{os.getpid()} {instance_id} {number}\n".encode())
    os.close(log)
    return int(number) ** 2


@app.orchestration_trigger(context_name="context")
def calls(context: df.DurableOrchestrationContext) -> Steps:
    """Calls of every kind, each of them a checkpoint: an activity, two at once, a sub-orchestration."""
    one = yield context.call_activity("double", 1)
    two = yield context.task_all([context.call_activity("double", one), context.call_activity("double", one + 1)])
    of_child = yield context.call_sub_orchestrator("child", two[0])
    return [one, two, of_child]


@app.orchestration_trigger(context_name="context")
def waits(context: df.DurableOrchestrationContext) -> Steps:
    """A timer, an entity, and a new generation that ends with an activity."""
    kept = context.get_input()
    if kept is not None:
        last = yield context.call_activity("double", kept)
        return [kept, last]
    yield context.create_timer(context.current_utc_datetime + timedelta(milliseconds=100))
    # It sets, and does not add, because a caller that crashes while it calls may call twice. It is asked by the same
    # generation: that is as far as an entity keeps requests in order, and an answer may be sent before the state that
    # it tells of is saved.
    entity = df.EntityId("register", context.instance_id)
    yield context.call_entity(entity, "set", 8)
    kept = yield context.call_entity(entity, "get")
    context.continue_as_new(kept)
    return None


@app.orchestration_trigger(context_name="context")
def child(context: df.DurableOrchestrationContext) -> Steps:
    """A sub-orchestration with one activity."""
    doubled = yield context.call_activity("double", context.get_input())
    return doubled


@app.activity_trigger(input_name="number")
def double(number: int) -> int:
    """Double a number."""
    return 2 * number


@app.entity_trigger(context_name="context")
def register(context: df.DurableEntityContext) -> None:
    """An entity that holds one value."""
    if context.operation_name == "set":
        context.set_state(context.get_input())
    context.set_result(context.get_state(lambda: None))
