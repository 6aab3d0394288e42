"""Every recorded scenario in the harness: outcome, status, history and answers of the real engine, defects included."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from durable_engine import event_to_json
from durable_harness import Harness
from durable_harness.instance import Instance
from engine.recorded_rows import IN_A_BLOB, event_of_row, value_of
from engine.recordings import RecordedInstance
from engine.tokens import differences, with_tokens, without_stacks
from harness.recorded_app import recorded_module
from harness.recorded_runs import recorded_roots, run_as_recorded

HarnessFor = Callable[..., Harness]
START = datetime(2026, 11, 23, 10, 46, 15, 300_137, tzinfo=UTC)

# Every activity of the recorded app is answered, whatever a scenario calls.
pytestmark = pytest.mark.filterwarnings("ignore::durable_harness.UnusedWarning")

COUNTS_ITS_REPLAYS = {f"nondeterminism_{how}" for how in ("input", "kind", "missing", "name")}
"""Scenarios whose orchestrator counts how often it is called: stepped live, it is called once."""


@pytest.mark.parametrize("recorded", recorded_roots(), ids=lambda one: f"{one.scenario}-{one.instance_id}")
def test_the_harness_ends_where_the_real_engine_ended(harness_for: HarnessFor, recorded: RecordedInstance) -> None:
    instance = run_as_recorded(recorded, harness_for(recorded_module().app, faithful=True, start_at=START))

    _assert_as_recorded(recorded, instance)


RESULTS_CAME_APART = {"sub_fan_out"}
"""Scenarios whose children ended at one time, but, by chance, in more than one episode of the real engine."""

FRAMES = (12, 13)
"""OrchestratorStarted and OrchestratorCompleted, which mark where an episode began and ended."""


@pytest.mark.filterwarnings("ignore::durable_harness.core.findings.SdkDefectWarning")
@pytest.mark.parametrize(
    "recorded",
    [one for one in recorded_roots() if one.scenario not in COUNTS_ITS_REPLAYS],
    ids=lambda one: f"{one.scenario}-{one.instance_id}",
)
def test_live_stepping_ends_there_too(harness_for: HarnessFor, recorded: RecordedInstance) -> None:
    instance = run_as_recorded(recorded, harness_for(recorded_module().app, strict=False, start_at=START))

    _assert_as_recorded(recorded, instance)


def _assert_as_recorded(recorded: RecordedInstance, instance: Instance) -> None:
    assert _row_differences(recorded, instance) == []
    assert _history_differences(recorded, instance) == []
    assert _answer_differences(recorded, instance) == []


def _row_differences(recorded: RecordedInstance, instance: Instance) -> list[str]:
    row = recorded.row or {}
    ours = {
        "RuntimeStatus": instance.runtime_status,
        "Output": instance._current.output_text,
        "CustomStatus": instance._current.custom_status_text or "null",
    }
    theirs = {name: value_of(row, name) for name in ours}
    kept = {name for name, value in theirs.items() if value != IN_A_BLOB}
    return differences(
        without_stacks({name: value for name, value in theirs.items() if name in kept}),
        without_stacks(with_tokens({name: value for name, value in ours.items() if name in kept})),
    )


def _history_differences(recorded: RecordedInstance, instance: Instance) -> list[str]:
    theirs = [_comparable(event_of_row(row)) for row in recorded.rows]
    ours = [_comparable(with_tokens(event_to_json(event))) for event in instance.result.history]
    if recorded.scenario in RESULTS_CAME_APART:
        theirs, ours = ([event for event in events if event["EventType"] not in FRAMES] for events in (theirs, ours))
    for events in (theirs, ours):
        _sort_child_results(events)
    if theirs[1].get("Tags"):
        # The harness has no restart: it starts what the real host started again, and nothing names the first one.
        theirs[1]["Tags"] = None
    for their, our in zip(theirs, ours, strict=False):
        for name, value in their.items():
            if value == IN_A_BLOB:
                our[name] = IN_A_BLOB
    return differences(without_stacks(theirs), without_stacks(ours))


def _sort_child_results(events: list[dict[str, Any]]) -> None:
    """Which of several sub-orchestrations ended first is chance: put those of one episode into the order of ids."""
    for place in range(1, len(events)):
        at = place
        while at and events[at]["EventType"] == events[at - 1]["EventType"] == 8:
            if events[at - 1]["TaskScheduledId"] <= events[at]["TaskScheduledId"]:
                break
            events[at - 1], events[at] = events[at], events[at - 1]
            at -= 1


def _answer_differences(recorded: RecordedInstance, instance: Instance) -> list[str]:
    invocation = recorded.invocations[-1]
    answer = instance._current.replayer.answer
    if invocation.recorded_answer is None or answer is None:
        return []
    theirs = dict(invocation.recorded_answer)
    ours: dict[str, Any] = {
        "isDone": answer.is_done,
        "schemaVersion": 2,
        "actions": [json.loads(json.dumps(answer.actions))],
        "output": answer.output,
        "error": answer.error,
        "customStatus": answer.custom_status,
    }
    return differences(without_stacks(theirs), without_stacks(with_tokens({name: ours[name] for name in theirs})))


def _comparable(event: dict[str, Any]) -> dict[str, Any]:
    # What a client's start says of itself, and which message of a batch was made when, is not the harness's to repeat.
    return {name: value for name, value in event.items() if name not in ("Timestamp", "IsPlayed", "ParentTraceContext")}
