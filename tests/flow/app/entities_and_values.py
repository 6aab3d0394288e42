# mypy: disallow-untyped-decorators=False
"""Orchestrators around an entity, a web server, and values on their way.

Invariant: what comes back is shown as it came.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeAlias

from azure import durable_functions as df

Context: TypeAlias = df.DurableOrchestrationContext
Steps = Generator[Any, Any, Any]

blueprint = df.Blueprint()


@blueprint.orchestration_trigger(context_name="context")
def uses_entity(context: Context) -> Steps:
    """Signals an entity, calls it, and catches its failure."""
    counter = df.EntityId("counter", context.instance_id)
    context.signal_entity(counter, "add", 5)
    total = yield context.call_entity(counter, "add", 3)
    try:
        yield context.call_entity(counter, "fail", "no")
    except Exception as error:
        return {"total": total, "error": str(error).partition("\n")[0]}


@blueprint.orchestration_trigger(context_name="context")
def deletes_entity(context: Context) -> Steps:
    """An entity that is deleted begins anew."""
    counter = df.EntityId("counter", context.instance_id)
    yield context.call_entity(counter, "add", 7)
    yield context.call_entity(counter, "delete")
    after = yield context.call_entity(counter, "get")
    return after


@blueprint.orchestration_trigger(context_name="context")
def calls_entity_at_once(context: Context) -> Steps:
    """Calls of one entity in a fan-out, which it answers one after the other."""
    counter = df.EntityId("counter", context.instance_id)
    totals = yield context.task_all([context.call_entity(counter, "add", number) for number in (1, 10, 100)])
    return totals


@blueprint.entity_trigger(context_name="context")
def counter(context: df.DurableEntityContext) -> None:
    """A number that can be added to."""
    total = context.get_state(lambda: 0)
    if context.operation_name == "fail":
        raise ValueError(context.get_input())
    if context.operation_name == "delete":
        context.destruct_on_exit()
        return
    if context.operation_name == "add":
        total += context.get_input()
        context.set_state(total)
    context.set_result(total)


@blueprint.orchestration_trigger(context_name="context")
def calls_http(context: Context) -> Steps:
    """Requests something of a server, and shows what is the same wherever it is asked from."""
    wanted = context.get_input()
    answer = yield context.call_http(wanted["method"], wanted["url"], wanted["content"], {"X-Asked": "yes"})
    return {name: answer[name] for name in ("statusCode", "content")} | {"reply": answer["headers"].get("X-Reply")}


@blueprint.orchestration_trigger(context_name="context")
def echoes(context: Context) -> Steps:
    """Hands its input to an activity, a sub-orchestration and its custom status."""
    value = context.get_input()
    of_activity = yield context.call_activity("same", value)
    of_child = yield context.call_sub_orchestrator("gives_input", value)
    context.set_custom_status({"input": value})
    return {"activity": of_activity, "child": of_child}


@blueprint.orchestration_trigger(context_name="context")
def gives_input(context: Context) -> Any:
    """An orchestrator that never yields."""
    return context.get_input()


@blueprint.orchestration_trigger(context_name="context")
def carries_much(context: Context) -> Steps:
    """A long text through an activity and back."""
    text = context.get_input()
    again = yield context.call_activity("same", text)
    return {"same": again == text, "text": again}


@blueprint.orchestration_trigger(context_name="context")
def reports_progress(context: Context) -> Steps:
    """A custom status for each step."""
    for done in range(3):
        context.set_custom_status({"done": done, "of": 3})
        yield context.call_activity("same", done)
    context.set_custom_status("all done: \u2713")
    return None


@blueprint.orchestration_trigger(context_name="context")
def makes_ids(context: Context) -> Steps:
    """Ids and time are the same in every replay."""
    before = [str(context.new_guid()), context.new_uuid(), context.current_utc_datetime.isoformat()]
    told = yield context.call_activity("same", before)
    return {"differ": before[0] != before[1], "as_told": told == before}
