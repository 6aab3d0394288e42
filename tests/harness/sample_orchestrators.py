# mypy: disallow-untyped-decorators=False
"""The patterns of the public samples, each with its sample's whole control flow, in words of our own.

Correct orchestrators as people write them, in which the harness must find nothing. ``samples`` says for each which
sample it follows, what its calls give, and what it ends with.
Invariant: the control flow is the sample's: the same calls, waits, loops, conditions and reads of the context.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
from azure.durable_functions import DurableOrchestrationContext as Context

__all__ = ["sample_app"]

Code = Generator[Any, Any, Any]

sample_app = df.DFApp()


@sample_app.orchestration_trigger(context_name="context")
def greets_in_sequence(context: Context) -> Code:
    one = yield context.call_activity("greet", "Tokyo")
    two = yield context.call_activity("greet", "Seattle")
    three = yield context.call_activity("greet", "London")
    return [one, two, three]


@sample_app.orchestration_trigger(context_name="context")
def chains_with_status(context: Context) -> Code:
    one = yield context.call_activity("greet", "One")
    context.set_custom_status(f"{one} ->")
    two = yield context.call_activity("greet", one)
    context.set_custom_status(f"{one} -> {two} ->")
    three = yield context.call_activity("greet", two)
    context.set_custom_status(f"{one} -> {two} -> {three}")
    return three


@sample_app.orchestration_trigger(context_name="context")
def backs_up_site(context: Context) -> Code:
    folder = context.get_input()
    if not folder:
        raise Exception("give the folder to back up")
    files = yield context.call_activity("list_files", folder)
    copies = []
    for file in files:
        copies.append(context.call_activity("copy_file", file))
    sizes = yield context.task_all(copies)
    return sum(sizes)


@sample_app.orchestration_trigger(context_name="context")
def monitors_issues(context: Context) -> Code:
    request = context.get_input()
    expires_at = context.current_utc_datetime + timedelta(minutes=5)
    while context.current_utc_datetime < expires_at:
        too_many = yield context.call_activity("has_too_many_issues", request["repo"])
        if too_many:
            yield context.call_activity("send_alert", request["phone"])
            break
        context.set_custom_status("not too many, for now")
        next_check = context.current_utc_datetime + timedelta(minutes=1)
        yield context.create_timer(next_check)
    return "monitored"


@sample_app.orchestration_trigger(context_name="context")
def verifies_phone(context: Context) -> Code:
    number = context.get_input()
    if not number or not (number[0] == "+" and number[1:].isdigit()):
        raise Exception("give a number such as +1425")
    code = yield context.call_activity("send_challenge", number)
    timeout = context.create_timer(context.current_utc_datetime + timedelta(seconds=180))
    is_authorized = False
    for _ in range(3):
        response = context.wait_for_external_event("challenge_response")
        winner = yield context.task_any([response, timeout])
        if winner == response:
            if response.result == code:
                is_authorized = True
                break
        else:
            break
    if not timeout.is_completed:
        timeout.cancel()
    return is_authorized


@sample_app.orchestration_trigger(context_name="context")
def asks_for_approval(context: Context) -> Code:
    yield context.call_activity("request_approval", None)
    due_at = context.current_utc_datetime + timedelta(hours=72)
    timeout = context.create_timer(due_at)
    approval = context.wait_for_external_event("approval")
    winner = yield context.task_any([approval, timeout])
    if approval == winner:
        timeout.cancel()
        yield context.call_activity("process_approval", approval.result)
    else:
        yield context.call_activity("escalate", None)


@sample_app.orchestration_trigger(context_name="context")
def polls_pipeline(context: Context) -> Code:
    expires_at = context.current_utc_datetime + timedelta(minutes=30)
    status: dict[str, Any] = {}
    while context.current_utc_datetime < expires_at:
        text = yield context.call_activity("poll_status", {"run": "r1", "experiment": "e1"})
        status = json.loads(text)
        if status["status_code"] == 202:
            next_check = context.current_utc_datetime + timedelta(minutes=1)
            context.set_custom_status(status)
            yield context.create_timer(next_check)
        elif status["status_code"] == 500:
            raise Exception("the pipeline failed or was cancelled")
        else:
            break
    return status


@sample_app.orchestration_trigger(context_name="context")
def polls_http_api(context: Context) -> Code:
    started = yield context.call_http("POST", "https://example.org/jobs", {"size": "large"})
    location = started["headers"]["Location"]
    while True:
        response = yield context.call_http("GET", location)
        if response["statusCode"] != 202:
            return json.loads(response["content"])
        yield context.create_timer(context.current_utc_datetime + timedelta(seconds=30))


@sample_app.orchestration_trigger(context_name="context")
def counts_in_entity(context: Context) -> Code:
    entity = df.EntityId("total", "mine")
    context.signal_entity(entity, "add", 3)
    return (yield context.call_entity(entity, "get"))


@sample_app.entity_trigger(context_name="context")
def total(context: df.DurableEntityContext) -> None:
    value = context.get_state(lambda: 0)
    if context.operation_name == "add":
        value += context.get_input()
        context.set_result(value)
    elif context.operation_name == "reset":
        value = 0
    elif context.operation_name == "get":
        context.set_result(value)
    context.set_state(value)


@sample_app.orchestration_trigger(context_name="context")
def has_a_child(context: Context) -> Code:
    return (yield context.call_sub_orchestrator("greets_one", "Seattle"))


@sample_app.orchestration_trigger(context_name="context")
def greets_one(context: Context) -> Code:
    name = context.get_input()
    return (yield context.call_activity("greet", name))


@sample_app.orchestration_trigger(context_name="context")
def provisions_devices(context: Context) -> Code:
    devices = yield context.call_activity("list_devices")
    provisioning = []
    for number, device in enumerate(devices):
        child = f"{context.instance_id}:{number}"
        provisioning.append(context.call_sub_orchestrator("provisions_one", device, child))
    return (yield context.task_all(provisioning))


@sample_app.orchestration_trigger(context_name="context")
def provisions_one(context: Context) -> Code:
    device = context.get_input()
    url = yield context.call_activity("create_package", device)
    yield context.call_activity("send_package", {"device": device, "url": url})
    yield context.wait_for_external_event("acknowledged")
    return device


@sample_app.orchestration_trigger(context_name="context")
def cleans_up_periodically(context: Context) -> Code:
    round_number = context.get_input() or 0
    yield context.call_activity("clean_up", None)
    yield context.create_timer(context.current_utc_datetime + timedelta(hours=1))
    if round_number < 3:  # the sample goes on for ever
        context.continue_as_new(round_number + 1)


@sample_app.orchestration_trigger(context_name="context")
def waits_by_rule(context: Context) -> Code:
    logging.debug("making the tasks")
    rule = context.get_input()
    tasks = []
    for name in rule["events"]:
        tasks.append(context.wait_for_external_event(name))
        logging.debug("waiting for %s", name)
    if rule["logic"] == "and":
        yield context.task_all(tasks)
    elif rule["logic"] == "or":
        yield context.task_any(tasks)
    output = []
    for action in rule["actions"]:
        result = yield context.call_activity(action["name"], action["args"])
        output.append(result)
    return output


@sample_app.orchestration_trigger(context_name="context")
def transfers_funds(context: Context) -> Code:
    transfer = context.get_input()
    yield context.call_activity("debit", transfer["from"])
    try:
        yield context.call_activity("credit", transfer["to"])
    except Exception:
        yield context.call_activity("refund", transfer["from"])
        return "refunded"
    return "transferred"


@sample_app.orchestration_trigger(context_name="context")
def retries(context: Context) -> Code:
    options = df.RetryOptions(first_retry_interval_in_milliseconds=5_000, max_number_of_attempts=3)
    yield context.call_activity_with_retry("flaky", options)
    return "at last"


@sample_app.orchestration_trigger(context_name="context")
def branches_on_version(context: Context) -> Code:
    old = context.version is None or context.version == "1.0"
    result = yield context.call_activity("step_a" if old else "step_b", "x")
    return f"{context.version}: {result}"


for _name in [
    "greet",
    "list_files",
    "copy_file",
    "has_too_many_issues",
    "send_alert",
    "send_challenge",
    "request_approval",
    "process_approval",
    "escalate",
    "poll_status",
    "list_devices",
    "create_package",
    "send_package",
    "clean_up",
    "debit",
    "credit",
    "refund",
    "flaky",
    "step_a",
    "step_b",
]:

    def _activity(value: Any) -> None:
        raise NotImplementedError("answered by name")

    _activity.__name__ = _name
    sample_app.activity_trigger(input_name="value")(_activity)
