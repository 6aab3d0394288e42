"""Scenarios of an instance's life: suspended and resumed, terminated, restarted, purged, and what is refused when.

A theme of the catalogue.
Invariant: every operation is tried where it is allowed and where it is not.
"""

from __future__ import annotations

import json
from typing import Final

from recorded_host.driver import NO_BODY, Driver
from recorded_host.scenarios.scenario import Scenario

__all__ = ["SCENARIOS"]


def _suspend_resume(driver: Driver) -> list[str]:
    instance = driver.start("event")
    path = f"/instances/{instance}"
    driver.wait(instance, {"Running"})
    driver.manage("POST", f"{path}/suspend?reason=a%20pause")
    driver.wait(instance, {"Suspended"})
    driver.final(instance)
    driver.manage("POST", f"{path}/suspend?reason=twice")
    driver.manage("POST", f"{path}/raiseEvent/go", {"while": "suspended"})
    driver.wait_until(lambda: (driver.status(instance) or {}).get("customStatus") == {"got": {"while": "suspended"}})
    driver.final(instance)
    driver.manage("POST", f"{path}/resume?reason=on")
    driver.wait(instance)
    driver.final(instance)
    for operation in ("suspend", "resume", "terminate", "rewind", "raiseEvent/go"):
        driver.manage("POST", f"{path}/{operation}", {} if "Event" in operation else NO_BODY)
    return [instance]


def _terminate(driver: Driver) -> list[str]:
    waiting = driver.start("event")
    driver.wait(waiting, {"Running"})
    driver.manage("POST", f"/instances/{waiting}/terminate?reason=enough")
    driver.wait(waiting)
    driver.final(waiting)
    parent = driver.start("sub")
    driver.call("POST", f"/api/client/terminate/{parent}")
    driver.wait(parent)
    driver.final(parent)
    for child in driver.children(parent):
        driver.wait(child)  # terminating a parent leaves its children alone
    return [waiting, parent]


def _restart_purge(driver: Driver) -> list[str]:
    first = driver.start("chain")
    driver.wait(first)
    _, _, reply = driver.manage("POST", f"/instances/{first}/restart")
    second: str = json.loads(reply)["id"]
    driver.wait(second)
    driver.final(second)
    driver.manage("POST", f"/instances/{first}/restart?restartWithNewInstanceId=false")
    driver.wait(first)  # its row is Pending since before the answer
    driver.final(first)
    driver.manage("POST", "/instances/nobody/restart")
    driver.manage("DELETE", f"/instances/{first}")
    driver.final(first)
    driver.manage("DELETE", f"/instances/{first}")
    driver.manage("DELETE", "/instances/?runtimeStatus=Completed")
    for operation in ("restart", "purge", "status"):
        driver.call("POST", f"/api/client/{operation}/nobody")
    return [second]


def _live_ops(driver: Driver) -> list[str]:
    instance = driver.start("event")
    path = f"/instances/{instance}"
    driver.wait(instance, {"Running"})
    driver.manage("DELETE", path)
    driver.manage("POST", f"{path}/rewind?reason=x")
    driver.show(instance)
    driver.manage("POST", f"{path}/restart?restartWithNewInstanceId=false")
    driver.call("POST", f"/api/client/rewind/{instance}")
    driver.call("POST", f"/api/client/purge/{instance}")
    driver.call("POST", f"/api/client/suspend/{instance}")
    driver.wait(instance, {"Suspended"})
    driver.call("POST", f"/api/client/resume/{instance}")
    driver.wait(instance, {"Running"})
    driver.manage("POST", f"{path}/terminate")
    driver.wait(instance)
    driver.final(instance)
    return [instance]


SCENARIOS: Final = (
    Scenario(name="suspend_resume", run=_suspend_resume),
    Scenario(name="terminate", run=_terminate),
    Scenario(name="restart_purge", run=_restart_purge),
    Scenario(name="live_ops", run=_live_ops),
)
