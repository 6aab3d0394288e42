"""A timer whose lock or storage was away for a while: it goes on, and does not start again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

from azure.storage.blob.aio import BlobServiceClient

from durable_host.app.index import FunctionIndex, IndexedFunction
from durable_host.app.invocation import Outcome
from durable_host.app.trigger import Trigger
from durable_host.app.worker import Worker
from durable_host.clock import new_id
from durable_host.triggers.schedule import parse_schedule
from durable_host.triggers.timer import TimerListener
from host_process import soon

APP = """
import azure.functions as func
app = func.FunctionApp()

@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
def yearly(timer: func.TimerRequest) -> None: ...
"""


class Runs:
    """What stands for the worker: it keeps what was to run."""

    def __init__(self) -> None:
        self.details: list[str | None] = []

    async def run_with_retries(self, function: IndexedFunction, trigger: Trigger) -> Outcome:
        self.details.append(trigger.details)
        return Outcome()


async def test_a_timer_runs_on_startup_once_however_often_it_has_to_begin_again(
    connection_string: str, tmp_path: Path
) -> None:
    (tmp_path / "yearly_app.py").write_text(APP, encoding="utf-8")
    (function,) = FunctionIndex.load(tmp_path, script_file="yearly_app.py", environment={}).functions
    runs = Runs()
    async with BlobServiceClient.from_connection_string(connection_string) as service:
        schedule = parse_schedule(str(function.trigger.raw["schedule"]), {})
        host_id = new_id()
        timer = TimerListener(function, schedule, cast(Worker, runs), service, host_id)
        lease = service.get_blob_client("azure-webjobs-hosts", f"locks/{host_id}/Host.Functions.yearly.Listener")

        async def is_served() -> bool:
            return len(runs.details) > 0 and (await lease.get_blob_properties()).lease.status == "locked"

        for _ in range(2):
            task = asyncio.create_task(timer.run_for_ever())
            await soon(is_served, "it is served")
            await asyncio.sleep(0.3)  # in which a second run on startup would begin
            task.cancel()
            await asyncio.wait([task])

    assert runs.details == ["UnscheduledInvocationReason: RunOnStartup"]
