"""Timers as users write them; what fires says so in a queue."""

# mypy: disallow-untyped-decorators=False
from __future__ import annotations

import json

import azure.functions as func

app = func.FunctionApp()
STORAGE = "AzureWebJobsStorage"


def _said(name: str, timer: func.TimerRequest) -> str:
    return json.dumps({"timer": name, "is_past_due": timer.past_due})


@app.timer_trigger(arg_name="timer", schedule="0 0 3 * * *")
@app.queue_output(arg_name="$return", queue_name="%FIRED%", connection=STORAGE)
def nightly(timer: func.TimerRequest) -> str:
    return _said("nightly", timer)


@app.timer_trigger(arg_name="timer", schedule="0 30 12 * * *", run_on_startup=True, use_monitor=False)
@app.queue_output(arg_name="$return", queue_name="%FIRED%", connection=STORAGE)
def noon(timer: func.TimerRequest) -> str:
    return _said("noon", timer)


@app.timer_trigger(arg_name="timer", schedule="*/2 * * * * *")
@app.queue_output(arg_name="$return", queue_name="%FIRED%", connection=STORAGE)
def often(timer: func.TimerRequest) -> str:
    return _said("often", timer)
