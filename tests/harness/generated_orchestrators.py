"""Orchestrators made of data: nested compounds, timers, events, retries and failures, drawn by Hypothesis.

The subjects of the cross-check of pruned exploration against brute force, and of live stepping against replay.
Invariant: a program is plain data, so that a failing one can be read and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
from azure.durable_functions.models.Task import TaskBase
from hypothesis import strategies as st

from durable_harness import Harness, in_turn, raised
from durable_harness.running.raised_events import Raised

__all__ = ["answer_all", "events_of", "orchestrator_of", "programs"]

Program = list[Any]
"""Steps, each ``(how, task)``; a task is ``(kind, ...)``, a compound of tasks ``("all" | "any", [...])``."""


def programs(*, most: int) -> st.SearchStrategy[Program]:
    """Programs of at most so many tasks that are not compounds."""
    return st.builds(
        _numbered, st.lists(st.tuples(st.sampled_from(["yield", "try"]), _tasks), min_size=1, max_size=3)
    ).filter(lambda program: 1 <= _size(program) <= most)


_simple = st.one_of(
    st.just(("act", "ok")),
    st.just(("act", "ok")),
    st.just(("act", "fail")),
    st.tuples(st.just("timer"), st.integers(1, 3)),
    st.just(("event",)),
    st.tuples(st.just("retry"), st.integers(0, 2)),
    st.just(("sub",)),
)
_tasks: st.SearchStrategy[Any] = st.recursive(
    _simple,
    lambda inner: st.tuples(st.sampled_from(["all", "any"]), st.lists(inner, min_size=1, max_size=3)),
    max_leaves=4,
)


def _numbered(program: Program) -> Program:
    """Give each task that is not a compound a number of its own."""
    numbers = iter(range(100))

    def numbered(task: Any) -> Any:
        if task[0] in ("all", "any"):
            return (task[0], [numbered(child) for child in task[1]])
        return (*task, next(numbers))

    return [(how, numbered(task)) for how, task in program]


def _size(program: Program) -> int:
    return sum(1 for _ in _simple_tasks(program))


def _simple_tasks(program: Program) -> Generator[Any, None, None]:
    def within(task: Any) -> Generator[Any, None, None]:
        if task[0] in ("all", "any"):
            for child in task[1]:
                yield from within(child)
        else:
            yield task

    for _, task in program:
        yield from within(task)


def orchestrator_of(program: Program) -> Callable[[Any], Any]:
    """The orchestrator that carries out a program, and says what each step gave."""

    def generated(context: df.DurableOrchestrationContext) -> Generator[Any, Any, list[Any]]:
        seen: list[Any] = []
        start = context.current_utc_datetime
        for how, task in program:
            built = _built(context, task, start)
            if how == "yield":
                seen.append(_told(task, built, (yield built)))
                continue
            try:
                seen.append(_told(task, built, (yield built)))
            except Exception as error:
                seen.append("caught " + str(error).partition("\n")[0])
        return seen

    return generated


def child(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Any]:
    """The sub-orchestration of generated programs."""
    return (yield context.call_activity(f"act{context.get_input()}", None))


def _built(context: df.DurableOrchestrationContext, task: Any, start: Any) -> Any:
    match task:
        case ("act", _, number):
            return context.call_activity(f"act{number}", None)
        case ("timer", seconds, _):
            return context.create_timer(start + timedelta(seconds=seconds))
        case ("event", number):
            return context.wait_for_external_event(f"event{number}")
        case ("retry", _, number):
            return context.call_activity_with_retry(f"act{number}", df.RetryOptions(1000, 2), None)
        case ("sub", number):
            return context.call_sub_orchestrator("child", number, f"child-{number}")
        case (kind, children):
            built = [_built(context, one, start) for one in children]
            return context.task_all(built) if kind == "all" else context.task_any(built)
    raise ValueError(task)


def _told(task: Any, built: Any, value: Any) -> Any:
    if isinstance(value, TaskBase):
        place = next((index for index, one in enumerate(built.children) if one is value), -1)
        return {"won by": place, "with": _plain(value.result)}
    return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, TaskBase):
        return {"task": _plain(value.result)}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return str(value).partition("\n")[0] if isinstance(value, Exception) else value


def answer_all(harness: Harness, program: Program) -> None:
    """Answer every activity of a program: a retried one fails as often as the program says."""
    for task in _simple_tasks(program):
        number = task[-1]
        error = ValueError(f"no {number}")
        match task:
            case ("act", "fail", _):
                harness.answer(f"act{number}", error)
            case ("retry", times, _):
                harness.answer(f"act{number}", in_turn(*[error] * times, f"r{number}"))
            case _:
                harness.answer(f"act{number}", f"r{number}")


def events_of(program: Program) -> list[Raised]:
    """The events that a program waits for."""
    return [raised(f"event{task[-1]}", task[-1]) for task in _simple_tasks(program) if task[0] == "event"]
