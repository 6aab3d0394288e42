"""Scenarios of external events: from the client binding and over HTTP, early, several, with bodies of every kind.

A theme of the catalogue.
Invariant: an event that must find its orchestration waiting is raised only when the orchestration waits.
"""

from __future__ import annotations

from typing import Final

from recorded_host.driver import Driver
from recorded_host.scenarios.scenario import Scenario

__all__ = ["SCENARIOS"]


def _started(driver: Driver, name: str) -> str:
    """Start an orchestration and wait until its first episode is in storage: it now waits for its event."""
    instance = driver.start(name)
    driver.wait(instance, {"Running"})
    return instance


def _raise(driver: Driver, instance: str, event: str, data: object) -> None:
    driver.manage("POST", f"/instances/{instance}/raiseEvent/{event}", data)


def _event_from_client(driver: Driver) -> list[str]:
    instance = _started(driver, "event")
    driver.call("POST", f"/api/client/raise/{instance}?event=go", {"x": 1})
    driver.wait(instance)
    driver.final(instance)
    return [instance]


def _event_from_http(driver: Driver) -> list[str]:
    instances = []
    for data in ({"x": 1}, [1], 5, "text", None):
        instance = _started(driver, "event")
        _raise(driver, instance, "go", data)
        driver.wait(instance)
        driver.final(instance)
        instances.append(instance)
    return instances


def _events_early(driver: Driver) -> list[str]:
    instance = _started(driver, "two_events")
    _raise(driver, instance, "go", {"n": 1})
    _raise(driver, instance, "go", {"n": 2})
    driver.wait(instance)
    driver.final(instance)
    return [instance]


def _several_events(driver: Driver) -> list[str]:
    instance = _started(driver, "several_events")
    _raise(driver, instance, "b", 2)
    driver.wait_for_event(instance, "EventRaised", times=1)
    _raise(driver, instance, "other", 3)
    driver.wait_for_event(instance, "EventRaised", times=2)
    _raise(driver, instance, "a", 1)
    driver.wait(instance)
    driver.final(instance)
    return [instance]


def _event_bodies(driver: Driver) -> list[str]:
    instance = _started(driver, "event")
    path = f"/instances/{instance}/raiseEvent"
    driver.manage("POST", f"{path}/go", raw=b"not json")
    driver.manage("POST", f"{path}/go", raw=b"x", headers={"Content-Type": "text/plain"})
    driver.manage("POST", f"{path}/", {})
    driver.manage("GET", f"{path}/go")
    driver.manage("POST", f"{path}/go")
    driver.let_pass(1.0)  # none of these may have raised an event
    driver.final(instance)
    return [instance]


SCENARIOS: Final = (
    Scenario(name="event_from_client", run=_event_from_client),
    Scenario(name="event_from_http", run=_event_from_http),
    Scenario(name="events_early", run=_events_early),
    Scenario(name="several_events", run=_several_events),
    Scenario(name="event_bodies", run=_event_bodies),
)
