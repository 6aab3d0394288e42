"""How an execution stands: awaited and kept events, notices of every episode, and code that no longer agrees."""

from __future__ import annotations

from azure.durable_functions import DurableOrchestrationContext as Context

from durable_engine import standing_of
from engine.one_instance import OneInstance, Steps
from engine.sdk_warnings import SDK_WARNINGS

pytestmark = SDK_WARNINGS


def _waits_for_two(context: Context) -> Steps:
    yield context.call_activity("a")
    yield context.task_all([context.wait_for_external_event("Approved"), context.wait_for_external_event("Paid")])


def test_awaited_events_have_the_names_that_the_code_gives_them() -> None:
    one = OneInstance(_waits_for_two)
    one.start()
    before = standing_of(one.app, one.history)
    one.receive(one.completed(0))

    after = standing_of(one.app, one.history)

    assert before.awaited_events == ()
    assert after.awaited_events == ("Approved", "Paid")


def test_event_that_has_come_is_awaited_no_more() -> None:
    one = OneInstance(_waits_for_two)
    one.start()
    one.receive(one.completed(0))
    one.receive(one.raised("APPROVED", 1))

    assert standing_of(one.app, one.history).awaited_events == ("Paid",)


def test_event_that_nobody_has_waited_for_is_kept() -> None:
    one = OneInstance(_waits_for_two)
    one.start()
    one.receive(one.raised("Paid", 1))

    standing = standing_of(one.app, one.history)

    assert (standing.awaited_events, standing.kept_events) == ((), (("Paid", 1),))


def test_notice_of_an_earlier_episode_is_still_told() -> None:
    def calls_nobody(context: Context) -> Steps:
        yield context.call_activity("nobody")

    one = OneInstance(calls_nobody)
    one.start()
    one.receive(one.raised("anything"))

    standing = standing_of(one.app, one.history)

    assert [notice.code for notice in standing.notices] == ["unknown_activity"]


def test_code_that_decides_otherwise_is_told_in_the_hosts_words() -> None:
    def calls_b(context: Context) -> Steps:
        yield context.call_activity("b")

    one = OneInstance(_waits_for_two)
    one.start()
    one.function, one.name = calls_b, "calls_b"

    assert "Non-Deterministic" in (standing_of(one.app, one.history).refusal or "")


def test_orchestrator_that_is_gone_is_told() -> None:
    one = OneInstance(_waits_for_two)
    one.start()
    other = OneInstance(lambda context: iter(()))

    assert "_waits_for_two" in (standing_of(other.app, one.history).refusal or "")


def test_execution_that_has_ended_waits_for_nothing() -> None:
    def ends(context: Context) -> Steps:
        yield context.call_activity("a")

    one = OneInstance(ends)
    one.start()
    one.receive(one.completed(0))

    standing = standing_of(one.app, one.history)

    assert (standing.awaited_events, standing.notices, standing.refusal) == ((), (), None)
