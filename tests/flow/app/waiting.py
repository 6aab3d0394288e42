# mypy: disallow-untyped-decorators=False
"""Orchestrators that wait: for timers, for events, for a new generation, for a rewind.

Invariant: one that waits for a client says so in its custom status before.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any, TypeAlias

from azure import durable_functions as df

Context: TypeAlias = df.DurableOrchestrationContext
Steps = Generator[Any, Any, Any]

blueprint = df.Blueprint()


@blueprint.orchestration_trigger(context_name="context")
def waits_for_timer(context: Context) -> Steps:
    """A timer of two seconds. It may fire up to one second early, as in Azure, but never at once."""
    before = context.current_utc_datetime
    yield context.create_timer(before + timedelta(seconds=2))
    return context.current_utc_datetime > before + timedelta(seconds=0.9)


@blueprint.orchestration_trigger(context_name="context")
def waits_for_the_past(context: Context) -> Steps:
    """A timer that is due already."""
    yield context.create_timer(context.current_utc_datetime - timedelta(hours=1))
    return "fired"


@blueprint.orchestration_trigger(context_name="context")
def waits_for_days(context: Context) -> Steps:
    """A timer that is longer than what one timer of Azure Storage can be."""
    before = context.current_utc_datetime
    yield context.create_timer(before + timedelta(days=10))
    return (context.current_utc_datetime - before).days


@blueprint.orchestration_trigger(context_name="context")
def monitors(context: Context) -> Steps:
    """Looks again and again, with a pause in between, until what it looks at is ready."""
    for look in range(1, 10):
        context.set_custom_status({"look": look})
        is_ready = yield context.call_activity("same", look >= context.get_input())
        if is_ready:
            return look
        yield context.create_timer(context.current_utc_datetime + timedelta(seconds=1))
    return None


@blueprint.orchestration_trigger(context_name="context")
def waits_for_go(context: Context) -> Steps:
    """An event of one name."""
    context.set_custom_status("waiting")
    value = yield context.wait_for_external_event("go")
    context.set_custom_status({"got": value})
    return value


@blueprint.orchestration_trigger(context_name="context")
def waits_for_both(context: Context) -> Steps:
    """Two events, in whatever order they come."""
    context.set_custom_status("waiting")
    values = yield context.task_all([context.wait_for_external_event("left"), context.wait_for_external_event("right")])
    return values


@blueprint.orchestration_trigger(context_name="context")
def approval(context: Context) -> Steps:
    """Somebody decides within so many seconds, or it is escalated."""
    context.set_custom_status("waiting")
    deadline = context.create_timer(context.current_utc_datetime + timedelta(seconds=context.get_input()))
    decision = context.wait_for_external_event("decided")
    winner = yield context.task_any([decision, deadline])
    if winner is deadline:
        context.set_custom_status("escalated")
        return (yield context.call_activity("same", "escalated"))
    deadline.cancel()
    context.set_custom_status("decided")
    return {"decision": decision.result}


@blueprint.orchestration_trigger(context_name="context")
def gets_event_before_waiting(context: Context) -> Steps:
    """An event that comes while nobody waits for it."""
    context.set_custom_status("busy")
    yield context.wait_for_external_event("ready")
    value = yield context.wait_for_external_event("early")
    return value


@blueprint.orchestration_trigger(context_name="context")
def counts(context: Context) -> Steps:
    """Starts anew with the next number until it is 3."""
    number = context.get_input()
    context.set_custom_status(f"at {number}")
    yield context.call_activity("same", number)
    if number < 3:
        context.continue_as_new(number + 1)
        return None
    return number


@blueprint.orchestration_trigger(context_name="context")
def collects(context: Context) -> Steps:
    """Gathers three items, one in each generation."""
    items = context.get_input() or []
    context.set_custom_status({"has": len(items)})
    item = yield context.wait_for_external_event("item")
    items = [*items, item]
    if len(items) < 3:
        context.continue_as_new(items)
        return None
    return items


@blueprint.orchestration_trigger(context_name="context")
def fails_until_rewound(context: Context) -> Steps:
    """One activity that is done, and one that fails as often as the input says."""
    kept = yield context.call_activity("same", "kept")
    number = yield context.call_activity("fail_at_first", {"key": context.instance_id, "failures": context.get_input()})
    return [kept, number]


@blueprint.orchestration_trigger(context_name="context")
def parent_until_rewound(context: Context) -> Steps:
    """A sub-orchestration that fails until it is rewound."""
    got = yield context.call_sub_orchestrator("fails_until_rewound", 1, f"{context.instance_id}-child")
    return got
