"""Scenarios of failures: of activities and orchestrators, retries, code that is not deterministic, rewinding.

A theme of the catalogue.
Invariant: where the real engine leaves an orchestration hanging, the scenario looks whether it hangs.
"""

from __future__ import annotations

from typing import Final

from recorded_host.driver import Driver
from recorded_host.scenarios.scenario import Scenario, start_and_end

__all__ = ["SCENARIOS"]

# An orchestration that will not end is looked at after this long; its one episode takes some milliseconds.
_HANGING_SECONDS: Final = 1.5
_RACES: Final = 20


def _drift(driver: Driver) -> list[str]:
    """Two activities fail at once, and the SDK's outcome depends on which does first: in the recording, the first.

    Here they really run side by side, so now and then the second one wins. Such a run is another one than the recorded,
    and is done again.
    """
    for _ in range(_RACES):
        instance = driver.start("drift")
        driver.wait(instance)
        events = (driver.status(instance, "?showHistory=true") or {}).get("historyEvents") or []
        if [event["FunctionName"] for event in events if event["EventType"] == "TaskFailed"] == ["fail", "flaky"]:
            driver.final(instance)
            return [instance]
        driver.exchanges.clear()
    raise AssertionError(f"In {_RACES} runs the second of two activities failed first, so they are not run as asked.")


def _unknown_activity(driver: Driver) -> list[str]:
    instance = driver.start("unknown_activity")
    driver.wait(instance, {"Running"})
    driver.let_pass(_HANGING_SECONDS)
    driver.final(instance)
    return [instance]


def _rewind(driver: Driver) -> list[str]:
    instance = driver.start("rewind_me")
    driver.wait(instance)
    driver.final(instance)
    driver.manage("POST", f"/instances/{instance}/rewind?reason=again")
    driver.wait(instance, {"Completed"})
    driver.final(instance)
    return [instance]


SCENARIOS: Final = (
    *(
        start_and_end(name)
        for name in (
            "any_fails",
            "bad_result",
            "caught",
            "custom_error",
            "error_text",
            "failed_task_all_then_more",
            "not_a_generator_raises",
            "not_serialisable",
            "raises_itself",
            "retry_1500",
            "retry_exhausted",
            "retry_succeeds",
            "uncaught",
        )
    ),
    *(
        start_and_end(f"nondeterminism_{how}", orchestrator="drifting_code", data=how)
        for how in ("name", "missing", "kind", "input")
    ),
    Scenario(name="unknown_activity", run=_unknown_activity),
    Scenario(name="drift", run=_drift),
    Scenario(name="rewind", run=_rewind),
)
