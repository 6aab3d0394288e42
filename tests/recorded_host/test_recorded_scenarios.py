"""Every scenario that was recorded from the real engine, run on our host and compared field by field."""

from __future__ import annotations

import pytest

from recorded_host.comparing import differences, report
from recorded_host.recorder import Recorder, recorded, recorded_names
from recorded_host.scenarios.catalogue import SCENARIOS, shares_a_hub

ONE_HUB = pytest.mark.xdist_group("scenarios that see each other")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[ONE_HUB] if shares_a_hub(name) else []) for name in recorded_names()]
)
def test_host_does_what_the_real_engine_was_recorded_doing(recorder: Recorder, name: str) -> None:
    ours = recorder.recording(name)

    found = differences(recorded(name), ours)

    assert not found, report(found)


def test_every_recording_has_its_scenario() -> None:
    assert set(recorded_names()) == set(SCENARIOS)
    assert len(SCENARIOS) == 69
