# mypy: disallow-untyped-decorators=False
"""Versions of orchestrations in the harness: what an instance sees, what its children get, what does not run."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any

import azure.durable_functions as df
import pytest

from durable_harness import Harness, StuckError, VersionRule

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def branches(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Any]:
    """The example of the documentation: old instances go the old way."""
    name = "old_way" if context.version == "1.0" else "new_way"
    return (yield context.call_activity(name, context.version))


@app.orchestration_trigger(context_name="context")
def has_children(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Any]:
    default = yield context.call_sub_orchestrator("branches")
    own = yield context.call_sub_orchestrator("branches", version="1.0")
    newer = yield context.call_sub_orchestrator("branches", version=context.get_input())
    return [default, own, newer]


@app.activity_trigger(input_name="version")
def old_way(version: str) -> str:
    return f"old {version}"


@app.activity_trigger(input_name="version")
def new_way(version: str) -> str:
    return f"new {version}"


def harness_with(**versions: Any) -> Harness:
    harness = Harness(app, versions=VersionRule(**versions))
    harness.use_app_activities()
    return harness


def test_an_instance_has_the_default_version_or_the_one_it_was_started_with() -> None:
    harness = harness_with(default_version="2.0")

    outputs = [harness.run("branches").output, harness.run("branches", version="1.0").output]

    assert outputs == ["new 2.0", "old 1.0"]


def test_children_get_the_default_version_unless_they_name_their_own() -> None:
    run = harness_with(default_version="2.0").run("has_children", "1.9", version="1.0")

    assert run.output == ["new 2.0", "old 1.0", "new 1.9"]


def test_an_instance_of_a_newer_version_waits_and_the_error_says_for_what() -> None:
    with pytest.raises(StuckError) as caught:
        harness_with(default_version="2.0").run("branches", version="3.0")

    assert caught.value.waits_for == (
        "a host of its version: The orchestration version '3.0' is greater than the worker version '2.0'.",
    )


def test_a_parent_whose_child_waits_for_another_version_is_told_so() -> None:
    with pytest.raises(StuckError, match="waits for a host of its version: The orchestration version"):
        harness_with(default_version="2.0").run("has_children", "3.0")


def test_where_host_json_says_fail_an_instance_of_another_version_fails() -> None:
    run = harness_with(default_version="2.0", match="Strict", fails=True).run("branches", version="1.0")

    assert run.runtime_status == "Failed"
    assert run.output == ("VersionMismatch: The orchestration version '1.0' does not match the worker version '2.0'.")


def test_the_client_of_a_starter_names_a_version() -> None:
    harness = harness_with(default_version="2.0")

    instance_id = asyncio.run(harness.client.start_new("branches", version="1.0"))

    assert harness.instance(instance_id).run().output == "old 1.0"


def test_every_order_of_a_versioned_instance_is_explored() -> None:
    harness = harness_with(default_version="2.0")

    assert {ending.output for ending in harness.explore("branches").outcomes} == {"new 2.0"}


def test_a_strategy_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="match is 'Newest', but must be one of None, Strict, CurrentOrOlder"):
        VersionRule(match="Newest")
