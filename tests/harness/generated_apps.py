# mypy: disallow-untyped-decorators=False
"""Apps made of data: orchestrators with sub-orchestrations and entities, failures and effects, drawn by Hypothesis.

The subjects of the cross-check of pruned exploration against brute force where several instances are at work.
Invariant: an app is plain data, so that a failing one can be read and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
from azure.durable_functions import DurableOrchestrationContext as Context
from hypothesis import strategies as st

from durable_harness import Harness
from durable_harness.running.run_result import Run

__all__ = ["answer_app", "app_of", "apps", "effects_seen"]

Steps = list[Any]
"""Steps, each a tuple whose first member says what it is; ``all`` and ``any`` hold steps that are tasks."""

_task = st.one_of(
    st.tuples(st.just("act"), st.sampled_from(["ok", "ok", "ok", "fail"])),
    st.tuples(st.just("ask"), st.sampled_from("ab"), st.integers(1, 3)),
    st.tuples(st.just("sub"), st.integers(0, 1)),
    st.tuples(st.just("timer"), st.integers(1, 2)),
)
_step = st.one_of(
    st.tuples(st.sampled_from(["all", "all", "any", "one by one"]), st.lists(_task, min_size=1, max_size=3)),
    _task,
    st.tuples(st.just("tell"), st.sampled_from("ab"), st.integers(1, 3)),
    st.tuples(st.just("status"), st.integers(1, 3)),
    st.tuples(st.just("clock")),
    st.tuples(st.just("look back")),
)


def apps(*, most: int) -> st.SearchStrategy[list[Steps]]:
    """Apps of one root and two children, with at most so many tasks in a run."""
    child = st.lists(_step, min_size=1, max_size=2).map(lambda steps: [_leaf(step) for step in steps])
    root = st.lists(_step, min_size=1, max_size=3)
    return st.builds(lambda one, two, three: [one, two, three], root, child, child).filter(
        lambda app: 1 <= _size(app, app[0]) <= most
    )


def _leaf(step: Any) -> Any:
    """A step without sub-orchestrations: children have none."""
    if isinstance(step[1:] and step[1], list):
        return (step[0], [_leaf(task) for task in step[1]])
    return ("act", "ok") if step[0] == "sub" else step


def _size(app: list[Steps], steps: Steps) -> int:
    total = 0
    for step in steps:
        for task in step[1] if len(step) > 1 and isinstance(step[1], list) else [step]:
            if task[0] == "sub":
                total += 2 + _size(app, app[1 + task[1]])
            else:
                total += {"act": 1, "timer": 1, "ask": 2, "tell": 1}.get(task[0], 0)
    return total


def app_of(app: list[Steps]) -> df.DFApp:
    """The app that carries out these steps; its entities keep what they were told, in its order."""
    made = df.DFApp()
    for name, steps in zip(("root", "child0", "child1"), app, strict=True):
        made.orchestration_trigger(context_name="context")(_orchestrator(name, steps))

    @made.activity_trigger(input_name="what")
    def work(what: str) -> str:
        return what

    @made.entity_trigger(context_name="context")
    def note(context: df.DurableEntityContext) -> None:
        kept = context.get_state(list)
        kept.append(context.get_input())
        context.set_state(kept)
        context.set_result(kept)

    return made


def _orchestrator(name: str, steps: Steps) -> Callable[[Context], Any]:
    def code(context: Context) -> Generator[Any, Any, Any]:
        numbers = iter(range(1000))
        start = context.current_utc_datetime if any(_has_timer(step) for step in steps) else None
        seen: list[Any] = []
        tasks: list[Any] = []
        for step in steps:
            match step:
                case (("all" | "any") as how, children):
                    tasks = [_built(context, name, numbers, start, one) for one in children]
                    made = context.task_all(tasks) if how == "all" else context.task_any(tasks)
                    try:
                        value = yield made
                        seen.append(value if how == "all" else tasks.index(value))
                    except Exception as error:
                        seen.append(str(error).partition("\n")[0])
                case ("one by one", children):
                    left = [_built(context, name, numbers, start, one) for one in children]
                    while left:
                        first = yield context.task_any(left)
                        left.remove(first)
                        seen.append(str(first.result).partition("\n")[0])
                case ("tell", key, value):
                    context.signal_entity(df.EntityId("note", key), "add", f"{name}{value}")
                case ("status", value):
                    context.set_custom_status(f"{name} {value} {len(seen)}")
                case ("clock",):
                    seen.append(
                        str(context.current_utc_datetime - start) if start else context.current_utc_datetime.second
                    )
                case ("look back",):
                    seen.append([task.is_completed for task in tasks])
                case task:
                    try:
                        seen.append((yield _built(context, name, numbers, start, task)))
                    except Exception as error:
                        seen.append(str(error).partition("\n")[0])
        return seen

    code.__name__ = name
    return code


def _has_timer(step: Any) -> bool:
    tasks = step[1] if len(step) > 1 and isinstance(step[1], list) else [step]
    return any(task[0] == "timer" for task in tasks)


def _built(context: Context, name: str, numbers: Any, start: Any, task: Any) -> Any:
    number = next(numbers)
    match task:
        case ("act", how):
            return context.call_activity("work", f"{name} {number} {how}")
        case ("ask", key, value):
            return context.call_entity(df.EntityId("note", key), "add", f"{name}{value}?")
        case ("sub", which):
            return context.call_sub_orchestrator(f"child{which}", None, f"{name}-{number}")
        case ("timer", seconds):
            return context.create_timer(start + timedelta(seconds=seconds))
    raise ValueError(task)


def answer_app(harness: Harness) -> None:
    """Answer the one activity: it fails where its input says so."""

    def work(what: str) -> str:
        if what.endswith("fail"):
            raise ValueError(what)
        return what

    harness.answer("work", work)


def effects_seen(run: Run) -> str:
    """Everything that a test can see of a run, as text."""
    calls = [
        (
            one.name,
            one.input,
            one.attempt,
            one.runs,
            one.result,
            one.error,
            [one.ended_before(two) for two in run.calls],
        )
        for one in run.calls
    ]
    timers = [(timer.event_id, timer.has_fired) for timer in run.timers]
    children = [effects_seen(child) for child in run.sub_orchestrations]
    told = run.runtime_status, run.output, run.custom_statuses, run.executions, sorted(run.entities.items())
    return repr((told, calls, timers, children))
