"""Versions of orchestrations: what host.json's defaultVersion and its two strategies do to the instances of a hub.

Source: https://learn.microsoft.com/azure/azure-functions/durable/durable-functions-orchestration-versioning and, for
sub-orchestrations, the docstring of ``call_sub_orchestrator`` in azure-functions-durable.
"""

from __future__ import annotations

import logging

import pytest
from azure.durable_functions import DurableOrchestrationContext as Context

from durable_engine import VersionRule
from host.dispatch_steps import SDK_WARNINGS, Steps, running, soon

pytestmark = SDK_WARNINGS


def version(context: Context) -> str | None:
    """What the instance was given when it was created."""
    found: str | None = context.version
    return found


def parent(context: Context) -> Steps:
    """A child without a version, and one with its own."""
    default = yield context.call_sub_orchestrator("version")
    own = yield context.call_sub_orchestrator("version", version="1.0")
    return [context.version, default, own]


async def test_a_sub_orchestration_gets_the_default_version_unless_it_names_its_own(
    connection_string: str, hub_name: str
) -> None:
    async with running(
        connection_string, hub_name, [parent, version], versions=VersionRule(default_version="2.0")
    ) as host:
        await host.start("parent", "i", version="1.5")
        row = await host.reaches("i")

    assert (row.runtime_status, row.output) == ("Completed", '["1.5","2.0","1.0"]')


@pytest.mark.parametrize(
    ("match", "its", "said"),
    [
        ("CurrentOrOlder", "2.1", "The orchestration version '2.1' is greater than the worker version '2.0'."),
        ("Strict", "1.9", "The orchestration version '1.9' does not match the worker version '2.0'."),
    ],
)
async def test_an_instance_of_another_version_fails_where_host_json_says_so(
    connection_string: str, hub_name: str, match: str, its: str, said: str
) -> None:
    rule = VersionRule(default_version="2.0", match=match, fails=True)
    async with running(connection_string, hub_name, [version], versions=rule) as host:
        await host.start("version", "i", version=its)
        row = await host.reaches("i")

    assert (row.runtime_status, row.output) == ("Failed", f"VersionMismatch: {said}")


@pytest.mark.parametrize(
    ("match", "its"), [("CurrentOrOlder", "1.9"), ("CurrentOrOlder", "2.0"), ("Strict", "2.0"), ("None", "3.0")]
)
async def test_an_instance_of_a_version_that_matches_runs_and_sees_it(
    connection_string: str, hub_name: str, match: str, its: str
) -> None:
    rule = VersionRule(default_version="2.0", match=match, fails=True)
    async with running(connection_string, hub_name, [version], versions=rule) as host:
        await host.start("version", "i", version=its)
        row = await host.reaches("i")

    assert (row.runtime_status, row.output) == ("Completed", f'"{its}"')


@pytest.mark.long
async def test_a_newer_instance_waits_until_a_host_of_its_version_comes(
    connection_string: str, hub_name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def has_come_often() -> bool:
        return sum("waits for a host that runs it" in record.getMessage() for record in caplog.records) > 3

    caplog.set_level(logging.WARNING)
    older = VersionRule(default_version="1.0")
    async with running(connection_string, hub_name, [version], versions=older) as host:
        await host.start("version", "i", version="2.0")
        await soon(has_come_often, "the older host gives it back again and again", 60)
        waiting = await host.row("i")
    newer = VersionRule(default_version="2.0")
    async with running(connection_string, hub_name, [version], versions=newer) as host:
        row = await host.reaches("i", seconds=60)

    assert waiting.runtime_status == "Pending"
    assert (row.runtime_status, row.output) == ("Completed", '"2.0"')
    assert [record for record in caplog.records if record.exc_info] == []
