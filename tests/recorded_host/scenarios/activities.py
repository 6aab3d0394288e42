"""Scenarios of activities: chains, fan-outs, large values, values of every kind, races of tasks, continue-as-new.

A theme of the catalogue.
Invariant: each of these only starts an orchestration and looks at its end.
"""

from __future__ import annotations

from typing import Final

from recorded_host.driver import Driver
from recorded_host.scenarios.scenario import Scenario, start_and_end

__all__ = ["SCENARIOS"]


def _input_kinds(driver: Driver) -> list[str]:
    instances = []
    for data in (0, "", "text", [], [1], {}, {"a": None}, 1.5, True, False, "5", "{}"):
        instance = driver.start("input_kind", data)
        driver.wait(instance)
        driver.final(instance)
        instances.append(instance)
    return instances


SCENARIOS: Final = (
    *(start_and_end(f"fan_out_{n}", orchestrator="fan_out", data=n) for n in (0, 1, 3, 10)),
    *(start_and_end(f"large_{size}", orchestrator="large", data=size) for size in (100, 20_000, 70_000, 200_000)),
    *(
        start_and_end(name)
        for name in (
            "again",
            "again_at_once",
            "big_status",
            "chain",
            "ids_and_time",
            "never_awaited",
            "returns_at_once",
            "same_task_twice",
            "task_any_first",
            "values",
            "yields_a_list",
            "yields_a_number",
        )
    ),
    start_and_end("not_a_generator", data={"a": [1, None, "\u00e9"]}),
    Scenario(name="input_kinds", run=_input_kinds),
)
