"""What the log says of orchestrations that go on under another host: as much as under the one that they began with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from azure.durable_functions import DurableOrchestrationContext as Context
from azure.durable_functions import RetryOptions

from host.dispatch_steps import SDK_WARNINGS, Steps, running

pytestmark = SDK_WARNINGS
RESUMED = "was resumed by a timer scheduled for"


def child(context: Context) -> None:
    raise ValueError("the child fails")


def tries_twice(context: Context) -> Steps:
    """Has a pause of the retry options between its attempts."""
    try:
        yield context.call_sub_orchestrator_with_retry("child", RetryOptions(2000, 2))
    except Exception:
        return "gave up"


def sleeps(context: Context) -> Steps:
    """Has a timer of its own."""
    yield context.create_timer(context.current_utc_datetime + timedelta(seconds=2))


@pytest.mark.parametrize(("orchestrator", "resumed"), [(tries_twice, 0), (sleeps, 1)])
async def test_after_a_restart_only_a_timer_of_the_app_is_told_as_one(
    connection_string: str,
    hub_name: str,
    caplog: pytest.LogCaptureFixture,
    orchestrator: Callable[[Any], Any],
    resumed: int,
) -> None:
    # quiet/log_retry_activity and quiet/log_timer of fixtures/recordings/triggers.
    caplog.set_level("INFO")
    async with running(connection_string, hub_name, [orchestrator, child]) as first:
        await first.start(orchestrator.__name__, "i")
        await first.has_event("i", "TimerCreated")

    async with running(connection_string, hub_name, [orchestrator, child]) as second:
        await second.reaches("i", "Completed")

    assert sum(RESUMED in message for message in caplog.messages) == resumed
