# mypy: disallow-untyped-decorators=False
"""The patterns of the public samples, each with its sample's whole control flow, in words of our own.

Role: correct orchestrators as people write them, in which the harness must find nothing. ``SAMPLES`` says for each
which sample it follows, what its calls give, and what it ends with.
Called by: ``test_samples``. Calls: the SDK.
Invariant: the control flow is the sample's: the same calls, waits, loops, conditions and reads of the context.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
from azure.durable_functions import DurableOrchestrationContext as Context

from durable_harness import Harness, http_response, in_turn, raised
from durable_harness.harness import Raised

__all__ = ["SAMPLES", "Sample", "sample_app"]

Code = Generator[Any, Any, Any]

sample_app = df.DFApp()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One sample's pattern: where it comes from, how it is run, and how it ends."""

    source: str
    orchestrator: str
    input: Any = None
    answers: dict[str, Any] = field(default_factory=dict)
    events: tuple[Raised, ...] = ()
    output: Any = None
    status: str = "Completed"
    prepare: Callable[[Harness], None] = lambda harness: None

    @property
    def id(self) -> str:
        """The name of its test."""
        return f"{self.orchestrator} {self.output!r:.20}"


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

_REPOSITORY = "Azure/azure-functions-durable-python"
_DOCS = "learn.microsoft.com/azure/azure-functions/durable"


def _job_api(harness: Harness) -> None:
    location = "https://example.org/jobs/1"
    harness.answer_http("POST", "https://example.org/jobs", http_response(202, "", {"Location": location}))
    harness.answer_http("GET", location, in_turn(http_response(202), http_response(200, '{"done": true}')))


SAMPLES = [
    Sample(
        source=f"{_REPOSITORY} samples-v2/function_chaining",
        orchestrator="greets_in_sequence",
        answers={"greet": lambda name: f"Hello {name}"},
        output=["Hello Tokyo", "Hello Seattle", "Hello London"],
    ),
    Sample(
        source=f"{_REPOSITORY} samples/function_chaining_custom_status",
        orchestrator="chains_with_status",
        answers={"greet": lambda name: f"{name}!"},
        output="One!!!",
    ),
    Sample(
        source=f"{_REPOSITORY} samples-v2/fan_in_fan_out, E2_BackupSiteContent",
        orchestrator="backs_up_site",
        input="/site",
        answers={"list_files": ["a", "b", "c"], "copy_file": in_turn(1, 20, 300)},
        output=321,
    ),
    Sample(
        source=f"{_REPOSITORY} samples/monitor, E3_Monitor",
        orchestrator="monitors_issues",
        input={"repo": "r", "phone": "+1"},
        answers={"has_too_many_issues": in_turn(False, False, True), "send_alert": None},
        output="monitored",
    ),
    Sample(
        source=f"{_REPOSITORY} samples/monitor, E3_Monitor, until it expires",
        orchestrator="monitors_issues",
        input={"repo": "r", "phone": "+1"},
        answers={"has_too_many_issues": False},
        output="monitored",
    ),
    Sample(
        source=f"{_REPOSITORY} samples/human_interaction, E4_SMSPhoneVerification",
        orchestrator="verifies_phone",
        input="+1425",
        answers={"send_challenge": 4711},
        events=(raised("challenge_response", 1, after=10), raised("challenge_response", 4711, after=20)),
        output=True,
    ),
    Sample(
        source=f"{_REPOSITORY} samples/human_interaction, E4_SMSPhoneVerification, too late",
        orchestrator="verifies_phone",
        input="+1425",
        answers={"send_challenge": 4711},
        events=(raised("challenge_response", 1, after=10), raised("challenge_response", 4711, after=200)),
        output=False,
    ),
    Sample(
        source=f"{_DOCS}/durable-functions-overview, human interaction",
        orchestrator="asks_for_approval",
        answers={"request_approval": None, "process_approval": None},
        events=(raised("approval", {"by": "me"}, after=timedelta(hours=5)),),
    ),
    Sample(
        source=f"{_DOCS}/durable-functions-overview, human interaction, escalated",
        orchestrator="asks_for_approval",
        answers={"request_approval": None, "escalate": None},
    ),
    Sample(
        source=f"{_REPOSITORY} samples/aml_monitoring",
        orchestrator="polls_pipeline",
        answers={"poll_status": in_turn(*['{"status_code": 202}'] * 3, '{"status_code": 200}')},
        output={"status_code": 200},
    ),
    Sample(
        source=f"{_REPOSITORY} samples/aml_monitoring, failed",
        orchestrator="polls_pipeline",
        answers={"poll_status": '{"status_code": 500}'},
        output="Orchestrator function 'polls_pipeline' failed: the pipeline failed or was cancelled",
        status="Failed",
    ),
    Sample(
        source=f"{_DOCS}/durable-functions-http-features, async operation tracking",
        orchestrator="polls_http_api",
        prepare=_job_api,
        output={"done": True},
    ),
    Sample(source=f"{_REPOSITORY} samples/counter_entity, aggregator", orchestrator="counts_in_entity", output=3),
    Sample(
        source=f"{_REPOSITORY} samples-v2/simple_sub_orchestration",
        orchestrator="has_a_child",
        answers={"greet": lambda name: f"Hello {name}"},
        output="Hello Seattle",
    ),
    Sample(
        source=f"{_DOCS}/durable-functions-sub-orchestrations, device provisioning",
        orchestrator="provisions_devices",
        answers={"list_devices": ["a", "b"], "provisions_one": lambda device: f"{device} ok"},
        output=["a ok", "b ok"],
    ),
    Sample(
        source=f"{_DOCS}/durable-functions-sub-orchestrations, one device",
        orchestrator="provisions_one",
        input="a",
        answers={"create_package": "url", "send_package": None},
        events=(raised("acknowledged"),),
        output="a",
    ),
    Sample(
        source=f"{_DOCS}/durable-functions-eternal-orchestrations, periodic cleanup",
        orchestrator="cleans_up_periodically",
        answers={"clean_up": None},
    ),
    Sample(
        source=f"{_REPOSITORY} samples/external_events",
        orchestrator="waits_by_rule",
        input={"events": ["A", "B"], "logic": "and", "actions": [{"name": "greet", "args": "Tokyo"}]},
        answers={"greet": "Hello"},
        events=(raised("B"), raised("A")),
        output=["Hello"],
    ),
    Sample(
        source=f"{_DOCS}/durable-functions-error-handling, transfer",
        orchestrator="transfers_funds",
        input={"from": "a", "to": "b"},
        answers={"debit": None, "credit": ValueError("closed"), "refund": None},
        output="refunded",
    ),
    Sample(
        source=f"{_DOCS}/durable-functions-error-handling, automatic retry",
        orchestrator="retries",
        answers={"flaky": in_turn(OSError("1"), OSError("2"), None)},
        output="at last",
    ),
    Sample(
        source=f"{_REPOSITORY} samples-v2/orchestration_versioning",
        orchestrator="branches_on_version",
        answers={"step_a": "A"},
        output="None: A",
    ),
]
