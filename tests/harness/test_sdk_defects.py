"""The SDK's known defects: today's behaviour pinned, and a warning that names the defect and the safe shape."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import pytest
from azure.durable_functions import DurableOrchestrationContext as Context

from durable_harness import Harness, SdkDefectWarning, in_turn
from durable_harness.core.errors import DivergenceError

Code = Generator[Any, Any, Any]
HarnessFor = Callable[..., Harness]


def work(context: Context, value: object) -> Any:
    return context.call_activity("work", value)


def fails_on(*numbers: int) -> Callable[[int], int]:
    def answer(number: int) -> int:
        if number in numbers:
            raise ValueError(f"no {number}")
        return number

    return answer


def fan_out_with_timeout(context: Context) -> Code:
    timer = context.create_timer(context.current_utc_datetime + timedelta(seconds=30))
    both = context.task_all([work(context, 1), work(context, 2)])
    winner = yield context.task_any([both, timer])
    if winner is not timer:
        timer.cancel()
    yield work(context, 3)
    return "timer" if winner is timer else "done"


def test_a_failure_before_the_last_success_in_a_nested_task_all_ends_the_orchestration(harness_for: HarnessFor) -> None:
    harness = harness_for(fan_out_with_timeout)
    harness.answer("work", fails_on(1))

    with pytest.warns(SdkDefectWarning, match=r"nested_compound: .*return errors as values"):
        run = harness.run(fan_out_with_timeout)

    assert run.runtime_status == "Failed"
    assert str(run.error).startswith("Non-Deterministic workflow detected: ")


def test_the_same_failure_after_the_last_success_does_not(harness_for: HarnessFor) -> None:
    harness = harness_for(fan_out_with_timeout)
    harness.answer("work", fails_on(2))

    run = harness.run(fan_out_with_timeout)

    assert run.output == "done"


def test_exploring_it_finds_both_outcomes(harness_for: HarnessFor) -> None:
    harness = harness_for(fan_out_with_timeout)
    harness.answer("work", fails_on(1))

    with pytest.warns(SdkDefectWarning, match="nested_compound"), pytest.warns(SdkDefectWarning, match="open_timer"):
        found = harness.explore(fan_out_with_timeout)

    assert found.is_exhausted
    assert {outcome.runtime_status for outcome in found.outcomes} == {"Completed", "Failed"}


def yields_a_failed_task_all_again(context: Context) -> Code:
    both = context.task_all([work(context, 1), work(context, 2)])
    try:
        yield both
    except Exception:
        yield work(context, 3)
    results = yield both
    return [str(result).partition("\n")[0].strip() for result in results]


def test_a_failed_task_all_turns_succeeded_when_its_last_child_does(harness_for: HarnessFor) -> None:
    harness = harness_for(yields_a_failed_task_all_again)
    harness.answer("work", fails_on(1))

    with pytest.warns(SdkDefectWarning, match="failed_turned_succeeded: .*Never look at a task_all again"):
        run = harness.run(yields_a_failed_task_all_again)

    assert run.output == ["Activity function 'work' failed: ValueError: no 1", "2"]


def starts_work_while_a_retry_is_pending(context: Context) -> Code:
    options = df.RetryOptions(first_retry_interval_in_milliseconds=300, max_number_of_attempts=2)
    try:
        yield context.task_all([work(context, 1), context.call_activity_with_retry("flaky", options, None)])
    except Exception:
        context.set_custom_status("failed")
    return (yield context.call_activity("cleanup", None))


def _drifting(harness: Harness) -> None:
    harness.answer("work", fails_on(1))
    harness.answer("flaky", in_turn(RuntimeError("1st"), "2nd"))
    harness.answer("cleanup", "cleaned")


def test_new_work_while_a_retry_is_pending_makes_sdk_and_host_part(harness_for: HarnessFor) -> None:
    harness = harness_for(starts_work_while_a_retry_is_pending)
    _drifting(harness)

    with pytest.raises(DivergenceError, match="given the same id to different things") as caught:
        harness.run(starts_work_while_a_retry_is_pending)

    lines = [line.split("  ") for line in str(caught.value).splitlines() if line.strip().startswith("2 ")]
    assert [part.strip() for part in lines[0] if part.strip()] == ["2", "activity cleanup", "timer"]
    assert "wait for every task before new work is scheduled" in str(caught.value)


def test_as_in_azure_the_wrong_result_is_what_the_orchestrator_gets(harness_for: HarnessFor) -> None:
    harness = harness_for(starts_work_while_a_retry_is_pending, faithful=True)
    _drifting(harness)

    run = harness.run(starts_work_while_a_retry_is_pending)

    assert (run.runtime_status, run.output) == ("Completed", None)
    assert run.calls_of("cleanup")[0].result == "cleaned"


def waits_twice(context: Context) -> Code:
    yield work(context, 0)
    first = yield context.wait_for_external_event("go")
    second = yield context.wait_for_external_event("go")
    return [first, second]


def _stepped_with_events(harness: Harness, *values: int) -> Any:
    instance = harness.start(waits_twice)
    for value in values:
        instance.raise_event("go", value, by="http")
    instance.complete("work")
    return instance.result


def test_of_two_early_events_the_first_is_lost_and_the_second_doubled(harness_for: HarnessFor) -> None:
    with pytest.warns(SdkDefectWarning, match="doubled_event: .*Give each event a name of its own"):
        run = _stepped_with_events(harness_for(waits_twice), 1, 2)

    assert run.output == [2, 2]


def test_one_early_event_satisfies_every_wait_of_the_sdk(harness_for: HarnessFor) -> None:
    with pytest.warns(SdkDefectWarning, match="doubled_event: .*Give each event a name of its own"):
        run = _stepped_with_events(harness_for(waits_twice), 1)

    # The SDK has ended; the host still waits for the second event, and the instance stays Running.
    assert run.runtime_status == "Running"


def yields_done_tasks(context: Context) -> Code:
    tasks = [work(context, number) for number in range(context.get_input())]
    yield context.task_all(tasks)
    total = 0
    for task in tasks:
        total += yield task
    return total


def test_a_thousand_done_tasks_yielded_in_a_row_are_too_deep(harness_for: HarnessFor) -> None:
    harness = harness_for(yields_done_tasks)
    harness.answer("work", 1)

    with pytest.warns(SdkDefectWarning, match="recursion: .*Take their results from task_all"):
        run = harness.run(yields_done_tasks, 1000)

    assert run.runtime_status == "Failed"


def test_a_hundred_done_tasks_yielded_in_a_row_are_not(harness_for: HarnessFor) -> None:
    harness = harness_for(yields_done_tasks)
    harness.answer("work", 1)

    assert harness.run(yields_done_tasks, 100).output == 100


def puts_tasks_into_two_compounds(context: Context) -> Code:
    tasks = [work(context, 1), work(context, 2)]
    first = context.task_any(tasks)
    context.task_all(tasks)
    yield first
    return "never"


def test_of_two_compounds_with_the_same_tasks_the_first_never_completes(harness_for: HarnessFor) -> None:
    harness = harness_for(puts_tasks_into_two_compounds)
    harness.answer("work", 1)

    instance = harness.start(puts_tasks_into_two_compounds)
    instance.finish()
    with pytest.warns(SdkDefectWarning, match="task_in_two_compounds: .*Put each task into one compound"):
        run = instance.result

    assert run.runtime_status == "Running"
    assert instance.pending.lines == []


def waits_for_no_tasks(context: Context) -> Code:
    results = yield context.task_all([])
    return {"results": results}


def test_task_all_of_nothing_gives_none(harness_for: HarnessFor) -> None:
    with pytest.warns(SdkDefectWarning, match="empty_task_all: .*Ask whether there are tasks"):
        run = harness_for(waits_for_no_tasks).run(waits_for_no_tasks)

    assert run.output == {"results": None}


def clears_its_status(context: Context) -> Code:
    context.set_custom_status("busy")
    yield work(context, 1)
    context.set_custom_status("")
    yield work(context, 2)
    return None


def test_a_falsy_custom_status_is_none_at_all(harness_for: HarnessFor) -> None:
    harness = harness_for(clears_its_status)
    harness.answer("work", 1)

    with pytest.warns(SdkDefectWarning, match="falsy_custom_status"):
        run = harness.run(clears_its_status)

    assert run.custom_statuses == ("busy", None, None)


def signals_after_continue_as_new(context: Context) -> Code:
    if context.get_input() == 2:
        return "end"
    context.continue_as_new(2)
    context.signal_entity(df.EntityId("counter", "k"), "add", 1)
    yield work(context, 1)
    return None


def test_what_is_asked_for_after_continue_as_new_is_dropped(harness_for: HarnessFor) -> None:
    harness = harness_for(signals_after_continue_as_new)

    with pytest.warns(SdkDefectWarning, match="after_continue_as_new: .*Return right after continue_as_new"):
        run = harness.run(signals_after_continue_as_new, 1)

    assert run.output == "end"
    assert run.calls == ()


def catches_a_value_error(context: Context) -> Code:
    try:
        yield work(context, 1)
    except ValueError:
        return "as raised"
    except Exception as error:
        return type(error).__name__


def test_the_type_of_an_activitys_exception_is_lost(harness_for: HarnessFor) -> None:
    harness = harness_for(catches_a_value_error)
    harness.answer("work", ValueError("boom"))

    assert harness.run(catches_a_value_error).output == "Exception"


def looks_at_a_failed_winner(context: Context) -> Code:
    winner = yield context.task_any([work(context, 1), work(context, 2)])
    return [winner.state.name, type(winner.result).__name__]


def test_task_any_does_not_raise_when_its_winner_has_failed(harness_for: HarnessFor) -> None:
    harness = harness_for(looks_at_a_failed_winner)
    harness.answer("work", fails_on(1))

    assert harness.run(looks_at_a_failed_winner).output == ["FAILED", "Exception"]


def goes_on_after_a_failed_task_all(context: Context) -> Code:
    try:
        yield context.task_all([work(context, 1), context.call_activity("slow", None)])
    except Exception:
        context.set_custom_status("failed")
    return (yield work(context, 2))


def test_the_host_waits_for_every_child_of_a_failed_task_all_before_it_goes_on(harness_for: HarnessFor) -> None:
    harness = harness_for(goes_on_after_a_failed_task_all)
    harness.answer("work", fails_on(1))
    harness.answer("slow", None, after=timedelta(hours=1))

    run = harness.run(goes_on_after_a_failed_task_all)

    assert run.output == 2
    assert run.calls[-1].scheduled_at - run.started_at == timedelta(hours=1)


def cleans_up_with_a_yield(context: Context) -> Code:
    try:
        yield work(context, 1)
    finally:
        yield work(context, 2)


def test_a_yield_in_finally_is_reached_whenever_the_orchestration_is_suspended(harness_for: HarnessFor) -> None:
    harness = harness_for(cleans_up_with_a_yield)
    harness.answer("work", 1)

    with pytest.warns(SdkDefectWarning, match=r"yield_at_suspension: .*\n.*'generator ignored GeneratorExit'"):
        run = harness.run(cleans_up_with_a_yield)

    assert run.runtime_status == "Completed"


def waits_for_exact_case(context: Context) -> Code:
    return (yield context.wait_for_external_event("Approved"))


def test_an_event_of_another_case_wakes_the_host_and_not_the_sdk(harness_for: HarnessFor) -> None:
    instance = harness_for(waits_for_exact_case).start(waits_for_exact_case)

    instance.raise_event("approved", 1, by="http")
    instance.raise_event("Approved", 2, by="http")

    assert instance.output == 2
    assert [event.name for event in instance.result.history if event.kind == "EventRaised"] == ["approved", "Approved"]  # type: ignore[attr-defined]  # EventRaised has a name
