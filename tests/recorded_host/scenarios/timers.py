"""Scenarios of timers and sub-orchestrations.

A theme of the catalogue.
Invariant: a timer's own time is never shortened.
"""

from __future__ import annotations

from typing import Final

from recorded_host.driver import Driver
from recorded_host.scenarios.scenario import Scenario, start_and_end

__all__ = ["SCENARIOS"]


def _timer_days(driver: Driver) -> list[str]:
    instance = driver.start("timer_days")
    driver.wait(instance, {"Running"})
    driver.final(instance)
    driver.manage("POST", f"/instances/{instance}/terminate?reason=long%20enough")
    driver.wait(instance)
    driver.final(instance)
    return [instance]


SCENARIOS: Final = (
    *(
        start_and_end(name)
        for name in (
            "sub",
            "sub_fails",
            "sub_fan_out",
            "timer",
            "timer_cancelled",
            "timer_left_open",
            "timer_past",
        )
    ),
    Scenario(name="timer_days", run=_timer_days),
)
