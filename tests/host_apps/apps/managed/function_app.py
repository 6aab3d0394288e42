"""An app of the Durable Task Scheduler, with a folder of the v1 model beside it that is not loaded."""

# mypy: disallow-untyped-decorators=False
from collections.abc import Generator
from pathlib import Path
from typing import Any

import azure.durable_functions as df

app = df.DFApp()


@app.orchestration_trigger(context_name="context")
def greet(context: df.DurableOrchestrationContext) -> Generator[Any, Any, Any]:
    return (yield context.call_activity("read", context.get_input()))


@app.activity_trigger(input_name="name")
def read(name: str) -> str:
    return Path(name).read_text(encoding="utf-8").strip()  # from the app's folder: that is where the worker is
