"""The order of a set of strings is another one in every process: found by running the code in other interpreters."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest
from azure.durable_functions import DurableOrchestrationContext as Context

from durable_harness import DeterminismError, Harness

Code = Generator[Any, Any, Any]
HarnessFor = Callable[..., Harness]

NAMES = ["anna", "bert", "carla", "dora", "emil"]


def through_a_set(context: Context) -> Code:
    for name in set(context.get_input()):
        yield context.call_activity("greet", name)


def through_a_set_of_a_helper(context: Context) -> Code:
    for name in _distinct(context.get_input()):
        yield context.call_activity("greet", name)


def _distinct(names: list[str]) -> Any:
    return {name.strip() for name in names}


def through_a_sorted_set(context: Context) -> Code:
    for name in sorted(set(context.get_input())):
        yield context.call_activity("greet", name)


def by_hash(context: Context) -> Code:
    return (yield context.call_activity("greet", hash(context.get_input()[0]) % 1000))


@pytest.mark.parametrize("orchestrator", [through_a_set, through_a_set_of_a_helper, by_hash])
def test_what_a_hash_seed_decides_is_found(harness_for: HarnessFor, orchestrator: Callable[[Context], Code]) -> None:
    harness = harness_for(orchestrator)
    harness.answer("greet", None)

    with pytest.raises(DeterminismError, match=r"(?s)something else in another process.*Say sorted") as caught:
        harness.run(orchestrator, NAMES)

    assert caught.value.code == "hash_order"


def test_a_set_that_is_sorted_is_all_right(harness_for: HarnessFor) -> None:
    harness = harness_for(through_a_sorted_set)
    harness.answer("greet", None)

    run = harness.run(through_a_sorted_set, NAMES)

    assert run.findings == ()
    assert run.inputs_of("greet") == NAMES


def test_an_order_of_a_set_is_not_proved(harness_for: HarnessFor) -> None:
    harness = harness_for(through_a_set)
    harness.answer("greet", None)

    with pytest.raises(DeterminismError, match="something else in another process"):
        harness.assert_order_independent(through_a_set, NAMES)


def test_code_that_closes_over_a_value_is_run_there_too(harness_for: HarnessFor) -> None:
    prefix = "to "

    def closes_over(context: Context) -> Code:
        for name in set(context.get_input()):
            yield context.call_activity("greet", prefix + name)

    harness = harness_for(closes_over)
    harness.answer("greet", None)

    with pytest.raises(DeterminismError, match="something else in another process"):
        harness.run("closes_over", NAMES)


def test_code_that_cannot_be_taken_there_is_said_to_be_unchecked(harness_for: HarnessFor) -> None:
    stream = iter(())  # an iterator of a tuple can be pickled, a lambda cannot
    unpicklable = lambda: stream  # noqa: E731 - a function that cannot be sent

    def closes_over(context: Context) -> Code:
        assert unpicklable() is stream  # type: ignore[no-untyped-call]  # a lambda has no types
        for name in set(context.get_input()):
            yield context.call_activity("greet", name)

    harness = harness_for(closes_over)
    harness.answer("greet", None)

    (finding,) = harness.run("closes_over", NAMES).findings

    assert (finding.kind, finding.code) == ("unchecked", "hash_order")
    assert "was not run under another hash seed" in finding.text
