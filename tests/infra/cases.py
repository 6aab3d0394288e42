"""The settings of the switches that matter, each with a committed snapshot of what it deploys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["CASES", "Case"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One azd environment."""

    name: str
    environment: Mapping[str, str]

    def is_on(self, variable: str, *, default: bool = False) -> bool:
        """Answer whether a switch is on."""
        return self.environment.get(variable, str(default).lower()) == "true"

    @property
    def private(self) -> bool:
        """Answer whether there is a network."""
        return self.is_on("VNET_ENABLED", default=True)

    @property
    def in_scheduler(self) -> bool:
        """Answer whether the scheduler keeps the task hub."""
        return self.is_on("DURABLE_TASK_SCHEDULER_ENABLED")

    @property
    def storage_services(self) -> tuple[str, ...]:
        """Answer the storage services that the app uses."""
        return ("blob", "table") if self.in_scheduler else ("blob", "queue", "table")


def _case(name: str, **environment: str) -> Case:
    named = {"AZURE_ENV_NAME": "titles", "AZURE_LOCATION": "swedencentral"}
    return Case(name=name, environment={**named, **environment})


_NO_NETWORK = {"VNET_ENABLED": "false"}
_SCHEDULER = {"DURABLE_TASK_SCHEDULER_ENABLED": "true"}
_READS = {"DEPLOYER_READS_HUB": "true"}

CASES: Mapping[str, Case] = {
    case.name: case
    for case in (
        _case("default"),
        _case("no-network", **_NO_NETWORK),
        _case("scheduler", **_SCHEDULER, **_READS),
        _case("scheduler-no-network", **_SCHEDULER, **_NO_NETWORK),
        _case(
            "scheduler-elsewhere",
            **_SCHEDULER,
            AZURE_LOCATION="westeurope",
            DURABLE_TASK_SCHEDULER_LOCATION="northeurope",
        ),
        _case("diagnostics", DIAGNOSTICS_ENABLED="true", LOG_DAILY_QUOTA_GB="5"),
        _case("deployer-reads-hub", **_READS),
        _case(
            "scaled",
            DURABLE_ALWAYS_READY="1",
            FUNCTION_PYTHON_VERSION="3.13",
            HTTP_CONCURRENCY="4",
            INSTANCE_MEMORY_MB="4096",
            MAXIMUM_INSTANCE_COUNT="1",
            ROLLING_UPDATES="true",
            TITLE_HOSTS="a.example,b.example",
            ZONE_REDUNDANT="true",
        ),
        _case(
            "named",
            **_SCHEDULER,
            AZURE_ENV_NAME="My.Env.",
            RESOURCE_GROUP_NAME="rg-of-mine",
            FUNCTION_APP_NAME="func-of-mine",
            FUNCTION_PLAN_NAME="plan-of-mine",
            APP_IDENTITY_NAME="id-of-mine",
            STORAGE_ACCOUNT_NAME="storageofmine",
            LOG_ANALYTICS_NAME="log-of-mine",
            APP_INSIGHTS_NAME="appi-of-mine",
            VNET_NAME="vnet-of-mine",
            DURABLE_TASK_SCHEDULER_NAME="dts-of-mine",
        ),
        _case("oddly-named", AZURE_ENV_NAME="My.Env."),
    )
}
