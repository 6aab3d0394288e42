"""Timers and external events: alone, against each other, early, late, and in the order in which they come."""

from __future__ import annotations

import pytest

from flow.target import Flow, completed


def test_timer_fires_after_its_time(flow: Flow) -> None:
    ended = flow.run("waits_for_timer")

    assert ended == completed(True, history=["TimerCreated", "TimerFired"])


def test_timer_of_the_past_fires_at_once(flow: Flow) -> None:
    ended = flow.run("waits_for_the_past")

    assert ended == completed("fired", history=["TimerCreated", "TimerFired"])


@pytest.mark.only_on("harness", reason="it takes ten days, and only virtual time can be jumped over")
def test_timer_of_ten_days_is_made_of_shorter_ones(flow: Flow) -> None:
    ended = flow.run("waits_for_days")

    assert ended.output == 10
    assert set(ended.history[1:-1]) == {"TimerCreated", "TimerFired"}
    assert ended.history.count("TimerFired") > 1


def test_monitor_looks_again_after_each_pause_until_what_it_looks_at_is_ready(flow: Flow) -> None:
    ended = flow.run("monitors", 3)

    look_and_pause = ["TaskCompleted same", "TimerCreated", "TimerFired"]
    assert ended == completed(
        3, custom_status={"look": 3}, history=[*look_and_pause, *look_and_pause, "TaskCompleted same"]
    )


def test_event_is_waited_for_and_its_value_is_what_the_wait_gives(flow: Flow) -> None:
    started = flow.start("waits_for_go")
    waiting = started.wait_until_custom_status("waiting")
    started.raise_event("go", {"city": "Zürich", "n": [1, None]})

    assert (waiting.runtime_status, waiting.history) == ("Running", ("ExecutionStarted",))
    assert started.wait_until_ended() == completed(
        {"city": "Zürich", "n": [1, None]},
        custom_status={"got": {"city": "Zürich", "n": [1, None]}},
        history=["EventRaised"],
    )


def test_event_without_a_value_gives_none(flow: Flow) -> None:
    started = flow.start("waits_for_go")
    started.wait_until_custom_status("waiting")
    started.raise_event("go")

    assert started.wait_until_ended() == completed(None, custom_status={"got": None}, history=["EventRaised"])


@pytest.mark.parametrize("order", [("left", "right"), ("right", "left")], ids=["left first", "right first"])
def test_two_events_are_told_apart_whichever_comes_first(flow: Flow, order: tuple[str, str]) -> None:
    started = flow.start("waits_for_both")
    started.wait_until_custom_status("waiting")
    for number, name in enumerate(order, start=1):
        started.raise_event(name, f"the {name} one")
        started.wait_until_event("EventRaised", number)

    assert started.wait_until_ended() == completed(
        ["the left one", "the right one"], custom_status="waiting", history=["EventRaised", "EventRaised"]
    )


def test_event_of_another_name_is_not_what_is_waited_for(flow: Flow) -> None:
    started = flow.start("waits_for_go")
    started.wait_until_custom_status("waiting")
    started.raise_event("stop", 1)
    after = started.wait_until_event("EventRaised")
    started.raise_event("go", 2)

    assert (after.runtime_status, after.custom_status) == ("Running", "waiting")
    assert started.wait_until_ended() == completed(2, custom_status={"got": 2}, history=["EventRaised", "EventRaised"])


def test_event_that_comes_before_it_is_waited_for_is_kept(flow: Flow) -> None:
    started = flow.start("gets_event_before_waiting")
    started.wait_until_custom_status("busy")
    started.raise_event("early", "kept")
    started.wait_until_event("EventRaised")
    started.raise_event("ready")

    assert started.wait_until_ended() == completed("kept", custom_status="busy", history=["EventRaised", "EventRaised"])


def test_decision_that_comes_in_time_cancels_the_deadline(flow: Flow) -> None:
    started = flow.start("approval", 3600)
    started.wait_until_custom_status("waiting")
    started.raise_event("decided", "yes")

    assert started.wait_until_ended() == completed(
        {"decision": "yes"}, custom_status="decided", history=["TimerCreated", "EventRaised"]
    )


def test_decision_that_does_not_come_is_escalated(flow: Flow) -> None:
    ended = flow.run("approval", 2)

    assert ended == completed(
        "escalated", custom_status="escalated", history=["TimerCreated", "TimerFired", "TaskCompleted same"]
    )
