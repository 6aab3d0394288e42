"""Continue-as-new: a new execution in the same episode, and what it takes along."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from azure.durable_functions import DurableOrchestrationContext as Context
from azure.durable_functions import EntityId

from durable_engine import execution_started
from durable_engine.model.events import EventRaised, ExecutionStarted, TaskScheduled
from engine.one_instance import FIRST_EPISODE, OneInstance, Steps
from engine.sdk_warnings import SDK_WARNINGS

pytestmark = SDK_WARNINGS


def collects(context: Context) -> Steps:
    """One item per execution, until there are three."""
    seen: list[Any] = context.get_input() or []
    context.set_custom_status(len(seen))
    item = yield context.wait_for_external_event("item")
    seen = [*seen, item]
    if len(seen) == 3:
        return seen
    context.continue_as_new(seen)
    return None


def test_history_of_the_execution_that_ends_is_left_behind_to_its_end() -> None:
    def counts(context: Context) -> Steps:
        yield context.call_activity("a")
        context.continue_as_new(2)

    one = OneInstance(counts, input=1)
    one.start()
    one.receive(one.completed(0, "done"))

    (left_behind,) = one.last.left_behind
    assert [event.kind for event in left_behind] == [
        "OrchestratorStarted",
        "ExecutionStarted",
        "TaskScheduled",
        "OrchestratorCompleted",
        "OrchestratorStarted",
        "TaskCompleted",
        "ExecutionCompleted",
        "OrchestratorCompleted",
    ]
    assert execution_started(left_behind).instance != one.last.instance
    assert one.history == one.last.events


def test_new_execution_replaces_the_history_and_waits_in_the_same_episode() -> None:
    one = OneInstance(collects)
    one.started = replace(one.started, scheduled_start_at=one.now)
    one.start()

    one.receive(one.raised("item", "a"))

    assert one.last.replaces_history
    assert one.kinds == ["OrchestratorStarted", "ExecutionStarted", "OrchestratorCompleted"]
    started = one.history[1]
    assert isinstance(started, ExecutionStarted)
    assert started.instance.execution_id == f"{1:032x}"
    assert started.input == json.dumps('["a"]')
    assert (started.generation, started.scheduled_start_at, started.name) == (None, None, "collects")
    assert one.history[2].is_played
    update = one.last.update
    assert (update.started, update.runtime_status, update.execution_id) == (started, "Running", f"{1:032x}")
    assert update.custom_status == "1"
    assert one.last.sender == one.started.instance


def test_events_of_one_batch_are_carried_from_execution_to_execution_and_none_is_lost() -> None:
    one = OneInstance(collects)

    one.start(one.raised("item", "a"), one.raised("item", "b"), one.raised("item", "c"))

    assert one.ending() == ("Completed", '["a","b","c"]')
    assert one.last.replaces_history
    assert [event.input for event in one.history if isinstance(event, EventRaised)] == ['"c"']


def test_early_event_that_nobody_has_waited_for_is_dropped() -> None:
    def starts_over(context: Context) -> Steps:
        if context.get_input() is None:
            yield context.call_activity("a")
            context.continue_as_new("again")
            return None
        return (yield context.wait_for_external_event("item"))

    one = OneInstance(starts_over)
    one.start()
    one.receive(one.raised("item", "early"))

    one.receive(one.completed(0))

    assert one.kinds == ["OrchestratorStarted", "ExecutionStarted", "OrchestratorCompleted"]
    one.receive(one.raised("item", "in time"))
    assert one.ending() == ("Completed", '"in time"')


def test_open_activity_holds_the_new_execution_up() -> None:
    def leaves_one_open(context: Context) -> Steps:
        if context.get_input() == 1:
            return "second"
        yield context.task_any([context.call_activity("a"), context.call_activity("b")])
        context.continue_as_new(1)
        return None

    one = OneInstance(leaves_one_open)
    one.start()

    held_up = one.receive(one.completed(1))
    let_go = one.receive(one.completed(0))

    assert not held_up.replaces_history
    assert let_go.replaces_history
    assert one.ending() == ("Completed", '"second"')


def test_new_execution_counts_its_ids_anew_and_its_status_goes_along_within_the_episode() -> None:
    def again(context: Context) -> Steps:
        if context.get_input() is None:
            context.set_custom_status("of the first")
            yield context.call_activity("a")
            context.continue_as_new(1)
            return None
        yield context.call_activity("b")
        return "done"

    one = OneInstance(again)
    one.start()

    one.receive(one.completed(0))

    (message,) = one.decided()
    assert isinstance(message.event, TaskScheduled)
    assert (message.event.event_id, message.event.name) == (0, "b")
    assert message.target == one.last.instance
    assert one.last.update.custom_status == '"of the first"'
    after = one.receive(one.completed(0))
    assert after.update.custom_status is None
    assert one.ending() == ("Completed", '"done"')


def test_requests_of_executions_that_share_an_episode_have_ids_of_their_own() -> None:
    """Each execution counts its requests from nought: were their times the same, the ids would be, and an entity that
    applies each request once would lose all but the first."""

    def signals(context: Context) -> Steps:
        context.signal_entity(EntityId("counter", "k"), "add", 1)
        if context.get_input() > 1:
            context.continue_as_new(context.get_input() - 1)
        yield from ()

    one = OneInstance(signals, input=3)

    one.start()

    events = [message.event for message in one.last.messages]
    ids = [json.loads(event.input or "")["id"] for event in events if isinstance(event, EventRaised)]
    assert len(set(ids)) == 3


def test_the_time_of_an_orchestration_never_goes_back() -> None:
    """An execution that continues within an episode begins later than it; the next episode may come at once."""

    def goes_on(context: Context) -> Steps:
        if not context.get_input():
            context.continue_as_new(1)
            return
        yield context.call_activity("a")

    instance = OneInstance(goes_on, input=0)
    instance.start()

    instance.receive_at(FIRST_EPISODE, instance.completed(0))

    times = [event.timestamp for event in instance.history if event.kind == "OrchestratorStarted"]
    assert len(times) == 2
    assert times == sorted(times)
