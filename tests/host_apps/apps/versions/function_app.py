"""The example of the documentation: instances that were created before go the old way."""

# mypy: disallow-untyped-decorators=False
from collections.abc import Generator
from typing import Any

import azure.durable_functions as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def branches(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Any]:
    way = "old way" if context.version == "1.0" else "new way"
    return (yield context.call_activity("describe", f"{way} of {context.version}"))


@app.activity_trigger(input_name="text")
def describe(text: str) -> str:
    return text
