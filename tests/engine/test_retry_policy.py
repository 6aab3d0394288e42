"""Retry options as the host converts them, and when it gives up."""

from __future__ import annotations

from typing import Any

import pytest

from durable_engine.orchestration.retries import RetryPolicy

MILLISECOND = 10_000


def policy(interval: object = 1000, attempts: object = 3, **more: object) -> RetryPolicy:
    names = {"firstRetryIntervalInMilliseconds": interval, "maxNumberOfAttempts": attempts}
    return RetryPolicy.of(names | more)


def waits(of: RetryPolicy, *, took: int = 0) -> list[float | None]:
    """The waits in milliseconds after each failed attempt, each attempt having taken so long."""
    now, found = 0, []
    for failed in range(1, of.attempts + 1):
        now += took * MILLISECOND
        wait = of.wait_after(failed, began_at=0, now=now)
        found.append(None if wait is None else wait / MILLISECOND)
        now += wait or 0
    return found


@pytest.mark.parametrize(
    ("value", "number"), [(1500.75, 1501), (300.4, 300), (1.5, 2), (2.5, 2), ("3", 3), (" -0007 ", -7), (True, 1)]
)
def test_a_number_is_converted_as_dotnet_converts_it(value: object, number: int) -> None:
    assert policy(attempts=value).attempts == number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "Can not convert Null to Int32."),
        ([], "Can not convert Array to Int32."),
        ("many", "The input string 'many' was not in a correct format."),
        (2**31, "Value was either too large or too small for an Int32."),
        (1e300, "Value was either too large or too small for an Int32."),
        (float("nan"), "Value was either too large or too small for an Int32."),
        (
            0.5,
            "Invalid interval.  Specify a TimeSpan value greater then TimeSpan.Zero. (Parameter 'firstRetryInterval')",
        ),
    ],
)
def test_an_interval_that_cannot_be_one_is_refused_in_dotnets_words(value: object, text: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011  # the whole text is compared
        policy(interval=value)

    assert str(refused.value) == text


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, [1000, 1000, 0]),
        ({"backoffCoefficient": 2}, [1000, 2000, 0]),
        ({"backoffCoefficient": 0.5}, [1000, 500, 0]),
        ({"backoffCoefficient": -1}, [1000, -1000, 0]),
        ({"backoffCoefficient": 1e9, "maxRetryIntervalInMilliseconds": 1500}, [1000, 1500, 0]),
        ({"backoffCoefficient": 0}, [1000, None, None]),
        ({"retryTimeoutInMilliseconds": 0}, [None, None, None]),
        ({"retryTimeoutInMilliseconds": 1500}, [1000, 1000, None]),
    ],
)
def test_the_host_waits_and_gives_up_as_its_options_say(more: dict[str, Any], expected: list[float | None]) -> None:
    assert waits(policy(**more)) == expected


@pytest.mark.parametrize(("asked", "host", "sdk"), [(3, 3, 3), (2.5, 2, 3), (0, 0, 1), (-1, -1, 1), (1.2, 1, 2)])
def test_the_sdk_may_want_more_attempts_than_the_host_makes(asked: float, host: int, sdk: int) -> None:
    one = policy(attempts=asked)

    assert (one.attempts, one.sdk_attempts) == (host, sdk)
