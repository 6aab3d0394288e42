"""The smallest orchestrators: what the harness says of a test does not depend on more."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from azure.durable_functions import DurableOrchestrationContext as Context

from durable_harness import Harness

Code = Generator[Any, Any, Any]
HarnessFor = Callable[..., Harness]


def one_call(context: Context) -> Code:
    return (yield context.call_activity("work", context.get_input()))


def two_calls(context: Context) -> Code:
    return (yield context.task_all([context.call_activity("work", number) for number in (1, 2)]))


def waits(context: Context) -> Code:
    return (yield context.wait_for_external_event("approved"))
