"""What the host reads, refuses and never ends, in the harness as on the host: both stand on the same engine."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator
from typing import Any

import azure.durable_functions as df
import pytest
from azure.durable_functions import DurableOrchestrationContext as Context

from durable_harness import Harness, Run

Code = Generator[Any, Any, Any]
HarnessFor = Callable[..., Harness]


NEVER_CALLED = object()


class NoTextError(Exception):
    """An exception that cannot be turned into text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


def retried(context: Context) -> Code:
    interval, attempts = context.get_input()
    return (yield context.call_activity_with_retry("work", df.RetryOptions(interval, attempts), None))


def fails_outright(context: Context) -> Code:
    """Fails in a way that leaves the host no answer, after an activity where that is asked for."""
    how, first = context.get_input()
    if first:
        yield context.call_activity("work", None)
    if how == "text":
        raise NoTextError
    return {1}


def passes(context: Context) -> Code:
    return (yield context.call_activity("work", None))


def swallows(context: Context) -> Code:
    yield context.call_activity("work", None)
    return "read"


def returns_nested(context: Context) -> Code:
    yield context.call_activity("work", None)
    return nested(context.get_input())


def asks_for_much(context: Context) -> Code:
    yield context.task_all([context.call_activity("work", n) for n in range(5)])


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


@pytest.fixture(params=[False, True], ids=["live", "faithful"])
def run(request: pytest.FixtureRequest, harness_for: HarnessFor) -> Callable[..., Run]:
    """Run an orchestrator once, its activity answered, in both ways of asking the SDK."""

    def once(code: Callable[[Context], Code], input: object, answer: object = NEVER_CALLED) -> Run:
        harness = harness_for(code, faithful=request.param)
        if answer is not NEVER_CALLED:
            harness.answer("work", answer)
        return harness.run(code, input)

    return once


@pytest.mark.parametrize("attempts", [0, -1, 2.5])
def test_retries_that_the_real_host_never_ends_end_with_an_error_that_says_so(
    run: Callable[..., Run], attempts: float
) -> None:
    result = run(retried, [1000, attempts], ValueError("always") if attempts > 0 else NEVER_CALLED)

    assert result.runtime_status == "Failed"
    assert f"maxNumberOfAttempts={attempts}" in str(result.error)
    assert "would stay Running for ever" in str(result.error)


@pytest.mark.parametrize(
    ("interval", "said"),
    [(0.5, "Invalid interval."), (2**31, "Value was either too large or too small for an Int32.")],
)
def test_an_interval_that_the_host_refuses_fails_the_orchestration_in_its_words(
    run: Callable[..., Run], interval: float, said: str
) -> None:
    result = run(retried, [interval, 2])

    assert str(result.error).startswith(f"Orchestrator function 'retried' failed: {said}")


def test_a_fraction_of_a_millisecond_is_rounded_away(run: Callable[..., Run]) -> None:
    result = run(retried, [300.4, 2.0], ValueError("always"))

    assert len(result.calls_of("work")) == 2
    assert "would stay Running" not in str(result.error)


@pytest.mark.parametrize("how", ["text", "set"])
def test_an_invocation_without_an_answer_is_non_deterministic_once_something_was_scheduled(
    run: Callable[..., Run], how: str
) -> None:
    first, later = run(fails_outright, [how, False]), run(fails_outright, [how, True], "done")

    assert "One or more errors occurred. (Result: Failure" in str(first.error)
    assert str(later.error).startswith("Non-Deterministic workflow detected: ")
    assert "hasn't (yet?) scheduled this task" in str(later.error)


def test_an_activity_whose_exception_has_no_text_fails_with_the_workers_own(run: Callable[..., Run]) -> None:
    result = run(passes, None, NoTextError())

    assert "Unhandled exception in function. Could not serialize original exception message." in str(result.error)


def test_a_result_may_have_64_levels_and_no_more(run: Callable[..., Run]) -> None:
    most, more = run(swallows, None, nested(64)), run(swallows, None, nested(65))

    assert most.output == "read"
    assert "Activity function 'work' failed: The reader's MaxDepth of 64 has been exceeded." in str(more.error)


def test_an_output_has_the_answer_around_it(run: Callable[..., Run]) -> None:
    most, more = run(returns_nested, 63, "done"), run(returns_nested, 64, "done")

    assert most.output == nested(63)
    assert str(more.error).startswith("Non-Deterministic workflow detected: ")


def test_what_an_episode_decides_has_growing_times(run: Callable[..., Run]) -> None:
    history = run(asks_for_much, None, "done").history

    begins = [place for place, event in enumerate(history) if event.kind == "OrchestratorStarted"]
    for begin, end in zip(begins, [*begins[1:], len(history)], strict=True):
        decided = [event.timestamp for event in history[begin + 1 : end] if not event.is_played]
        assert all(one < two for one, two in itertools.pairwise([history[begin].timestamp, *decided]))
