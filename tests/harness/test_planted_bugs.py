"""Ten bugs of a user's kind: each found, with a message that somebody understands who knows only the app."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import pytest

from durable_harness import Harness, OrderDependentError, Run, SdkDefectWarning, StuckError, World, raised
from harness.planted_bugs import planted_app

HarnessFor = Callable[..., Harness]


@pytest.fixture
def app() -> df.DFApp:
    """The shop."""
    return planted_app()


@pytest.fixture
def shop(app: df.DFApp, harness_for: HarnessFor) -> Harness:
    """A harness for the shop."""
    return harness_for(app)


def test_a_lost_update_on_an_entity(shop: Harness) -> None:
    shop.entity("stock", "balls").call("set", 100)

    def nothing_is_lost(run: Run) -> None:
        assert run.output == 112, f"100 + 5 + 7 gives {run.output}"

    with pytest.raises(OrderDependentError) as caught:
        shop.assert_always("restocks", nothing_is_lost)

    _shows(caught, "normally: Completed: 107", "call get to stock/balls from takes_delivery(5)", "call set 107")


def test_an_approval_that_is_counted_after_the_deadline(shop: Harness) -> None:
    shop.answer("tell_that_it_is_late", None)

    def only_in_time(run: Run) -> None:
        assert run.output["in_time"] or not run.output["approved"], "an approval counts after the deadline"

    with pytest.raises(OrderDependentError) as caught:
        shop.assert_always("decides", only_in_time, events=[raised("approved")])

    _shows(caught, "an approval counts after the deadline", "event 'approved'", "timer")


def test_a_compensation_that_begins_too_early(shop: Harness) -> None:
    shop.answer("pack", "out of stock")
    shop.answer("book_courier", "ok")
    shop.answer("refund", None)

    def after_all_steps(run: Run) -> None:
        (courier,) = run.calls_of("book_courier")
        for refund in [call for call in run.calls if call.name == "refund"]:
            assert courier.ended_before(refund), "refund began before book_courier had ended"

    with pytest.raises(OrderDependentError) as caught:
        shop.assert_always("ships", after_all_steps)

    _shows(caught, "refund began before book_courier had ended", "pack")


def test_a_wrong_result_after_task_any(shop: Harness) -> None:
    shop.answer("offer", {"a": 30, "b": 20}.get)

    with pytest.raises(OrderDependentError) as caught:
        shop.assert_order_independent("picks", ["a", "b"])

    _shows(caught, "offer('b')", "normally: Completed: 30", "but so: Completed: 20")


def test_a_charge_that_is_made_twice(shop: Harness) -> None:
    def bank(world: World) -> list[Any]:
        charges: list[Any] = []
        world.answer("charge", charges.append)
        return charges

    def charged_once(run: Run) -> None:
        assert len(run.world) == 1, f"the bank was charged {len(run.world)} times"

    with pytest.raises(OrderDependentError) as caught:
        shop.assert_always("pays", charged_once, faults=1, world=bank)

    _shows(caught, "the bank was charged 2 times", "FAULT", "charge(")


def test_an_event_that_is_lost_at_continue_as_new(shop: Harness) -> None:
    shop.answer("pack", None, after=timedelta(minutes=5))
    orders = [raised("order", "ball", after=1), raised("order", "net", after=60)]

    with pytest.raises(StuckError) as caught:
        shop.run("gathers", events=orders)

    _shows(caught, "waits for:\n  the event 'order'", "'order' came early", "continue_as_new")


def test_a_memory_that_is_not_carried_over_continue_as_new(shop: Harness) -> None:
    votes = [raised("vote", voter, after=number, by="http") for number, voter in enumerate(["anna", "bert"])]

    def each_once(run: Run) -> None:
        assert sorted(run.output) == ["anna", "bert"], f"counted: {', '.join(run.output)}"

    with pytest.raises(OrderDependentError) as caught:
        shop.assert_always("counts_votes", each_once, events=votes, faults=1)

    _shows(caught, "counted: anna, anna", "event 'vote' ('anna')", "FAULT")


def test_a_timer_that_is_never_cancelled(shop: Harness) -> None:
    with pytest.warns(SdkDefectWarning) as caught:
        run = shop.run("reminds", events=[raised("paid", after=timedelta(hours=1))])

    assert run.elapsed == timedelta(days=5)
    text = str(caught[0].message)
    print(text)
    assert "the timer that is due at 2026-01-06 00:00:00 is still open" in text
    assert "timer.cancel()" in text


def test_a_custom_status_that_is_whoevers_ends_last(shop: Harness) -> None:
    shop.answer("work", lambda part: part)

    with pytest.raises(OrderDependentError) as caught:
        shop.assert_order_independent("reports")

    _shows(caught, "work('second')", "second is done", "first is done")


def test_a_timer_that_fires_a_little_early(shop: Harness) -> None:
    with pytest.raises(OrderDependentError) as caught:
        shop.assert_order_independent("opens", faults=1)

    _shows(caught, "timer", "almost a second early", "but so: Completed: still closed")


def _shows(caught: pytest.ExceptionInfo[BaseException], *parts: str) -> None:
    """The message holds all of this; `pytest -rP` shows the messages as a whole."""
    text = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", ())])
    print(text)
    assert [part for part in parts if part not in text] == []
