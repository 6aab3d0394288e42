"""One recorded scenario: what is done to a host, and after which others.

The value that the themes' modules make and ``catalogue`` gathers.
Invariant: a scenario's name is its recording's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from recorded_host.driver import NO_BODY, Driver

__all__ = ["Run", "Scenario", "start_and_end"]

Run = Callable[[Driver], list[str]]
"""Does it, and returns the ids of the instances whose rows are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """``after`` names the scenarios that must have run on the same task hub before, because this one sees them."""

    name: str
    run: Run
    after: tuple[str, ...] = ()


def start_and_end(name: str, *, orchestrator: str | None = None, data: object = NO_BODY) -> Scenario:
    """Start one orchestration, wait for its end, and look at it."""

    def run(driver: Driver) -> list[str]:
        instance = driver.start(orchestrator or name, data)
        driver.wait(instance)
        driver.final(instance)
        return [instance]

    return Scenario(name=name, run=run)
