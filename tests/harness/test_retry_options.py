"""Retry options as the host reads them: floats become whole numbers, and what is no Int32 fails the orchestration."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
import pytest
from azure.durable_functions import DurableOrchestrationContext as Context

from durable_harness import Harness, in_turn

Code = Generator[Any, Any, Any]
HarnessFor = Callable[..., Harness]


def retries(context: Context) -> Code:
    interval, attempts = context.get_input()
    options = df.RetryOptions(first_retry_interval_in_milliseconds=interval, max_number_of_attempts=attempts)
    return (yield context.call_activity_with_retry("flaky", options))


@pytest.mark.parametrize(
    ("interval", "attempts", "waited"),
    [(5000.0, 3, timedelta(seconds=5)), (5000, 3.0, timedelta(seconds=5)), (1500.75, 2, timedelta(milliseconds=1501))],
)
def test_floats_are_taken_as_whole_numbers(
    harness_for: HarnessFor, interval: float, attempts: float, waited: timedelta
) -> None:
    harness = harness_for(retries)
    harness.answer("flaky", in_turn(RuntimeError("1st"), "2nd"))

    run = harness.run(retries, [interval, attempts])

    assert (run.output, run.elapsed) == ("2nd", waited)


@pytest.mark.filterwarnings("ignore::durable_harness.UnusedWarning")  # it fails before it calls anything
@pytest.mark.parametrize(
    ("interval", "says"),
    [
        (0.5, "Invalid interval.  Specify a TimeSpan value greater then TimeSpan.Zero."),
        (2**31, "Value was either too large or too small for an Int32."),
    ],
)
def test_an_interval_that_the_host_cannot_take_fails_the_orchestration(
    harness_for: HarnessFor, interval: float, says: str
) -> None:
    harness = harness_for(retries)
    harness.answer("flaky", "never asked")

    run = harness.run(retries, [interval, 3])

    assert run.runtime_status == "Failed"
    assert says in str(run.error)
