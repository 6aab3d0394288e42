"""What a proof sees besides an ending: calls and their order, entities, statuses, and the world of each schedule."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import pytest
from azure.durable_functions import DurableOrchestrationContext as Context

from durable_harness import Harness, in_turn
from durable_harness.core.errors import (
    NotPossibleError,
    NotProvedError,
    OrderDependentError,
    UnknownNameError,
    WrongArgumentError,
)
from durable_harness.running.run_result import Run
from durable_harness.world import World

Code = Generator[Any, Any, Any]
HarnessFor = Callable[..., Harness]


def ships_or_refunds(context: Context) -> Code:
    shipped = context.call_activity("ship", "order 1")
    timeout = context.create_timer(context.current_utc_datetime + timedelta(hours=1))
    winner = yield context.task_any([shipped, timeout])
    if winner is timeout:
        yield context.call_activity("refund", "order 1")  # the parcel may still go out
        return "refunded"
    timeout.cancel()
    return "shipped"


def charges(context: Context) -> Code:
    yield context.call_activity("charge", "order 1")
    return "done"


def adds_one(context: Context) -> Code:
    account = df.EntityId("account", "a")
    balance = yield context.call_entity(account, "get")
    context.signal_entity(account, "set", balance + 1)
    return "done"


def two_add(context: Context) -> Code:
    yield context.task_all([context.call_sub_orchestrator("adds_one", None, f"adds-{number}") for number in (1, 2)])
    return "done"


def spends(context: Context) -> Code:
    return (yield context.call_entity(df.EntityId("account", "a"), "get"))


def says_who_came_first(context: Context) -> Code:
    tasks = [context.call_activity("work", one) for one in "ab"]
    winner = yield context.task_any(tasks)
    context.set_custom_status(f"first: {winner.result}")
    yield context.task_all(tasks)
    return "done"


def reserves(context: Context) -> Code:
    return (yield context.call_activity("reserve", context.get_input()))


def two_reserve(context: Context) -> Code:
    names = ["first", "second"]
    return (yield context.task_all([context.call_sub_orchestrator("reserves", name, name) for name in names]))


def account(context: df.DurableEntityContext) -> None:
    balance = context.get_state(lambda: 0)
    if context.operation_name in ("set", "deposit"):
        balance = (context.get_input() or 0) + (balance if context.operation_name == "deposit" else 0)
        context.set_state(balance)
    context.set_result(balance)


def bank(*orchestrators: Any) -> df.DFApp:
    app = df.DFApp()
    for orchestrator in orchestrators:
        app.orchestration_trigger(context_name="context")(orchestrator)
    app.entity_trigger(context_name="context")(account)
    return app


def test_a_compensation_that_begins_before_the_step_has_ended_is_found(harness_for: HarnessFor) -> None:
    def never_refunds_what_may_still_go_out(run: Run) -> bool:
        refunds = run.calls_of("refund") if run.was_called("refund") else ()
        return all(run.calls_of("ship")[0].ended_before(refund) for refund in refunds)

    harness = harness_for(ships_or_refunds)
    harness.answer("ship", None)
    harness.answer("refund", None)

    with pytest.raises(OrderDependentError) as caught:
        harness.assert_always(ships_or_refunds, never_refunds_what_may_still_go_out)

    assert "refund('order 1'): began before ship('order 1') had ended" in str(caught.value)


def test_a_charge_that_ran_twice_because_a_worker_died_is_found(harness_for: HarnessFor) -> None:
    def charged_once(run: Run) -> None:
        assert run.world == ["order 1"], f"charged {len(run.world)} times"

    def world(world: World) -> list[str]:
        charged: list[str] = []
        world.answer("charge", charged.append)
        return charged

    harness = harness_for(charges)

    with pytest.raises(OrderDependentError) as caught:
        harness.assert_always(charges, charged_once, faults=1, world=world)

    text = str(caught.value)
    assert "charged 2 times" in text
    assert "charge('order 1'): ran 2 times" in text
    assert "--durable-replay=DH1-" in text
    assert harness.assert_always(charges, charged_once, world=world).is_exhausted


def test_an_update_that_another_one_overwrites_is_found(harness_for: HarnessFor) -> None:
    harness = harness_for(bank(adds_one, two_add))

    found = harness.explore("two_add", see=lambda run: run.entity("account", "a"))
    with pytest.raises(OrderDependentError, match="entity @account@a: 1"):
        harness.assert_order_independent("two_add")

    assert {outcome.seen for outcome in found.outcomes} == {1, 2}
    assert {outcome.output for outcome in found.outcomes} == {'"done"'} or {o.output for o in found.outcomes} == {
        "done"
    }


def test_two_endings_that_look_equal_show_what_they_differ_in(harness_for: HarnessFor) -> None:
    harness = harness_for(says_who_came_first)
    harness.answer("work", lambda one: one)

    with pytest.raises(OrderDependentError) as caught:
        harness.assert_order_independent(says_who_came_first)

    assert 'custom status: "first: a"' in str(caught.value)
    assert 'custom status: "first: b"' in str(caught.value)


def test_an_entity_that_was_given_a_state_has_it_in_every_schedule(harness_for: HarnessFor) -> None:
    harness = harness_for(bank(spends))
    harness.entity("account", "a").signal("deposit", 100)

    found = harness.explore("spends", faults=1)

    assert [outcome.output for outcome in found.outcomes] == ["100"]
    assert harness.entity("account", "a").state == 100


def test_a_world_seeds_entities_anew_for_every_schedule(harness_for: HarnessFor) -> None:
    harness = harness_for(bank(adds_one))

    found = harness.explore(
        "adds_one",
        world=lambda world: world.entity("account", "a").signal("deposit", 5),
        see=lambda run: run.entity("account", "a"),
    )

    assert [outcome.seen for outcome in found.outcomes] == [6]


def test_what_was_started_and_has_not_ended_cannot_be_explored_beside(harness_for: HarnessFor) -> None:
    harness = harness_for(charges)
    harness.start(charges)

    with pytest.raises(NotPossibleError, match="'charges-1' has been started in this harness and has not ended"):
        harness.explore(charges)


def test_answers_that_share_a_state_show_which_instance_was_first(harness_for: HarnessFor) -> None:
    def world(world: World) -> None:
        left = ["the last one"]
        world.answer("reserve", lambda name: f"{name}: {left.pop() if left else 'sold out'}")

    found = harness_for([reserves, two_reserve]).explore(two_reserve, world=world)

    assert found.is_exhausted
    assert len(found.outcomes) == 2
    assert "they share the state of the world's answers" in found.proof


def test_answers_in_turn_are_shared_between_instances_too(harness_for: HarnessFor) -> None:
    harness = harness_for([reserves, two_reserve])
    harness.answer("reserve", in_turn(1, 2))

    found = harness.explore(two_reserve)

    assert {outcome.output for outcome in found.outcomes} == {"[1, 2]", "[2, 1]"}


def test_what_differs_between_orders_that_are_one_cannot_be_read(harness_for: HarnessFor) -> None:
    harness = harness_for([reserves, two_reserve])
    harness.answer("reserve", lambda name: name)

    def reads_time(run: Run) -> bool:
        return bool(run.sub_orchestrations[0].ended_at <= run.sub_orchestrations[1].ended_at)

    def reads_order(run: Run) -> bool:
        first, second = (child.calls[0] for child in run.sub_orchestrations)
        return not first.ended_before(second)

    with pytest.raises(NotPossibleError, match=r"ended_at of a sub-orchestration is not seen.*order_across_instances"):
        harness.assert_always(two_reserve, reads_time)
    with pytest.raises(NotPossibleError, match="order_across_instances=True"):
        harness.assert_always(two_reserve, reads_order)
    with pytest.raises(NotPossibleError, match=r"Run\.history is not seen"):
        harness.assert_always(two_reserve, lambda run: len(run.history) > 0)


def test_order_across_instances_is_seen_where_a_test_asks_for_it(harness_for: HarnessFor) -> None:
    harness = harness_for([reserves, two_reserve])
    harness.answer("reserve", lambda name: name)

    def see(run: Run) -> bool:
        first, second = (child.calls[0] for child in run.sub_orchestrations)
        return first.ended_before(second)

    found = harness.explore(two_reserve, see=see, order_across_instances=True)

    assert {outcome.seen for outcome in found.outcomes} == {False, True}
    assert "run too, since order_across_instances=True lets the test see their order and time" in found.proof
    assert harness.assert_always(two_reserve, lambda run: run.elapsed == timedelta(0)).is_exhausted


def test_what_was_not_proved_says_that_pruning_was_switched_off(harness_for: HarnessFor) -> None:
    harness = harness_for([reserves, two_reserve])
    harness.answer("reserve", lambda name: name)

    with pytest.raises(NotProvedError, match=r"independent instances were run too, since order_across_instances=True"):
        harness.assert_always(two_reserve, lambda run: True, order_across_instances=True, budget=2)


@pytest.mark.parametrize(
    ("set_up", "says"),
    [
        (lambda one: one.answer("wrok", 1), "no activity or orchestrator 'wrok'. Did you mean 'work'"),
        (lambda one: one.answer(5, 1), "the name of what is answered is a text that is not empty, not 5"),
        (lambda one: one.answer("work", 1, after=-1), "after is not negative"),
        (lambda one: one.answer_http("GET", None, 1), "url is a text"),
        (lambda one: one.answer_entity("acount", "add", 1), "no entity 'acount'. Did you mean 'account'"),
        (lambda one: one.answer_entity("account", "", 1), "an operation's name is a text"),
        (lambda one: one.entity(5, "a"), "an entity's name is a text"),
        (lambda one: one.entity("account", 5), "an entity's key is a text"),
    ],
)
def test_a_world_checks_what_it_is_told_as_the_harness_does(
    harness_for: HarnessFor, set_up: Callable[[Any], object], says: str
) -> None:
    def work(item: str) -> None: ...

    app = bank(two_add, adds_one)
    app.activity_trigger(input_name="item")(work)
    harness = harness_for(app)

    with pytest.raises((UnknownNameError, WrongArgumentError), match=says):
        harness.explore("two_add", world=set_up)
    with pytest.raises((UnknownNameError, WrongArgumentError), match=says):
        set_up(harness)


def test_a_failing_assert_keeps_its_words_and_the_schedule(harness_for: HarnessFor) -> None:
    def holds(run: Run) -> None:
        assert run.custom_statuses[-1] == "first: a", "a should be first"

    harness = harness_for(says_who_came_first)
    harness.answer("work", lambda one: one)

    with pytest.raises(OrderDependentError) as caught:
        harness.assert_always(says_who_came_first, holds)

    assert "'says_who_came_first' does not always hold: a should be first" in str(caught.value)
    assert "deviates 1 time" in str(caught.value)
    assert len(caught.value.tokens) == 2
