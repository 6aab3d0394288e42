"""The timeline of a run: every execution of it, with the inputs of its calls and the custom statuses it left."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any

from azure.durable_functions import DurableOrchestrationContext as Context

from durable_harness import Harness, Run

Code = Generator[Any, Any, Any]
HarnessFor = Callable[..., Harness]


def polls(context: Context) -> Code:
    """Polls once an hour, each time in a new execution, up to four times."""
    number = context.get_input() or 0
    context.set_custom_status(f"poll {number}")
    yield context.call_activity("poll", f"number {number}")
    yield context.call_sub_orchestrator("reports", number)
    if number == 3:
        return "done"
    yield context.create_timer(context.current_utc_datetime + timedelta(hours=1))
    context.continue_as_new(number + 1)
    return None


def reports(context: Context) -> Code:
    return (yield context.call_activity("report", context.get_input()))


def hurries(context: Context) -> Code:
    """Goes through three executions in one episode."""
    number = context.get_input() or 0
    if number < 3:
        context.continue_as_new(number + 1)
        return None
    return (yield context.call_activity("poll", number))


def polled(harness_for: HarnessFor) -> Run:
    harness = harness_for([polls, reports])
    harness.answer("poll", None)
    harness.answer("report", None)
    return harness.run(polls)


def test_a_timeline_shows_all_executions_each_with_its_inputs_and_statuses(harness_for: HarnessFor) -> None:
    run = polled(harness_for)

    text = run.timeline().text(width=140)

    executions = re.split(r"\n\n(?=execution )", text)
    assert [one.splitlines()[0] for one in executions] == [
        "execution 1 of 4",
        "execution 2 of 4, begun after 1 h",
        "execution 3 of 4, begun after 2 h",
        "execution 4 of 4, begun after 3 h",
    ]
    for number, one in enumerate(executions):
        assert f'status "poll {number}"' in one
    assert [one.splitlines()[1].partition(": ")[2] for one in executions] == [
        *["ContinuedAsNew after 1 h"] * 3,
        "Completed without any time passing",
    ]


def test_the_page_of_a_run_has_a_drawing_and_a_table_of_each_execution(harness_for: HarnessFor) -> None:
    run = polled(harness_for)

    html = run.timeline().html()

    assert re.findall(r"<h2>(Execution \d of 4)", html) == [f"Execution {number} of 4" for number in (1, 2, 3, 4)]
    assert html.count("<svg xmlns") == 4
    for number in range(4):
        assert f"number {number}" in html


def test_a_run_holds_calls_children_and_timers_of_all_executions(harness_for: HarnessFor) -> None:
    run = polled(harness_for)

    assert [call.execution for call in run.calls] == [1, 2, 3, 4]
    assert [child.input for child in run.sub_orchestrations] == [0, 1, 2, 3]
    assert [timer.has_fired for timer in run.timers] == [True, True, True]
    assert len(run.earlier) == 3


def test_executions_that_begin_and_end_in_one_episode_count_too(harness_for: HarnessFor) -> None:
    harness = harness_for(hurries)
    harness.answer("poll", "polled")

    run = harness.run(hurries)

    assert run.executions == 4
    assert str(run.timeline()).count("ContinuedAsNew without any time passing") == 3
