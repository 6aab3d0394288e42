"""Writes ``fixtures/timelines``: what timelines look like in a terminal.

The histories whose timelines are kept as text, and how each of them is drawn.
Invariant: look at what changed before you commit it: these texts are read by people.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Generator
from functools import cache
from typing import Any, Final

import azure.durable_functions as df

from durable_engine.timeline.timeline import Timeline, timeline_of
from engine.history_fixtures import committed
from engine.recordings import RECORDINGS
from engine.simulated_runs import SimulatedRun, simulate

__all__ = ["TIMELINES", "simulated", "written"]

TIMELINES: Final = RECORDINGS.parent / "timelines"

Steps = Generator[Any, Any, Any]


def main() -> None:
    """Write all texts."""
    TIMELINES.mkdir(exist_ok=True)
    for name, text in written().items():
        TIMELINES.joinpath(name).write_text(text, encoding="utf-8")


@cache
def written() -> dict[str, str]:
    """Every file and its text."""
    histories = committed()
    recorded = {
        "chain.txt": timeline_of(histories["chain.rows.json"]).text(),
        "entity_calls.txt": timeline_of(histories["entity_calls.rows.json"]).text(),
        "fan_out_10.txt": timeline_of(histories["fan_out_10.rows.json"]).text(),
        "fan_out_10_from_the_api.txt": timeline_of(histories["fan_out_10.status.json"]).text(),
        "retry_succeeds.txt": timeline_of(histories["retry_succeeds.rows.json"]).text(width=120),
        "retry_succeeds_ascii_60.txt": timeline_of(histories["retry_succeeds.rows.json"]).text(
            width=60, ascii_only=True
        ),
        "suspend_resume.txt": timeline_of(histories["suspend_resume.rows.json"]).text(width=80),
        "terminate.txt": timeline_of(histories["terminate.rows.json"]).text(width=80),
    }
    made = {
        "fan_out_300.txt": _of(simulated("fan_out_300")).text(),
        "long_timers.txt": _of(simulated("long_timers")).text(),
        "long_timers_ascii_72.txt": _of(simulated("long_timers")).text(width=72, ascii_only=True),
        "monitor.txt": _of(simulated("monitor")).text(width=110),
        "no_time_passes.txt": _of(simulated("no_time_passes")).text(),
        "still_running.txt": _of(simulated("still_running")).text(),
    }
    return {name: f"{text}\n" for name, text in (recorded | made).items()}


@cache
def simulated(name: str) -> SimulatedRun:
    """A run of an orchestration that was made up for its timeline."""
    match name:
        case "fan_out_300":
            return simulate(_fan_out, 300, activity=_Unreliable())
        case "long_timers":
            return simulate(_long_timers, activity=_quick, events=[(10 * 86_400 + 5, "approval", True)])
        case "still_running":
            return simulate(_long_timers, activity=_quick, until=10 * 86_400 + 1)
        case "monitor":
            return simulate(_monitor, activity=lambda _, given: (given, 0.08))
        case "no_time_passes":
            return simulate(_two_stages, activity=lambda _, given: (given, 0.0))
        case _:
            raise LookupError(f"There is no simulated run {name!r}.")


def _of(run: SimulatedRun) -> Timeline:
    return timeline_of(run.history, custom_statuses=run.custom_statuses, inputs=run.inputs)


class _Unreliable:
    """Activities of which number 3 fails twice, and number 17 always."""

    def __init__(self) -> None:
        self.tries: dict[int, int] = {}

    def __call__(self, _: str, number: int) -> tuple[Any, float]:
        self.tries[number] = self.tries.get(number, 0) + 1
        if number == 17 or (number == 3 and self.tries[number] < 3):
            return ValueError("no answer"), 0.4
        return number, 0.12 + (number * 7 % 19) / 12


def _quick(_: str, given: Any) -> tuple[Any, float]:
    return given, 0.05 * (given + 1) if isinstance(given, int) else 0.1


def _fan_out(context: df.DurableOrchestrationContext) -> Steps:
    retry = df.RetryOptions(first_retry_interval_in_milliseconds=2_000, max_number_of_attempts=3)
    return (
        yield context.task_all(
            [context.call_activity_with_retry("work", retry, number) for number in range(context.get_input())]
        )
    )


def _long_timers(context: df.DurableOrchestrationContext) -> Steps:
    yield context.call_activity("work", 1)
    yield context.create_timer(context.current_utc_datetime + dt.timedelta(days=10))
    yield context.task_all([context.call_activity("check", number) for number in range(5)])
    approval = context.wait_for_external_event("approval")
    deadline = context.create_timer(context.current_utc_datetime + dt.timedelta(hours=48))
    if (yield context.task_any([approval, deadline])) is approval:
        deadline.cancel()
    yield context.call_sub_orchestrator("child", {"approved": True})
    return "approved"


def _monitor(context: df.DurableOrchestrationContext) -> Steps:
    for poll in range(1, 9):
        yield context.call_activity("check", poll)
        context.set_custom_status({"polls": poll})
        yield context.create_timer(context.current_utc_datetime + dt.timedelta(hours=1))
    return "done"


def _two_stages(context: df.DurableOrchestrationContext) -> Steps:
    context.set_custom_status("working")
    results = yield context.task_all([context.call_activity("work", number) for number in range(4)])
    context.set_custom_status({"done": len(results)})
    return (yield context.call_activity("check", results))


if __name__ == "__main__":
    main()
