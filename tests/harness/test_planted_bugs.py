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


def test_a_lost_update_on_an_entity(shop: Harness, record_property: Callable[[str, object], None]) -> None:
    shop.entity("stock", "balls").call("set", 100)

    with pytest.raises(OrderDependentError) as caught:
        shop.assert_always("restocks", lambda run: run.output == 112)

    _shows(caught, record_property, "normally: Completed: 107", "'set'", "from takes_delivery")


def test_an_approval_that_is_counted_after_the_deadline(
    shop: Harness, record_property: Callable[[str, object], None]
) -> None:
    shop.answer("tell_that_it_is_late", None)

    def only_in_time(run: Run) -> None:
        assert run.output["in_time"] or not run.output["approved"], "an approval counts after the deadline"

    with pytest.raises(OrderDependentError) as caught:
        shop.assert_always("decides", only_in_time, events=[raised("approved")])

    _shows(caught, record_property, "an approval counts after the deadline", "event 'approved'", "timer")


def test_a_compensation_that_begins_too_early(shop: Harness, record_property: Callable[[str, object], None]) -> None:
    shop.answer("pack", ValueError("out of stock"))
    shop.answer("book_courier", None)
    shop.answer("refund", None)

    def after_all_steps(run: Run) -> None:
        for refund in run.calls_of("refund"):
            (courier,) = run.calls_of("book_courier")
            assert courier.ended_before(refund), "refund began before book_courier had ended"

    with pytest.raises(OrderDependentError) as caught:
        shop.assert_always("ships", after_all_steps)

    _shows(caught, record_property, "refund began before book_courier had ended", "pack")


def test_a_wrong_result_after_task_any(shop: Harness, record_property: Callable[[str, object], None]) -> None:
    shop.answer("offer", {"a": 30, "b": 20}.get)

    with pytest.raises(OrderDependentError) as caught:
        shop.assert_order_independent("picks", ["a", "b"])

    _shows(caught, record_property, "offer('b')", "normally: Completed: 30", "but so: Completed: 20")


def test_a_charge_that_is_made_twice(shop: Harness, record_property: Callable[[str, object], None]) -> None:
    def bank(world: World) -> list[Any]:
        charges: list[Any] = []
        world.answer("charge", charges.append)
        return charges

    def charged_once(run: Run) -> None:
        assert len(run.world) == 1, f"the bank was charged {len(run.world)} times"

    with pytest.raises(OrderDependentError) as caught:
        shop.assert_always("pays", charged_once, faults=1, world=bank)

    _shows(caught, record_property, "the bank was charged 2 times", "FAULT", "charge(")


def test_an_event_that_is_lost_at_continue_as_new(
    shop: Harness, record_property: Callable[[str, object], None]
) -> None:
    shop.answer("pack", None, after=timedelta(minutes=5))
    orders = [raised("order", "ball", after=1), raised("order", "net", after=60)]

    with pytest.raises(StuckError) as caught:
        shop.run("gathers", events=orders)

    _shows(
        caught, record_property, "waits for:\n  the event 'order'", "the event 'order' came early", "continue_as_new"
    )


def test_a_memory_that_is_not_carried_over_continue_as_new(
    shop: Harness, record_property: Callable[[str, object], None]
) -> None:
    votes = [raised("vote", voter, after=number) for number, voter in enumerate(["anna", "bert", "carla", "dora"])]
    normal = shop.run("counts_votes", events=votes)
    assert normal.output == 4

    with pytest.raises(OrderDependentError) as caught:
        shop.assert_order_independent("counts_votes", events=votes, faults=1)

    _shows(caught, record_property, "event 'vote'", "its message comes twice", "but so: ")


def test_a_timer_that_is_never_cancelled(shop: Harness, record_property: Callable[[str, object], None]) -> None:
    with pytest.warns(SdkDefectWarning) as caught:
        run = shop.run("reminds", events=[raised("paid", after=timedelta(hours=1))])

    assert run.elapsed == timedelta(days=5)
    text = str(caught[0].message)
    record_property("message", text)
    assert "the timer that is due at 2026-01-06 00:00:00 is still open" in text
    assert "timer.cancel()" in text


def test_a_custom_status_that_is_whoevers_ends_last(
    shop: Harness, record_property: Callable[[str, object], None]
) -> None:
    shop.answer("work", lambda part: part)

    with pytest.raises(OrderDependentError) as caught:
        shop.assert_order_independent("reports")

    _shows(caught, record_property, "work('second')", "second is done", "first is done")


def test_a_timer_that_fires_a_little_early(shop: Harness, record_property: Callable[[str, object], None]) -> None:
    with pytest.raises(OrderDependentError) as caught:
        shop.assert_order_independent("opens", faults=1)

    _shows(caught, record_property, "timer", "almost a second early", "but so: Completed: still closed")


def _shows(
    caught: pytest.ExceptionInfo[BaseException], record_property: Callable[[str, object], None], *parts: str
) -> None:
    """The message holds all of this; it is also a property of the test's report, to be read as a whole."""
    text = str(caught.value)
    record_property("message", "\n".join([text, *getattr(caught.value, "__notes__", ())]))
    missing = [part for part in parts if part not in text]
    assert missing == [], text
