"""All scenarios that were recorded, by name, and which of them must share a task hub.

From a recording's name to what has to be done for it.
Invariant: a name stands for one scenario only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from recorded_host.scenarios import activities, entities, events, failures, http_triggers, lifecycle, starting, timers
from recorded_host.scenarios.scenario import Scenario

__all__ = ["SCENARIOS", "shares_a_hub"]

_THEMES: Final = (activities, entities, events, failures, http_triggers, lifecycle, starting, timers)


def _by_name(scenarios: list[Scenario]) -> Mapping[str, Scenario]:
    named = {scenario.name: scenario for scenario in scenarios}
    if len(named) != len(scenarios):
        names = sorted(scenario.name for scenario in scenarios)
        raise ValueError(f"Scenarios of one name: {sorted({name for name in names if names.count(name) > 1})}.")
    return named


SCENARIOS: Final = _by_name([scenario for theme in _THEMES for scenario in theme.SCENARIOS])

_TIED: Final = {name for scenario in SCENARIOS.values() if scenario.after for name in (scenario.name, *scenario.after)}


def shares_a_hub(name: str) -> bool:
    """Whether a scenario must run on one host with others, because one of them sees the other."""
    return name in _TIED
