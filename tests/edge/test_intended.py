"""The list of edge scenarios in which our host is meant to differ is short, and of scenarios that were recorded."""

from __future__ import annotations

import pytest

from edge.comparing import CHANCE, edge_differences
from edge.intended import INTENDED, Reason
from edge.recorded_driver import recorded_names
from edge.recorder import recorded


@pytest.mark.parametrize("name", sorted({*INTENDED, *CHANCE}))
def test_a_recording_of_the_real_host_agrees_with_itself(name: str) -> None:
    assert edge_differences(recorded(name), recorded(name)) == []


def test_what_is_meant_to_differ_is_recorded_and_says_what_a_client_sees() -> None:
    assert set(INTENDED) <= set(recorded_names())
    assert all(one.seen for one in INTENDED.values())
    assert all(one.places for one in INTENDED.values() if one.reason is not Reason.REAL_HOST_DOES_NOT_END)


def test_not_more_than_one_scenario_in_six_differs() -> None:
    assert len(INTENDED) * 6 <= len(recorded_names())
