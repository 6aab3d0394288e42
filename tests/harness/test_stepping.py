# mypy: disallow-untyped-decorators=False
"""Stepping an orchestration by hand: what happens next is what the test says."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import azure.durable_functions as df
import pytest
from azure.durable_functions import DurableOrchestrationContext as Context

from durable_harness import Harness, SdkDefectWarning, in_turn
from durable_harness.core.errors import NotPossibleError
from durable_harness.running.pending import Pending

Code = Generator[Any, Any, Any]
HarnessFor = Callable[..., Harness]

URLS = ["https://a", "https://b", "https://c"]


def fan_out(context: Context) -> Code:
    return (yield context.task_all([context.call_activity("work", number) for number in range(3)]))


def first_of(context: Context) -> Code:
    winner = yield context.task_any([context.call_activity("work", number) for number in range(3)])
    return winner.result


def waits(context: Context) -> Code:
    context.set_custom_status("waiting")
    value = yield context.wait_for_external_event("go")
    context.set_custom_status({"got": value})
    return value


def with_timer(context: Context) -> Code:
    yield context.create_timer(context.current_utc_datetime + timedelta(minutes=10))
    yield context.create_timer(context.current_utc_datetime + timedelta(minutes=10))
    return context.current_utc_datetime.isoformat()


def two_steps(context: Context) -> Code:
    one = yield context.call_activity("work", 1)
    two = yield context.call_activity("work", 2)
    return [one, two]


def parent(context: Context) -> Code:
    return (yield context.call_sub_orchestrator("two_steps", None, "child"))


def asks_entity(context: Context) -> Code:
    entity = df.EntityId("counter", "k")
    yield context.call_entity(entity, "add", 5)
    return (yield context.call_entity(entity, "get"))


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_fan_in_keeps_input_order_whatever_order_activities_finish(harness: Harness, order: tuple[int, ...]) -> None:
    harness.answer("fetch_title", lambda url: {"title": url[-1].upper()})
    instance = harness.start("fetch_orchestration", URLS)
    calls = instance.pending.calls

    for number in order:
        instance.finish(calls[number])

    assert instance.output == "A; B; C"
    assert instance.result.episodes == 4


def test_pending_says_what_an_orchestration_waits_for(harness_for: HarnessFor) -> None:
    instance = harness_for(fan_out).start(fan_out)

    assert instance.pending.activities == ("work", "work", "work")
    assert [call.input for call in instance.pending.calls] == [0, 1, 2]
    assert instance.pending.lines[0] == "work(0), which has not ended"
    assert harness_for(waits).start(waits).pending == Pending(events=("go",))


def test_complete_and_fail_end_a_call_by_name_or_by_itself(harness_for: HarnessFor) -> None:
    instance = harness_for(first_of).start(first_of)

    instance.complete(instance.pending.calls[1], "second")
    assert instance.runtime_status == "Running"  # the host waits for what is still open
    instance.complete("work")
    instance.complete("work")

    assert instance.output == "second"
    instance = harness_for(two_steps).start(two_steps)
    instance.complete("work", 1)
    instance.fail("work", ValueError("no"))
    assert instance.runtime_status == "Failed"
    assert instance.result.calls[1].error == "ValueError: no"


def test_calls_that_end_together_are_one_episode(harness_for: HarnessFor) -> None:
    instance = harness_for(fan_out).start(fan_out)

    with instance.one_episode():
        instance.complete("work", "a")
        instance.complete("work", "b")
    assert instance.result.episodes == 2
    instance.complete("work", "c")

    assert instance.output == ["a", "b", "c"]
    assert instance.result.episodes == 3


def test_a_call_ends_once(harness_for: HarnessFor) -> None:
    instance = harness_for(fan_out).start(fan_out)
    call = instance.pending.calls[0]
    instance.complete(call)

    with pytest.raises(NotPossibleError, match=r"work\(0\) of 'fan_out-1' has ended already"):
        instance.complete(call)
    with pytest.raises(NotPossibleError, match="waits for work, work, and not for 'other'"):
        instance.complete("other")


def test_an_event_reaches_the_orchestration_with_its_json_value(harness_for: HarnessFor) -> None:
    instance = harness_for(waits).start(waits)
    assert instance.custom_status == "waiting"

    instance.raise_event("go", {"x": [1, None]}, by="http")

    assert instance.output == {"x": [1, None]}
    assert instance.custom_status == {"got": {"x": [1, None]}}


def test_an_orchestration_may_run_until_the_test_has_seen_enough(harness_for: HarnessFor) -> None:
    harness = harness_for(two_steps)
    harness.answer("work", "done", after=60)
    instance = harness.start(two_steps)

    instance.run_until(lambda: len(instance.result.calls) == 2)

    assert instance.result.was_called("work")
    assert instance.result.elapsed == timedelta(minutes=1)
    assert instance.pending.activities == ("work",)


def test_time_passes_as_far_as_the_test_says(harness_for: HarnessFor) -> None:
    harness = harness_for(with_timer)
    instance = harness.start(with_timer)

    instance.advance(timedelta(minutes=9))
    assert instance.pending.timers[0].fire_at == datetime(2026, 1, 1, 0, 10, tzinfo=UTC)
    instance.advance(timedelta(minutes=2))
    assert instance.pending.timers[0].fire_at == datetime(2026, 1, 1, 0, 20, tzinfo=UTC)
    instance.advance(3600)

    assert instance.output == "2026-01-01T00:20:00+00:00"
    assert harness.now == datetime(2026, 1, 1, 1, 11, tzinfo=UTC)


def test_a_suspended_orchestration_schedules_nothing_until_it_is_resumed(harness_for: HarnessFor) -> None:
    instance = harness_for(two_steps).start(two_steps)

    instance.suspend("a pause")
    instance.complete("work", 1)
    assert (instance.runtime_status, instance.output) == ("Suspended", "a pause")
    assert instance.pending == Pending()
    instance.resume("go on")

    assert instance.pending.activities == ("work",)
    instance.complete("work", 2)
    assert instance.output == [1, 2]


def test_a_terminated_orchestration_takes_nothing_any_more(harness_for: HarnessFor) -> None:
    instance = harness_for(waits).start(waits)

    instance.terminate("enough")

    assert (instance.runtime_status, instance.output) == ("Terminated", "enough")
    with pytest.raises(NotPossibleError, match="is Terminated: nothing can reach it"):
        instance.raise_event("go")
    with pytest.raises(NotPossibleError, match="only an instance that is Failed can be rewound"):
        instance.rewind()


def test_terminating_a_parent_leaves_its_child_running(harness_for: HarnessFor) -> None:
    harness = harness_for([parent, two_steps])
    instance = harness.start(parent)

    instance.terminate()

    assert instance.result.sub_orchestrations[0].runtime_status == "Running"


def test_rewind_tries_again_what_failed_and_keeps_what_did_not(harness_for: HarnessFor) -> None:
    harness = harness_for(two_steps)
    harness.answer("work", in_turn("kept", ValueError("once"), "now"))
    instance = harness.start(two_steps)
    instance.finish()
    instance.finish()
    assert instance.runtime_status == "Failed"

    instance.rewind("again")
    assert instance.runtime_status == "Running"
    instance.finish()

    assert instance.output == ["kept", "now"]
    kinds = [event.kind for event in instance.result.history]
    assert kinds.count("GenericEvent") == 4


def test_rewind_reaches_the_sub_orchestration_that_failed(harness_for: HarnessFor) -> None:
    harness = harness_for([parent, two_steps])
    harness.answer("work", in_turn(1, ValueError("once"), 2))
    instance = harness.start(parent)
    first = instance.run()
    assert first.runtime_status == "Failed"

    instance.rewind()
    run = instance.run()

    assert run.output == [1, 2]


def test_an_entity_of_the_app_runs_in_the_harness(harness_for: HarnessFor, counter_app: df.DFApp) -> None:
    run = harness_for(counter_app).run("asks_counter", 5)

    assert run.output == 5


def test_an_entity_can_be_run_alone(harness_for: HarnessFor, counter_app: df.DFApp) -> None:
    counter = harness_for(counter_app).entity("counter", "k")

    assert counter.call("add", 2).result is None
    assert counter.call("get").result == 2
    assert counter.state == 2
    failed = counter.call("bad")
    assert failed.error == "no such operation: bad"
    assert counter.exists


def test_a_signal_reaches_an_entity_without_an_answer(harness_for: HarnessFor, counter_app: df.DFApp) -> None:
    counter = harness_for(counter_app).entity("Counter", "k")
    assert not counter.exists

    counter.signal("add", 3)

    assert counter.state == 3


def test_an_operation_that_changes_the_state_and_fails_keeps_the_change(
    harness_for: HarnessFor, counter_app: df.DFApp
) -> None:
    harness = harness_for(counter_app)
    counter = harness.entity("counter", "k")

    with pytest.warns(SdkDefectWarning, match="entity_kept_change"):
        counter.call("add_and_fail", 7)

    assert counter.state == 7


@pytest.fixture
def counter_app() -> df.DFApp:
    """An app with one entity and one orchestrator that uses it."""
    app = df.DFApp()

    @app.entity_trigger(context_name="context")
    def counter(context: df.DurableEntityContext) -> None:
        value = context.get_state(lambda: 0)
        match context.operation_name:
            case "add":
                context.set_state(value + context.get_input())
            case "get":
                context.set_result(value)
            case "add_and_fail":
                context.set_state(value + context.get_input())
                raise ValueError("after the change")
            case other:
                raise ValueError(f"no such operation: {other}")

    @app.orchestration_trigger(context_name="context")
    def asks_counter(context: Context) -> Code:
        entity = df.EntityId("counter", "k")
        context.signal_entity(entity, "add", context.get_input())
        return (yield context.call_entity(entity, "get"))

    return app
