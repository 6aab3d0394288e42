# mypy: disallow-untyped-decorators=False
"""The app behind the pages: a shop that takes orders, with one orchestration for each thing that a page can show.

Invariant: what takes time takes the time that its input says, so that tests choose it.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from datetime import timedelta
from typing import Any, Final, TypeAlias

import azure.durable_functions as df
import azure.functions as func

Context: TypeAlias = df.DurableOrchestrationContext
Steps = Generator[Any, Any, Any]

RETRIES: Final = df.RetryOptions(first_retry_interval_in_milliseconds=1000, max_number_of_attempts=3)

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.orchestration_trigger(context_name="context")
def process_order(context: Context) -> Steps:
    """Everything in one: a retry, a fan-out, a sub-orchestration, a timer, an entity."""
    order = context.get_input()
    context.set_custom_status({"step": "payment", "order": order["number"]})
    payment = yield context.call_activity_with_retry("charge_card", RETRIES, {**order, "id": context.instance_id})
    context.set_custom_status({"step": "picking", "order": order["number"]})
    picked = yield context.task_all([context.call_activity("pick_item", item) for item in order["items"]])
    yield context.create_timer(context.current_utc_datetime + timedelta(seconds=1))
    shipment = yield context.call_sub_orchestrator("ship_parcel", order, f"{context.instance_id}-parcel")
    yield context.call_entity(df.EntityId("stock", "shelf-7"), "take", len(picked))
    context.set_custom_status({"step": "done", "order": order["number"]})
    return {"payment": payment, "picked": picked, "shipment": shipment}


@app.orchestration_trigger(context_name="context")
def ship_parcel(context: Context) -> Steps:
    """A child: two activities."""
    label = yield context.call_activity("print_label", context.get_input())
    yield context.call_activity("pick_item", {"name": "parcel", "seconds": 0.5})
    return label


@app.orchestration_trigger(context_name="context")
def approve_refund(context: Context) -> Steps:
    """Waits for somebody, for a week at most."""
    context.set_custom_status("waiting for approval")
    deadline = context.create_timer(context.current_utc_datetime + timedelta(days=5))
    approval = context.wait_for_external_event("Approved")
    winner = yield context.task_any([approval, deadline])
    if winner is deadline:
        return "nobody answered"
    deadline.cancel()
    return {"approved": approval.result}


@app.orchestration_trigger(context_name="context")
def fan_out(context: Context) -> Steps:
    """So many slow activities at once."""
    plan = context.get_input()
    items = [{"name": f"item {n}", "seconds": plan["seconds"]} for n in range(plan["count"])]
    picked = yield context.task_all([context.call_activity("pick_item", item) for item in items])
    return len(picked)


@app.orchestration_trigger(context_name="context")
def import_catalogue(context: Context) -> Steps:
    """Fails in an activity, after one that succeeds."""
    yield context.call_activity("pick_item", {"name": "catalogue", "seconds": 0.2})
    rows = yield context.call_activity("parse_catalogue", context.get_input())
    return rows


@app.orchestration_trigger(context_name="context")
def calls_what_is_not_there(context: Context) -> Steps:
    """A name that the app does not have."""
    yield context.call_activity("no_such_activity", None)


@app.orchestration_trigger(context_name="context")
def polls_supplier(context: Context) -> Steps:
    """Begins anew until its count is reached."""
    count = context.get_input()
    context.set_custom_status(f"look {count}")
    yield context.call_activity("pick_item", {"name": f"look {count}", "seconds": 0.1})
    if count < 3:
        context.continue_as_new(count + 1)
        return None
    return f"{count} looks"


@app.orchestration_trigger(context_name="context")
def echoes(context: Context) -> Steps:
    """Shows its input everywhere that a value can be shown."""
    value = context.get_input()
    context.set_custom_status(value)
    yield context.call_activity("same", value)
    return value


@app.orchestration_trigger(context_name="context")
def fails_with(context: Context) -> Steps:
    """Fails with its input as the message."""
    yield context.call_activity("fail", context.get_input())


@app.activity_trigger(input_name="payment")
def charge_card(payment: dict) -> str:  # type: ignore[type-arg]  # the Python worker takes plain classes only
    """Fails as often as the payment says, then succeeds."""
    time.sleep(payment.get("seconds", 0.2))
    _calls[payment["id"]] = _calls.get(payment["id"], 0) + 1
    if _calls[payment["id"]] <= payment.get("failures", 0):
        raise ConnectionError("the bank did not answer")
    return "paid"


_calls: dict[str, int] = {}


@app.activity_trigger(input_name="item")
def pick_item(item: dict) -> str:  # type: ignore[type-arg]  # the Python worker takes plain classes only
    """Takes as long as the item says."""
    time.sleep(item.get("seconds", 0))
    return f"{item['name']} picked"


@app.activity_trigger(input_name="order")
def print_label(order: dict) -> dict:  # type: ignore[type-arg]  # the Python worker takes plain classes only
    """Gives a value with some depth."""
    return {"carrier": "Swift Parcels", "tracking": f"SP-{order['number']:08d}", "to": order.get("to", {})}


@app.activity_trigger(input_name="text")
def parse_catalogue(text: str) -> list:  # type: ignore[type-arg]  # the Python worker takes plain classes only
    """Fails a few calls deep, as real code does."""
    return [_row_of(line) for line in text.splitlines()]


def _row_of(line: str) -> dict[str, float]:
    name, price = line.split(";")
    return {name: float(price)}


@app.activity_trigger(input_name="value")
def same(value: Any) -> Any:
    """Gives back what came."""
    return value


@app.activity_trigger(input_name="reason")
def fail(reason: str) -> None:
    """Fails."""
    raise ValueError(reason)


@app.entity_trigger(context_name="context")
def stock(context: df.DurableEntityContext) -> None:
    """How many there are."""
    count = context.get_state(lambda: 100)
    if context.operation_name == "take":
        count -= context.get_input()
    elif context.operation_name == "add":
        count += context.get_input()
    context.set_state(count)
    context.set_result(count)
