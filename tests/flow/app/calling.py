# mypy: disallow-untyped-decorators=False
"""Orchestrators that call: activities and sub-orchestrations, one by one, at once, failing, tried again.

Invariant: each shows one thing, and its result says whether that thing happened.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any, Final, TypeAlias

from azure import durable_functions as df

Context: TypeAlias = df.DurableOrchestrationContext
Steps = Generator[Any, Any, Any]

TWO_ATTEMPTS: Final = df.RetryOptions(first_retry_interval_in_milliseconds=100, max_number_of_attempts=2)
THREE_ATTEMPTS: Final = df.RetryOptions(first_retry_interval_in_milliseconds=100, max_number_of_attempts=3)

blueprint = df.Blueprint()


@blueprint.orchestration_trigger(context_name="context")
def chain(context: Context) -> Steps:
    """Three activities, one after the other, each with the result of the one before."""
    one = yield context.call_activity("square", context.get_input())
    two = yield context.call_activity("square", one)
    three = yield context.call_activity("same", {"of": two})
    return [one, two, three]


@blueprint.orchestration_trigger(context_name="context")
def fan_out(context: Context) -> Steps:
    """An activity for each number, and the sum of what they give."""
    squares = yield context.task_all([context.call_activity("square", number) for number in context.get_input()])
    return {"squares": squares, "sum": sum(squares)}


@blueprint.orchestration_trigger(context_name="context")
def slowest_first(context: Context) -> Steps:
    """Results come in the order of the tasks, whichever ends first."""
    names = yield context.task_all([context.call_activity("slow", "slow"), context.call_activity("same", "quick")])
    return names


@blueprint.orchestration_trigger(context_name="context")
def first_of_two(context: Context) -> Steps:
    """What ends first wins; the other goes on, and is waited for at the end."""
    slow_one, quick_one = context.call_activity("slow", "slow"), context.call_activity("same", "quick")
    winner = yield context.task_any([slow_one, quick_one])
    return winner.result


@blueprint.orchestration_trigger(context_name="context")
def first_of_all(context: Context) -> Steps:
    """A compound in a compound: the group that is complete first wins, before its deadline."""
    group = [context.call_activity("same", 1), context.call_activity("same", 2)]
    both, deadline = context.task_all(group), context.create_timer(context.current_utc_datetime + timedelta(minutes=5))
    winner = yield context.task_any([both, deadline])
    if winner is both:
        deadline.cancel()
    return both.result


@blueprint.orchestration_trigger(context_name="context")
def all_of_nothing(context: Context) -> Steps:
    """Wait for no task at all."""
    results = yield context.task_all([])
    return {"results": results}


@blueprint.orchestration_trigger(context_name="context")
def fails_in_activity(context: Context) -> Steps:
    """An activity's failure that nobody catches."""
    context.set_custom_status("about to fail")
    yield context.call_activity("fail", context.get_input())


@blueprint.orchestration_trigger(context_name="context")
def fails_itself(context: Context) -> Steps:
    """An error of the orchestrator's own."""
    yield context.call_activity("same", None)
    raise KeyError("not found: \u00fc")


@blueprint.orchestration_trigger(context_name="context")
def compensates(context: Context) -> Steps:
    """A failure that is caught, and undone by another activity."""
    try:
        yield context.call_activity("fail", context.get_input())
    except Exception as error:
        undone = yield context.call_activity("same", "undone")
        return {"error": str(error).partition(" \n ")[0], "then": undone}


@blueprint.orchestration_trigger(context_name="context")
def one_of_three_fails(context: Context) -> Steps:
    """A fan-out of which one fails."""
    try:
        yield context.task_all([context.call_activity(name, "x") for name in ("same", "fail", "same")])
    except Exception as error:
        return str(error).partition(" \n ")[0]


@blueprint.orchestration_trigger(context_name="context")
def gives_a_set(context: Context) -> Steps:
    """A result that is not JSON."""
    yield context.call_activity("same", None)
    return {1, 2}


@blueprint.orchestration_trigger(context_name="context")
def activity_gives_a_set(context: Context) -> Steps:
    """An activity's result that is not JSON."""
    yield context.call_activity("give_a_set", None)


@blueprint.orchestration_trigger(context_name="context")
def retried(context: Context) -> Steps:
    """An activity that may fail twice."""
    plan = {"key": context.instance_id, "failures": context.get_input()}
    number = yield context.call_activity_with_retry("fail_at_first", THREE_ATTEMPTS, plan)
    return number


@blueprint.orchestration_trigger(context_name="context")
def retried_beside_another(context: Context) -> Steps:
    """A retry in a fan-out."""
    plan = {"key": context.instance_id, "failures": 1}
    tasks = [context.call_activity_with_retry("fail_at_first", TWO_ATTEMPTS, plan), context.call_activity("same", "x")]
    results = yield context.task_all(tasks)
    return results


@blueprint.orchestration_trigger(context_name="context")
def parent(context: Context) -> Steps:
    """One sub-orchestration after the other, the second under an id of its own."""
    one = yield context.call_sub_orchestrator("child", 2)
    two = yield context.call_sub_orchestrator("child", 3, f"{context.instance_id}-child")
    return [one, two]


@blueprint.orchestration_trigger(context_name="context")
def child(context: Context) -> Steps:
    """An activity, and whether somebody waits for it."""
    number = yield context.call_activity("square", context.get_input())
    return {"square": number, "has_parent": context.parent_instance_id is not None}


@blueprint.orchestration_trigger(context_name="context")
def parent_of_many(context: Context) -> Steps:
    """A fan-out of sub-orchestrations."""
    children = yield context.task_all([context.call_sub_orchestrator("child", number) for number in range(4)])
    return [one["square"] for one in children]


@blueprint.orchestration_trigger(context_name="context")
def parent_of_failing(context: Context) -> Steps:
    """A sub-orchestration's failure that nobody catches."""
    yield context.call_sub_orchestrator("fails_itself")


@blueprint.orchestration_trigger(context_name="context")
def parent_that_retries(context: Context) -> Steps:
    """A sub-orchestration that fails at first, and is tried again."""
    plan = {"key": context.instance_id, "failures": 1}
    number = yield context.call_sub_orchestrator_with_retry("child_that_fails_at_first", TWO_ATTEMPTS, plan)
    return number


@blueprint.orchestration_trigger(context_name="context")
def child_that_fails_at_first(context: Context) -> Steps:
    """Fails where its activity does."""
    number = yield context.call_activity("fail_at_first", context.get_input())
    return number


@blueprint.orchestration_trigger(context_name="context")
def parent_that_waits(context: Context) -> Steps:
    """A sub-orchestration that waits for an event."""
    got = yield context.call_sub_orchestrator("waits_for_go", None, f"{context.instance_id}-child")
    return {"child": got}
