"""An orchestrator of the v1 model."""

from collections.abc import Generator
from typing import Any

import azure.durable_functions as df


def orchestrator(context: df.DurableOrchestrationContext) -> Generator[Any, Any, list[Any]]:
    first = yield context.call_activity("Hello", "Tokyo")
    count = yield context.call_entity(df.EntityId("Counter", "c"), "add", 2)
    second = yield context.call_activity("Hello", {"x": 1})
    return [first, count, second]


main = df.Orchestrator.create(orchestrator)
