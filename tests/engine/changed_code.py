"""Code whose history is checked: its first version, simulated runs of it, and what a check of them says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Generator
from typing import Any

from azure.durable_functions import DurableOrchestrationContext as Context

from durable_engine.checking.check import (
    DifferenceKind,
    HistoryReport,
    Severity,
    check_history,
)
from durable_engine.model.events import HistoryEvent
from engine.sdk_warnings import SDK_WARNINGS
from engine.simulated_runs import app_of, simulate

pytestmark = SDK_WARNINGS


Steps = Generator[Any, Any, Any]


def version_1(context: Context) -> Steps:
    urls = context.get_input()
    titles = yield context.task_all([context.call_activity("work", url) for url in urls])
    yield context.create_timer(context.current_utc_datetime + dt.timedelta(minutes=5))
    yield context.call_activity("send_email", titles)
    answer = yield context.wait_for_external_event("answer")
    yield context.call_sub_orchestrator("child", answer, f"{context.instance_id}-child")
    return titles


def run_of_version_1(until: float = 1e12) -> tuple[HistoryEvent, ...]:
    return simulate(version_1, ["a", "b"], events=[(900, "answer", "yes")], until=until).history


def check(code: Callable[[Context], Any], history: tuple[HistoryEvent, ...], **names: Any) -> HistoryReport:
    return check_history(app_of(code, **names), history)


def only(report: HistoryReport) -> tuple[DifferenceKind, Severity, int | None]:
    [difference] = report.differences
    return difference.kind, difference.severity, difference.event_id
