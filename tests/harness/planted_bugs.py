"""A shop with ten bugs of the kind that reviews let through, each in an orchestrator of its own."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
from azure.durable_functions import DurableOrchestrationContext as Context

__all__ = ["planted_app"]

Code = Generator[Any, Any, Any]


def restocks(context: Context) -> Code:
    """Two deliveries arrive at the same time."""
    yield context.task_all([context.call_sub_orchestrator("takes_delivery", count) for count in (5, 7)])
    return (yield context.call_entity(_stock(), "get"))


def takes_delivery(context: Context) -> Code:
    """BUG: reads the stock, and writes it back: what another delivery has written meanwhile is lost."""
    before = yield context.call_entity(_stock(), "get")
    yield context.call_entity(_stock(), "set", before + context.get_input())


def decides(context: Context) -> Code:
    """BUG: asks whether the approval has come, not whether it came before the deadline."""
    deadline = context.create_timer(context.current_utc_datetime + timedelta(days=1))
    approval = context.wait_for_external_event("approved")
    yield context.task_any([approval, deadline])
    if not deadline.is_completed:
        deadline.cancel()
        return {"approved": True, "in_time": True}
    yield context.call_activity("tell_that_it_is_late")
    return {"approved": approval.is_completed, "in_time": False}


def ships(context: Context) -> Code:
    """BUG: gives the money back as soon as one step has gone wrong, while the other step is still at work."""
    steps = [context.call_activity("pack"), context.call_activity("book_courier")]
    while steps:
        step = yield context.task_any(steps)
        steps.remove(step)
        if step.result != "ok":
            yield context.call_activity("refund")
            return "refunded"
    return "shipped"


def picks(context: Context) -> Code:
    """BUG: takes the first offer that was asked for, not the one that came first."""
    offers = [context.call_activity("offer", shop) for shop in context.get_input()]
    yield context.task_any(offers)
    return next(offer.result for offer in offers if offer.is_completed)


def pays(context: Context) -> Code:
    """BUG: the charge has no key by which the bank could know it again."""
    yield context.call_activity("charge", {"card": "4711", "amount": 10})
    return "paid"


def gathers(context: Context) -> Code:
    """BUG: goes on anew after each order, and loses the orders that came while it was being packed."""
    order = yield context.wait_for_external_event("order")
    yield context.call_activity("pack", order)
    packed = (context.get_input() or 0) + 1
    if packed == 2:
        return "both packed"
    context.continue_as_new(packed)
    return None


def counts_votes(context: Context) -> Code:
    """BUG: knows who has voted in this execution, and forgets it when it goes on anew."""
    counted: list[str] = context.get_input() or []
    seen: list[str] = []
    voter = yield context.wait_for_external_event("vote")
    if voter not in seen:
        seen.append(voter)
        counted.append(voter)
    if len(counted) < 2:
        context.continue_as_new(counted)
        return None
    return counted


def reminds(context: Context) -> Code:
    """BUG: never cancels the reminder of an invoice that is paid."""
    reminder = context.create_timer(context.current_utc_datetime + timedelta(days=5))
    paid = context.wait_for_external_event("paid")
    winner = yield context.task_any([paid, reminder])
    return "paid" if winner is paid else "reminded"


def reports(context: Context) -> Code:
    """Two parts are worked on at the same time."""
    parts = [context.call_activity("work", part) for part in ("first", "second")]
    left = list(parts)
    while left:
        done = yield context.task_any(left)
        left.remove(done)
        context.set_custom_status(f"{done.result} is done")  # BUG: whoever ends last has the last word
    return "done"


def opens(context: Context) -> Code:
    """BUG: looks at the clock after a timer, which may fire a little early."""
    opening = context.current_utc_datetime + timedelta(hours=8)
    yield context.create_timer(opening)
    if context.current_utc_datetime < opening:
        return "still closed"
    return "open"


def stock(context: df.DurableEntityContext) -> None:
    """How many there are."""
    count = context.get_state(lambda: 0)
    if context.operation_name == "set":
        count = context.get_input()
        context.set_state(count)
    context.set_result(count)


def planted_app() -> df.DFApp:
    """The whole shop."""
    app = df.DFApp()
    orchestrators = (
        restocks,
        takes_delivery,
        decides,
        ships,
        picks,
        pays,
        gathers,
        counts_votes,
        reminds,
        reports,
        opens,
    )
    for orchestrator in orchestrators:
        app.orchestration_trigger(context_name="context")(orchestrator)
    app.entity_trigger(context_name="context")(stock)
    for name in ("tell_that_it_is_late", "pack", "book_courier", "refund", "offer", "charge", "work"):
        app.activity_trigger(input_name="given", activity=name)(_activity(name))
    return app


def _activity(name: str) -> Any:
    def run(given: Any) -> Any:
        raise NotImplementedError(f"{name} is answered in tests")

    run.__name__ = name
    return run


def _stock() -> df.EntityId:
    return df.EntityId("stock", "balls")
