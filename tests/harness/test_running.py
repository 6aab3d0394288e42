"""Running an orchestration to its end, with answers by name."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.durable_functions as df
import pytest
from azure.durable_functions import DurableOrchestrationContext as Context

from durable_harness import Harness, app_activity, http_response, in_turn, raised
from durable_harness.core.errors import AnswersUsedUpError, RunawayError, StuckError, UnansweredError, UnknownNameError

URLS = ["https://learn.microsoft.com/a", "https://learn.microsoft.com/b", "https://learn.microsoft.com/c"]
TITLES = dict(zip(URLS, "ABC", strict=True))

Code = Generator[Any, Any, Any]
HarnessFor = Callable[..., Harness]


def one_call(context: Context) -> Code:
    return (yield context.call_activity("work", context.get_input()))


def retried(context: Context) -> Code:
    options = df.RetryOptions(first_retry_interval_in_milliseconds=60_000, max_number_of_attempts=3)
    return (yield context.call_activity_with_retry("work", options, "x"))


def waits_an_hour(context: Context) -> Code:
    yield context.create_timer(context.current_utc_datetime + timedelta(hours=1))
    return context.current_utc_datetime.isoformat()


def approval(context: Context) -> Code:
    timer = context.create_timer(context.current_utc_datetime + timedelta(days=2))
    event = context.wait_for_external_event("approved")
    winner = yield context.task_any([event, timer])
    if winner is event:
        timer.cancel()
        return {"approved": event.result}
    return "too late"


def parent(context: Context) -> Code:
    one = yield context.call_sub_orchestrator("one_call", "a")
    two = yield context.call_sub_orchestrator("one_call", "b", "child-b")
    return [one, two]


def calls_http(context: Context) -> Code:
    response = yield context.call_http("GET", "https://example.org/x")
    return response


def counts_to(context: Context) -> Code:
    number = context.get_input()
    context.set_custom_status(f"at {number}")
    yield context.call_activity("work", number)
    if number < 3:
        context.continue_as_new(number + 1)
        return None
    return number


def never_ends(context: Context) -> Code:
    yield context.create_timer(context.current_utc_datetime + timedelta(minutes=1))
    context.continue_as_new(None)


def uses_counter(context: Context) -> Code:
    entity = df.EntityId("counter", "k")
    context.signal_entity(entity, "add", 2)
    return (yield context.call_entity(entity, "get"))


def test_titles_are_joined_in_url_order(harness: Harness) -> None:
    harness.answer("fetch_title", lambda url: {"title": TITLES[url]})

    run = harness.run("fetch_orchestration", URLS)

    assert run.output == "A; B; C"
    assert run.inputs_of("fetch_title") == URLS
    assert run.runtime_status == "Completed"
    assert run.error is None


def test_an_answer_may_be_a_value(harness_for: HarnessFor) -> None:
    harness = harness_for(one_call)
    harness.answer("work", {"n": [1, None]})

    assert harness.run(one_call, "in").output == {"n": [1, None]}


def test_an_answer_that_raises_fails_the_call_with_the_text_of_the_real_host(harness_for: HarnessFor) -> None:
    harness = harness_for(one_call)
    harness.answer("work", ValueError("boom"))

    run = harness.run(one_call)

    assert run.runtime_status == "Failed"
    assert str(run.error).startswith(
        "Orchestrator function 'one_call' failed: Activity function 'work' failed: ValueError: boom \n {"
    )
    assert run.output == run.error
    assert run.calls_of("work")[0].error == "ValueError: boom"


def test_answers_in_turn_go_to_one_attempt_each_and_time_jumps_over_the_waits(harness_for: HarnessFor) -> None:
    harness = harness_for(retried)
    harness.answer("work", in_turn(RuntimeError("1st"), RuntimeError("2nd"), "third"))

    run = harness.run(retried)

    assert run.output == "third"
    assert [call.attempt for call in run.calls_of("work")] == [1, 2, 3]
    assert [call.error for call in run.calls] == ["RuntimeError: 1st", "RuntimeError: 2nd", None]
    assert run.elapsed == timedelta(minutes=2)
    assert [timer.has_fired for timer in run.timers] == [True, True]


def test_a_call_too_many_for_the_answers_in_turn_is_an_error(harness_for: HarnessFor) -> None:
    harness = harness_for(retried)
    harness.answer("work", in_turn(RuntimeError("1st"), RuntimeError("2nd")))

    with pytest.raises(AnswersUsedUpError, match=r"'work' is called for the 3\. time"):
        harness.run(retried)


def test_an_answer_takes_the_time_that_it_is_given(harness_for: HarnessFor) -> None:
    harness = harness_for(one_call)
    harness.answer("work", 1, after=timedelta(minutes=5))

    run = harness.run(one_call)

    assert run.elapsed == timedelta(minutes=5)
    assert run.calls[0].done_at == run.calls[0].scheduled_at + timedelta(minutes=5)


def test_a_timer_of_an_hour_takes_no_time(harness_for: HarnessFor) -> None:
    run = harness_for(waits_an_hour).run(waits_an_hour)

    assert run.output == "2026-01-01T01:00:00+00:00"
    assert run.elapsed == timedelta(hours=1)


def test_a_timer_of_ten_days_is_made_of_legs_that_storage_can_hold(harness_for: HarnessFor) -> None:
    def waits_ten_days(context: Context) -> Code:
        yield context.create_timer(context.current_utc_datetime + timedelta(days=10))
        return context.current_utc_datetime.isoformat()

    run = harness_for(waits_ten_days).run("waits_ten_days")

    assert run.output == "2026-01-11T00:00:00+00:00"
    assert [timer.fire_at.day for timer in run.timers] == [4, 7, 11]


def test_a_test_may_begin_at_any_moment(harness_for: HarnessFor) -> None:
    run = harness_for(waits_an_hour, start_at=datetime(2031, 5, 6, 23, 30, tzinfo=UTC)).run("waits_an_hour")

    assert run.output == "2031-05-07T00:30:00+00:00"


def test_the_apps_own_activity_answers_where_it_is_asked_to(harness: Harness) -> None:
    harness.answer("fetch_title", app_activity)

    run = harness.run("fetch_orchestration", ["https://not.allowed.example/x"])

    assert run.calls[0].result["code"] == "host_not_allowed"


def test_what_nobody_answers_is_an_error_that_lists_the_calls(harness: Harness) -> None:
    with pytest.raises(UnansweredError, match=r"harness\.answer\('fetch_title', \.\.\.\)") as caught:
        harness.run("fetch_orchestration", URLS)

    assert caught.value.calls == tuple(("fetch_title", url) for url in URLS)


def test_an_answer_for_a_function_that_the_app_does_not_have_is_refused(harness: Harness) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'fetch_title'"):
        harness.answer("fetch_titel", 1)


def test_an_orchestrator_that_the_app_does_not_have_is_refused(harness: Harness) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'fetch_orchestration'"):
        harness.run("fetch_orchestrations")


def test_an_event_comes_when_nothing_else_is_left_to_happen(harness_for: HarnessFor) -> None:
    run = harness_for(approval).run(approval, events=[raised("approved", {"by": "me"}, by="http")])

    assert run.output == {"approved": {"by": "me"}}
    assert run.elapsed == timedelta(0)


def test_an_event_that_comes_later_than_a_timer_comes_too_late(harness_for: HarnessFor) -> None:
    run = harness_for(approval).run(approval, events=[raised("approved", after=timedelta(days=3))])

    assert run.output == "too late"


def test_an_orchestration_to_which_nothing_can_happen_is_an_error_that_says_what_it_waits_for(
    harness_for: HarnessFor,
) -> None:
    def waits_for_event(context: Context) -> Code:
        yield context.wait_for_external_event("Approved")

    with pytest.raises(StuckError, match="the event 'Approved'") as caught:
        harness_for(waits_for_event).run("waits_for_event", events=[raised("approved")])

    assert "tells names apart by their case" in str(caught.value)


def test_sub_orchestrations_run_too(harness_for: HarnessFor) -> None:
    harness = harness_for([parent, one_call])
    harness.answer("work", str.upper)

    run = harness.run(parent)

    assert run.output == ["A", "B"]
    assert [child.output for child in run.sub_orchestrations] == ["A", "B"]
    assert run.sub_orchestrations[1].instance_id == "child-b"


def test_a_sub_orchestration_may_be_answered_by_name(harness_for: HarnessFor) -> None:
    harness = harness_for([parent, one_call])
    harness.answer("one_call", in_turn("first", KeyError("second")))

    run = harness.run(parent)

    assert "Orchestrator function 'one_call' failed: 'second'" in str(run.error)
    assert run.inputs_of("one_call") == ["a", "b"]
    assert run.sub_orchestrations == ()


def test_an_http_call_is_answered_by_method_and_url(harness_for: HarnessFor) -> None:
    harness = harness_for(calls_http)
    harness.answer_http("GET", "https://example.org/x", http_response(404, "gone", {"X": "1"}))

    run = harness.run(calls_http)

    assert run.output == {"statusCode": 404, "headers": {"X": "1"}, "content": "gone"}


def test_an_http_call_that_nobody_answers_is_an_error(harness_for: HarnessFor) -> None:
    with pytest.raises(UnansweredError, match=r"https://example\.org/x"):
        harness_for(calls_http).run(calls_http)


def test_an_entity_may_be_answered_by_name_and_operation(harness_for: HarnessFor) -> None:
    harness = harness_for(uses_counter)
    seen: list[int] = []
    harness.answer_entity("counter", "add", seen.append)
    harness.answer_entity("counter", "get", 42)

    assert harness.run(uses_counter).output == 42
    assert seen == [2]


def test_an_entity_operation_that_nobody_answers_is_an_error(harness_for: HarnessFor) -> None:
    with pytest.raises(UnansweredError, match="Operation 'add' of entity 'counter' was called with 2"):
        harness_for(uses_counter).run(uses_counter)


def test_continue_as_new_is_one_run_with_a_status_for_each_episode(harness_for: HarnessFor) -> None:
    harness = harness_for(counts_to)
    harness.answer("work", None)

    run = harness.run(counts_to, 1)

    assert run.output == 3
    assert run.executions == 3
    assert run.inputs_of("work") == [1, 2, 3]
    assert run.custom_statuses == ("at 1", "at 2", "at 3", "at 3")


def test_an_orchestration_that_never_ends_is_stopped(harness_for: HarnessFor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("durable_harness.hub.task_hub.MAX_EPISODES", 50)

    with pytest.raises(RunawayError, match="50 episodes, and 'never_ends-1' is Running still, at 2026-01-01 00:50"):
        harness_for(never_ends).run(never_ends)


def test_two_runs_of_one_test_share_virtual_time(harness_for: HarnessFor) -> None:
    harness = harness_for(waits_an_hour)

    harness.run(waits_an_hour)
    second = harness.run(waits_an_hour)

    assert second.output == "2026-01-01T02:00:00+00:00"
    assert second.instance_id == "waits_an_hour-2"


def test_equal_runs_have_equal_histories(harness_for: HarnessFor) -> None:
    def history() -> object:
        harness = harness_for([parent, one_call])
        harness.answer("work", str.upper)
        return harness.run(parent).history

    assert history() == history()


def test_what_an_orchestrator_logs_is_in_the_run(harness: Harness) -> None:
    harness.answer("fetch_title", {"title": "A"})

    run = harness.run("fetch_orchestration", URLS)

    assert [(line.level, line.text, line.is_replaying) for line in run.log] == [
        ("INFO", "Fetching the titles of 3 pages.", False)
    ]


def test_a_line_that_is_not_guarded_is_logged_again_in_replay(harness_for: HarnessFor) -> None:
    def logs(context: Context) -> Code:
        logging.info("each time")
        if not context.is_replaying:
            logging.warning("once")
        yield context.call_activity("work", None)
        logging.info("at the end")

    harness = harness_for(logs)
    harness.answer("work", None)

    log = harness.run("logs").log

    assert [line.text for line in log if not line.is_replaying] == ["each time", "once", "at the end"]
    assert [line.text for line in log if line.is_replaying] == ["each time"]


@pytest.mark.durable_app("harness.sample_orchestrators:sample_app")
def test_a_marker_gives_the_harness_of_another_app(harness: Harness) -> None:
    harness.answer("greet", "Hello")

    assert harness.run("has_a_child").output == "Hello"


def test_a_task_any_with_a_task_that_was_waited_for_before_can_leave_the_host_waiting(harness_for: HarnessFor) -> None:
    def asks_twice(context: Context) -> Code:
        timer = context.create_timer(context.current_utc_datetime + timedelta(minutes=3))
        for _ in range(2):
            winner = yield context.task_any([context.wait_for_external_event("code"), timer])
            if winner is timer:
                return "too late"
        return "two codes"

    with pytest.raises(StuckError, match="User code has ended, and the host still waits for the event 'CODE'"):
        harness_for(asks_twice).run("asks_twice", events=[raised("code")])
