# mypy: disallow-untyped-decorators=False
"""The orchestrations whose proofs are measured: many instances, failures, signals, faults, windows, loops.

Each exploration takes a size, and whether to prune.
Invariant: what each explores is what its name says, at the size that its goal names.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any, Final

import azure.durable_functions as df
from azure.durable_functions import DurableOrchestrationContext as Context

from durable_harness import Exploration, Harness

__all__ = ["EXPLORATIONS", "looks_at_four_in_the_end", "opens_after_four"]

Code = Generator[Any, Any, Any]
app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def child(context: Context) -> Code:
    """Four activities at once."""
    return (yield context.task_all([context.call_activity("work", number) for number in range(4)]))


@app.orchestration_trigger(context_name="context")
def parent(context: Context) -> Code:
    """So many children at once."""
    children = [context.call_sub_orchestrator("child", None, f"child-{n}") for n in range(context.get_input())]
    return (yield context.task_all(children))


@app.orchestration_trigger(context_name="context")
def fan_out_with_a_failure(context: Context) -> Code:
    """So many activities at once, one of which fails."""
    return (yield context.task_all([context.call_activity("fail_at_one", n) for n in range(context.get_input())]))


@app.orchestration_trigger(context_name="context")
def signals(context: Context) -> Code:
    """Two signals to one entity."""
    yield context.call_activity("work", 0)
    for number in (1, 2):
        context.signal_entity(df.EntityId("total", "k"), "add", number)
    return "sent"


@app.orchestration_trigger(context_name="context")
def senders(context: Context) -> Code:
    """So many orchestrations that signal."""
    return (
        yield context.task_all(
            [context.call_sub_orchestrator("signals", None, f"sender-{n}") for n in range(context.get_input())]
        )
    )


@app.orchestration_trigger(context_name="context")
def window(context: Context) -> Code:
    """So many activities, three in flight."""
    waiting = list(range(context.get_input()))
    flying: list[Any] = []
    while waiting or flying:
        while waiting and len(flying) < 3:
            flying.append(context.call_activity("work", waiting.pop(0)))
        first = yield context.task_any(flying)
        flying.remove(first)
    return "done"


@app.orchestration_trigger(context_name="context")
def one_by_one(context: Context) -> Code:
    """So many activities, taken in the order in which they end."""
    left = [context.call_activity("work", number) for number in range(context.get_input())]
    order = []
    while left:
        first = yield context.task_any(left)
        left.remove(first)
        order.append(first.result)
    return order


@app.orchestration_trigger(context_name="context")
def one_by_one_forgotten(context: Context) -> Code:
    """So many activities, taken in the order in which they end, of which nothing is kept."""
    left = [context.call_activity("work", number) for number in range(context.get_input())]
    while left:
        first = yield context.task_any(left)
        left.remove(first)
    return "done"


@app.entity_trigger(context_name="context")
def total(context: df.DurableEntityContext) -> None:
    """A number that only grows."""
    context.set_state(context.get_state(lambda: 0) + context.get_input())


@app.activity_trigger(input_name="number")
def work(number: int) -> int:
    """What it was given."""
    return number


@app.activity_trigger(input_name="number")
def fail_at_one(number: int) -> int:
    """What it was given, unless that is 1."""
    if number == 1:
        raise ValueError("sold out")
    return number


def opens_after_four(context: Context) -> Code:
    """Opens where the first four activities end in one order, of which the code keeps count."""
    left = [context.call_activity("work", number) for number in range(12)]
    right = 0
    for step in range(12):
        first = yield context.task_any(left)
        left.remove(first)
        if step == right and first.result == (7, 3, 10, 1, None)[right]:
            right += 1
    return "open" if right == 4 else "shut"


def looks_at_four_in_the_end(context: Context) -> Code:
    """Opens where four places in the order of ends are right, at which the code looks in the end only."""
    left = [context.call_activity("work", number) for number in range(12)]
    order = []
    while left:
        first = yield context.task_any(left)
        left.remove(first)
        order.append(first.result)
    return "open" if order[1] == 5 and order[4] == 0 and order[7] == 11 and order[9] == 2 else "shut"


def _explore(orchestrator: str, *, faults: int = 0, budget: int = 5_000) -> Callable[[int, bool], Exploration]:
    def explore(size: int, prune: bool) -> Exploration:
        harness = Harness(app)
        harness.use_app_activities()
        return harness.explore(orchestrator, size, faults=faults, prune=prune, budget=budget)

    return explore


EXPLORATIONS: Final[Mapping[str, tuple[int, int, Callable[[int, bool], Exploration]]]] = {
    "sub_orchestrations_x_4": (25, 2, _explore("parent")),
    "task_all_one_failing": (64, 4, _explore("fan_out_with_a_failure")),
    "task_all_4_one_failing": (4, 3, _explore("fan_out_with_a_failure")),
    "senders_to_one_entity": (2, 1, _explore("senders")),
    "sub_orchestrations_1_fault": (2, 1, _explore("parent", faults=1)),
    "window_of_3": (20, 4, _explore("window")),
    "task_any_orders": (6, 3, _explore("one_by_one")),
    "task_any_forgotten_6": (6, 3, _explore("one_by_one_forgotten")),
    "task_any_forgotten": (8, 3, _explore("one_by_one_forgotten", budget=20_000)),
}
"""By name: its size, a small size, and the exploration."""
