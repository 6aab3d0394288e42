"""No false alarm: in the patterns of public samples nothing is found, in the recorded app what is wrong on purpose."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest

from durable_harness import Harness, SdkDefectWarning
from engine.recordings import RecordedInstance
from harness.recorded_app import recorded_module
from harness.recorded_runs import recorded_roots, run_as_recorded
from harness.sample_orchestrators import sample_app
from harness.samples import SAMPLES, Sample

HarnessFor = Callable[..., Harness]

KNOWN_FINDINGS = {
    "drift": {"id_drift"},
    "entity_batch": {"entity_kept_change"},
    "events_early": {"doubled_event"},
    "fan_out_0": {"empty_task_all"},
    "never_awaited": {"never_yielded"},
    "nondeterminism_input": {"replay_mismatch"},
    "nondeterminism_kind": {"replay_mismatch"},
    "nondeterminism_missing": {"replay_mismatch"},
    "nondeterminism_name": {"replay_mismatch"},
    "timer_left_open": {"open_timer"},
    "unknown_activity": {"unknown_activity"},
    "yields_a_list": {"yielded_no_task"},
    "yields_a_number": {"yielded_no_task"},
}
"""The recorded scenarios that show a fault on purpose, and what the harness calls it."""


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_a_sample_runs_and_nothing_is_found_wrong_with_it(harness_for: HarnessFor, sample: Sample) -> None:
    harness = _prepared(harness_for(sample_app), sample)

    run = harness.run(sample.orchestrator, sample.input, events=sample.events)

    assert (run.runtime_status, run.output) == (sample.status, sample.output)
    assert run.findings == ()


@pytest.mark.parametrize(
    "sample", [one for one in SAMPLES if one.orchestrator != "cleans_up_periodically"], ids=lambda sample: sample.id
)
def test_a_sample_can_be_explored_and_nothing_is_found_wrong_with_it(harness_for: HarnessFor, sample: Sample) -> None:
    harness = _prepared(harness_for(sample_app), sample)

    with warnings.catch_warnings(record=True) as met:
        warnings.simplefilter("always", SdkDefectWarning)
        found = harness.explore(sample.orchestrator, sample.input, events=sample.events, budget=300)

    assert found.schedules[0].ending.runtime_status == sample.status
    assert {str(warning.message).partition(":")[0] for warning in met} == sample.met_when_explored


def test_each_sample_names_its_source() -> None:
    assert all(sample.source.startswith(("Azure/", "learn.microsoft.com/")) for sample in SAMPLES)


# Every activity of the recorded app is answered, whatever a scenario calls.
@pytest.mark.filterwarnings("ignore::durable_harness.UnusedWarning")
@pytest.mark.parametrize("recorded", recorded_roots(), ids=lambda one: f"{one.scenario}-{one.instance_id}")
def test_in_the_recorded_app_only_what_is_wrong_on_purpose_is_found(
    harness_for: HarnessFor, recorded: RecordedInstance
) -> None:
    harness = harness_for(recorded_module().app, strict=False)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SdkDefectWarning)
        run = run_as_recorded(recorded, harness).result

    assert {finding.code for finding in run.findings} == KNOWN_FINDINGS.get(recorded.scenario, set())


def _prepared(harness: Harness, sample: Sample) -> Harness:
    for name, answer in sample.answers.items():
        harness.answer(name, answer)
    sample.prepare(harness)
    return harness
