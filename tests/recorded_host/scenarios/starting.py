"""Scenarios of starts that go wrong or wait for the end, and of questions about instances.

A theme of the catalogue.
Invariant: a list of instances is always asked for by a prefix that only this run has.
"""

from __future__ import annotations

import uuid
from typing import Final

from recorded_host.driver import Driver, new_key
from recorded_host.scenarios.scenario import Scenario

__all__ = ["SCENARIOS"]


def _start_errors(driver: Driver) -> list[str]:
    start = "/orchestrators"
    driver.manage("POST", f"{start}/nobody", {"a": 1})
    driver.manage("POST", f"{start}/chain", raw=b"{not json")
    for instance_id in ("@bad", "a%2Fb", "a%23b", "i" * 101, "i" * 300):
        driver.manage("POST", f"{start}/chain/{instance_id}")
    instance = "twice-" + new_key()
    driver.manage("POST", f"{start}/event/{instance}")
    driver.wait(instance, {"Running"})
    driver.manage("POST", f"{start}/event/{instance}")
    driver.manage("POST", f"/instances/{instance}/terminate")
    driver.wait(instance)
    driver.manage("POST", f"{start}/chain/{instance}")
    driver.wait(instance)  # its row is Pending since before the answer
    driver.final(instance)
    driver.manage("POST", f"{start}/chain?timeout=20&pollingInterval=1")
    driver.manage("POST", f"{start}/event?timeout=1&pollingInterval=0.5")
    driver.manage("POST", f"{start}/uncaught?timeout=20&pollingInterval=1")
    driver.manage("POST", f"{start}/chain?timeout=1&pollingInterval=5")
    driver.call("POST", "/api/start/nobody")
    driver.call("POST", "/api/start/chain?id=%40bad")
    return [instance]


def _queries(driver: Driver) -> list[str]:
    prefix = "query-" + uuid.uuid4().hex[:6]
    instances = [driver.start("chain", instance_id=f"{prefix}-{n}") for n in range(5)]
    instances.append(driver.start("uncaught", instance_id=f"{prefix}-f"))
    for instance in instances:
        driver.wait(instance)
    first, failed = instances[0], instances[5]
    mine = f"/instances?instanceIdPrefix={prefix}"
    driver.manage("GET", mine)
    driver.manage("GET", f"{mine}&showInput=false&runtimeStatus=Failed")
    _, headers, _ = driver.manage("GET", f"{mine}&top=2")
    token = headers.get("x-ms-continuation-token")
    if token:
        driver.manage("GET", f"{mine}&top=2", headers={"x-ms-continuation-token": token})
    driver.manage("GET", f"{mine}&runtimeStatus=Nonsense")
    driver.manage("GET", f"{mine}&top=0")
    driver.show(first)
    driver.show(first, "?showInput=false")
    driver.show(failed, "?returnInternalServerErrorOnFailure=true")
    driver.show("nobody")
    driver.manage("POST", "/instances/nobody/raiseEvent/go", {})
    driver.manage("POST", "/instances/nobody/terminate")
    driver.manage("POST", f"/instances/{first}/raiseEvent/go", {})
    driver.manage("POST", f"/instances/{first}/raiseEvent/go", raw=b"x", headers={"Content-Type": "text/plain"})
    driver.manage("PUT", f"/instances/{first}")
    driver.manage("GET", "/nothing")
    driver.manage("GET", "")
    driver.call("POST", f"/api/client/wait/{first}")
    driver.call("POST", f"/api/client/wait/{failed}")
    driver.call("POST", f"/api/client/status/{first}")
    return instances


def _show_flags(driver: Driver) -> list[str]:
    instance = driver.start("chain", {"in": 1})
    driver.wait(instance)
    for query in (
        "showHistory=true",
        "showHistory=true&showHistoryOutput=false",
        "showHistory=false&showHistoryOutput=true",
        "showInput=false&showHistory=true",
        "showHistory=nonsense",
        "showhistory=TRUE",
        "taskHub=Other",
        "connection=Other",
        "code=wrong",
    ):
        driver.show(instance, f"?{query}")
    return [instance]


SCENARIOS: Final = (
    Scenario(name="start_errors", run=_start_errors),
    Scenario(name="queries", run=_queries),
    Scenario(name="show_flags", run=_show_flags),
)
