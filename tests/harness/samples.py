"""The public samples: where each pattern comes from, what its calls give, and what it ends with.

The table behind ``test_samples``.
Invariant: each names the sample whose control flow it follows.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from durable_harness import Harness, http_response, in_turn, raised
from durable_harness.running.raised_events import Raised

__all__ = ["SAMPLES", "Sample"]


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
    met_when_explored: Set[str] = frozenset()
    """The defects of the SDK that it meets in some order of events."""
    prepare: Callable[[Harness], None] = lambda harness: None

    @property
    def id(self) -> str:
        """The name of its test."""
        return f"{self.orchestrator} {self.output!r:.20}"


_REPOSITORY = "Azure/azure-functions-durable-python"
_DOCS = "learn.microsoft.com/azure/azure-functions/durable"


def _job_api(harness: Harness) -> None:
    location = "https://example.org/jobs/1"
    harness.answer_http("POST", "https://example.org/jobs", http_response(202, "", {"Location": location}))
    harness.answer_http("GET", location, in_turn(http_response(202), http_response(200, '{"done": true}')))


def _codes(first: int, second: int) -> tuple[Raised, ...]:
    """A wrong code and the right one, after so many seconds."""
    return (
        raised("challenge_response", 1, after=first, by="http"),
        raised("challenge_response", 4711, after=second, by="http"),
    )


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
        events=_codes(10, 20),
        met_when_explored={"doubled_event", "open_timer"},
        output=True,
    ),
    Sample(
        source=f"{_REPOSITORY} samples/human_interaction, E4_SMSPhoneVerification, too late",
        orchestrator="verifies_phone",
        input="+1425",
        answers={"send_challenge": 4711},
        events=_codes(10, 200),
        met_when_explored={"doubled_event", "open_timer"},
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
