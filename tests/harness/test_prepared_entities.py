"""What a test gives to entities before it explores is there in every schedule."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import pytest
from azure.durable_functions import DurableOrchestrationContext as Context

from durable_harness import Harness, NotPossibleError, SdkDefectWarning

Code = Generator[Any, Any, Any]

HarnessFor = Callable[..., Harness]


def account(context: df.DurableEntityContext) -> None:
    balance = context.get_state(lambda: 0)
    if context.operation_name == "deposit":
        balance += context.get_input()
    elif context.operation_name == "set":
        balance = context.get_input()
    context.set_state(balance)
    context.set_result(balance)


def looks_twice(context: Context) -> Code:
    one = df.EntityId("account", "a")
    first = yield context.call_entity(one, "deposit", 1)
    return [first, (yield context.call_entity(one, "deposit", 1))]


def waits(context: Context) -> Code:
    yield context.create_timer(context.current_utc_datetime + timedelta(days=1))


@pytest.fixture
def app() -> df.DFApp:
    """The app of these tests."""
    app = df.DFApp()
    app.entity_trigger(context_name="context")(account)
    app.orchestration_trigger(context_name="context")(looks_twice)
    app.orchestration_trigger(context_name="context")(waits)
    return app


def test_each_schedule_begins_with_the_prepared_states(app: df.DFApp, harness_for: HarnessFor) -> None:
    harness = harness_for(app)
    harness.entity("account", "a").signal("deposit", 100)

    found = harness.explore("looks_twice")

    assert [ending.output for ending in found.outcomes] == ["[101, 102]"]
    assert harness.entity("account", "a").state == 100


def test_what_runs_before_have_left_in_entities_counts_too(app: df.DFApp, harness_for: HarnessFor) -> None:
    harness = harness_for(app)
    harness.run("looks_twice")

    proof = harness.assert_order_independent("looks_twice", faults=1)

    assert [ending.output for ending in proof.outcomes] == ["[3, 4]"]


def test_an_orchestration_that_has_not_ended_is_refused(app: df.DFApp, harness_for: HarnessFor) -> None:
    harness = harness_for(app)
    harness.start("waits")

    with pytest.raises(NotPossibleError, match="'waits-1' has been started in this harness and has not ended"):
        harness.explore("looks_twice")


@pytest.mark.parametrize("value", [0, False, "", [], {}])
def test_a_clients_falsy_input_is_left_out(app: df.DFApp, harness_for: HarnessFor, value: object) -> None:
    harness = harness_for(app)
    entity = harness.entity("account", "a")
    entity.call("set", 5)

    with pytest.warns(SdkDefectWarning, match="falsy_signal: .*leaves it out"):
        entity.signal("set", value)

    assert entity.state == 5  # its operation has failed: the SDK's get_input raises a TypeError


def test_an_orchestrations_call_with_a_falsy_input_arrives_with_it(app: df.DFApp, harness_for: HarnessFor) -> None:
    entity = harness_for(app).entity("account", "a")

    assert entity.call("set", 0).result == 0
