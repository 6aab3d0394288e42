"""Code that looks right and does something else in Azure: each a finding that names cause and safe shape."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import timedelta, timezone
from typing import Any

import azure.durable_functions as df
import pytest
from azure.durable_functions import DurableOrchestrationContext as Context

from durable_harness import Harness, MisuseError, SdkDefectWarning, StuckError, http_response, raised

Code = Generator[Any, Any, Any]
HarnessFor = Callable[..., Harness]


def due_in_another_zone(context: Context) -> Code:
    due = (context.current_utc_datetime + timedelta(minutes=5)).astimezone(timezone(timedelta(hours=2)))
    yield context.create_timer(due)


def test_a_timer_due_in_another_zone_fires_hours_late(harness_for: HarnessFor) -> None:
    harness = harness_for(due_in_another_zone)

    with pytest.warns(SdkDefectWarning, match=r"timer_zone: .*02:00, in a zone other than UTC.*timezone.utc"):
        run = harness.run(due_in_another_zone)

    assert run.elapsed == timedelta(hours=2, minutes=5)


def two_waits(context: Context) -> Code:
    first, second = context.wait_for_external_event("go"), context.wait_for_external_event("go")
    yield context.task_all([first, second])
    return [first.result, second.result]


def test_of_two_open_waits_the_last_is_served_first(harness_for: HarnessFor) -> None:
    harness = harness_for(two_waits)

    with pytest.warns(SdkDefectWarning, match="two_waits: .*two open waits for the event 'go'"):
        run = harness.run(two_waits, events=[raised("go", 1, after=1, by="http"), raised("go", 2, after=2, by="http")])

    assert run.output == [2, 1]


def polls(context: Context) -> Code:
    for _ in range(2):
        timer = context.create_timer(context.current_utc_datetime + timedelta(seconds=9))
        event = context.wait_for_external_event("go")
        if (yield context.task_any([event, timer])) is event:
            timer.cancel()
            return event.result
    return None


def test_a_wait_that_has_lost_its_race_is_not_open_any_more(harness_for: HarnessFor) -> None:
    run = harness_for(polls).run(polls, events=[raised("go", 1, after=12, by="http")])

    assert run.output == 1
    assert run.findings == ()


def works_then_waits(context: Context) -> Code:
    if context.get_input() is None:
        yield context.call_activity("work")
        context.continue_as_new("again")
        return None
    return (yield context.wait_for_external_event("item"))


def test_an_early_event_is_dropped_at_continue_as_new_and_a_stuck_run_says_so(harness_for: HarnessFor) -> None:
    harness = harness_for(works_then_waits)
    harness.answer("work", None, after=5)

    with pytest.raises(StuckError, match="the event 'item' came early") as caught:
        harness.run(works_then_waits, events=[raised("item", after=1)])

    assert caught.value.waits_for == ("the event 'item'",)
    assert "continue_as_new drops it" in str(caught.value)
    assert not hasattr(caught.value, "__notes__")
    assert "task_any" not in str(caught.value)


def collects(context: Context) -> Code:
    seen = [*(context.get_input() or []), (yield context.wait_for_external_event("item"))]
    if len(seen) == 2:
        return seen
    context.continue_as_new(seen)
    return None


def test_events_that_are_taken_before_continue_as_new_are_not_dropped(harness_for: HarnessFor) -> None:
    run = harness_for(collects).run(collects, events=[raised("item", 1, after=1), raised("item", 2, after=2)])

    assert run.output == ["1", "2"]
    assert run.findings == ()


def yields_a_signal(context: Context) -> Code:
    yield context.signal_entity(df.EntityId("counter", "k"), "add", 1)


def test_a_yielded_signal_is_refused_at_its_line(harness_for: HarnessFor) -> None:
    with pytest.raises(MisuseError, match=r"(?s)yields a signal at .*without `yield`") as caught:
        harness_for(yields_a_signal).run(yields_a_signal)

    assert caught.value.code == "signal_yielded"


def starts_two_under_one_id(context: Context) -> Code:
    return (yield context.task_all([context.call_sub_orchestrator("child", number, "same") for number in (1, 2)]))


def child(context: Context) -> Code:
    return (yield context.call_activity("work", context.get_input()))


def starts_one_after_the_other(context: Context) -> Code:
    first = yield context.call_sub_orchestrator("child", 1, "same")
    return [first, (yield context.call_sub_orchestrator("child", 2, "same"))]


def test_two_sub_orchestrations_under_one_id_are_one(harness_for: HarnessFor) -> None:
    harness = harness_for([starts_two_under_one_id, child])
    harness.answer("work", 7)

    with pytest.raises(StuckError, match=r"under the id 'same' at the same time.*Give each an id of its own"):
        harness.run(starts_two_under_one_id)


def test_an_id_may_be_used_again_when_the_first_has_ended(harness_for: HarnessFor) -> None:
    harness = harness_for([starts_one_after_the_other, child])
    harness.answer("work", 7)

    run = harness.run(starts_one_after_the_other)

    assert run.output == [7, 7]
    assert run.findings == ()


def slides(context: Context) -> Code:
    """Two in flight, of four."""
    left, results = [1, 2, 3, 4], []
    window = [context.call_activity("work", left.pop(0)) for _ in range(2)]
    while window:
        done = yield context.task_any(window)
        window.remove(done)
        results.append(done.result)
        if left:
            window.append(context.call_activity("work", left.pop(0)))
    return sorted(results)


def test_a_sliding_window_is_worked_off_one_by_one(harness_for: HarnessFor) -> None:
    harness = harness_for(slides)
    harness.answer("work", lambda number: number)
    instance = harness.start(slides)

    instance.finish(instance.pending.calls[0])
    instance.finish(instance.pending.calls[0])
    running = [call.input for call in instance.pending.calls]

    assert running == [3]
    with pytest.warns(SdkDefectWarning, match=r"sliding_window: .*CallActivity 'work', and the host does not start it"):
        assert instance.run().output == [1, 2, 3, 4]


def leaves_a_timer_open(context: Context) -> Code:
    timer = context.create_timer(context.current_utc_datetime + timedelta(days=5))
    event = context.wait_for_external_event("go")
    yield context.task_any([event, timer])
    return "done"


def test_a_timer_that_lost_its_race_keeps_the_instance_running(harness_for: HarnessFor) -> None:
    harness = harness_for(leaves_a_timer_open)

    with pytest.warns(SdkDefectWarning, match=r"open_timer: .*due at 2026-01-06 .*timer.cancel\(\)"):
        run = harness.run(leaves_a_timer_open, events=[raised("go", after=1)])

    assert run.elapsed == timedelta(days=5)


def asks_and_leaves(context: Context) -> Code:
    response = yield context.call_http("POST", "https://example.org/jobs")
    return response["statusCode"]


def test_a_202_that_nobody_polls_is_found(harness_for: HarnessFor) -> None:
    harness = harness_for(asks_and_leaves)
    harness.answer_http("POST", "*", http_response(202, headers={"Location": "https://example.org/jobs/1"}))

    with pytest.warns(SdkDefectWarning, match="accepted_http: .*https://example.org/jobs was answered 202"):
        run = harness.run(asks_and_leaves)

    assert run.output == 202


@pytest.mark.parametrize("faults", [0, 1])
def test_explore_warns_of_what_run_warns_of(harness_for: HarnessFor, faults: int) -> None:
    harness = harness_for(two_waits)

    with pytest.warns(SdkDefectWarning, match="two_waits"):
        harness.explore(two_waits, events=[raised("go", 1), raised("go", 2)], faults=faults, budget=20)


def goes_on_with_a_yield(context: Context) -> Code:
    number = context.get_input() or 0
    yield context.call_activity("work")
    if number < 2:
        yield context.continue_as_new(number + 1)
    return number


def test_continue_as_new_may_be_yielded(harness_for: HarnessFor) -> None:
    harness = harness_for(goes_on_with_a_yield)
    harness.answer("work", None)

    run = harness.run(goes_on_with_a_yield)

    assert (run.output, run.executions) == (2, 3)


def asks_an_entity_and_goes_on(context: Context) -> Code:
    number = context.get_input() or 0
    yield context.call_entity(df.EntityId("level", "a"), "get")
    if number == 2:
        return number
    context.continue_as_new(number + 1)
    return None


def test_the_answer_of_an_entity_is_no_event_that_continue_as_new_drops(harness_for: HarnessFor) -> None:
    harness = harness_for(asks_an_entity_and_goes_on)
    harness.answer_entity("level", "get", 7)

    run = harness.run(asks_an_entity_and_goes_on)

    assert (run.output, run.executions, run.findings) == (2, 3, ())
