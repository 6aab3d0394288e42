"""Scenarios of entities: called by orchestrations, signalled by clients, read and listed over HTTP.

A theme of the catalogue.
Invariant: ``entities`` lists all entities of the hub, so what it lists is what the recording's hub held at that point:
the counter that ``entity_calls`` made, and none of the entities of the scenarios after it.
"""

from __future__ import annotations

import json
from typing import Final

from recorded_host.driver import Driver, new_key
from recorded_host.scenarios.scenario import Scenario, start_and_end

__all__ = ["SCENARIOS"]


def _entities(driver: Driver) -> list[str]:
    key = new_key()
    counter = f"/entities/counter/{key}"
    driver.manage("GET", counter)
    driver.manage("POST", f"{counter}?op=add", raw=b"5")
    driver.wait_for_entity("counter", key, None)
    driver.manage("GET", counter)
    driver.manage("POST", f"{counter}?op=add", raw=json.dumps("5").encode())
    driver.wait_for_entity("counter", key, 5)
    driver.manage("GET", counter)
    driver.call("POST", f"/api/client/signal/{key}?entity=counter&operation=add", 7)
    driver.wait_for_entity("counter", key, 12)
    driver.manage("GET", f"/entities/Counter/{key}")
    driver.call("POST", f"/api/client/entity/{key}?entity=counter")
    driver.manage("POST", f"/entities/nobody/{key}?op=add", raw=b"5")
    driver.manage("GET", "/entities?fetchState=true&top=3")
    driver.manage("GET", "/entities/counter?fetchState=false")
    driver.manage("POST", f"{counter}?op=delete")
    driver.wait_for_entity("counter", key, None)
    driver.manage("GET", counter)
    driver.show(f"@counter@{key}")
    return [f"@counter@{key}"]


def _entity_more(driver: Driver) -> list[str]:
    key = new_key()
    ledger = f"/entities/ledger/{key}"
    driver.manage("POST", f"{ledger}?op=raise_after_change")
    driver.wait_for_entity("ledger", key, ["lost?"])
    driver.manage("GET", ledger)
    for n in range(3):
        driver.call("POST", f"/api/client/signal/{key}?entity=ledger&operation=note", {"n": n})
    driver.wait_for_entity("ledger", key, ["lost?", {"n": 0}, {"n": 1}, {"n": 2}])
    driver.manage("GET", ledger)
    driver.manage("POST", f"{ledger}?op=large")
    driver.wait_for_entity("ledger", key, ["y" * 50_000])
    driver.call("POST", f"/api/client/entity/{key}?entity=ledger")
    driver.manage("POST", ledger)
    driver.manage("POST", "/entities/ledger")
    driver.manage("DELETE", ledger)
    driver.manage("POST", f"/instances/@ledger@{key}/terminate")
    return [f"@ledger@{key}"]


SCENARIOS: Final = (
    start_and_end("entity_calls"),
    # `start_errors` leaves an orchestration named @bad, which sorts among the entities.
    Scenario(name="entities", run=_entities, after=("entity_calls", "start_errors")),
    Scenario(name="entity_batch", run=start_and_end("entity_batch").run, after=("entities",)),
    Scenario(name="entity_more", run=_entity_more, after=("entities",)),
)
