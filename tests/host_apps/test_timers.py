"""Timers end to end: what was missed, what keeps no status, time zones. Each test names its recording or document."""

from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient
from azure.storage.queue import QueueServiceClient

from durable_host.testing import HostProcess, wait_until
from durable_host.testing.plugin import ServeApp
from host_apps.storage_steps import received

APP = Path(__file__).parent / "apps" / "timers"

pytestmark = pytest.mark.xdist_group("host_apps_timers")


def settings(name: str, **more: str) -> dict[str, str]:
    """Of a host with an id of its own, so that no test finds the statuses of another."""
    return {"FIRED": f"fired-{name}", "AzureFunctionsWebHost__hostid": f"{name}-{uuid.uuid4().hex[:8]}", **more}


def status_blobs(blobs: BlobServiceClient, host_id: str) -> tuple[ContainerClient, list[str]]:
    container = blobs.get_container_client("azure-webjobs-hosts")
    return container, list(container.list_blob_names(name_starts_with=f"timers/{host_id}/"))


def rewrite(blobs: BlobServiceClient, host_id: str, **status: datetime) -> None:
    """Say something else about the last run of the nightly timer."""
    name = f"timers/{host_id}/Host.Functions.nightly/status"
    text = json.dumps({key: moment.isoformat() for key, moment in status.items()})
    blobs.get_blob_client("azure-webjobs-hosts", name).upload_blob(text, overwrite=True)


def restarted(serve_app: ServeApp, blobs: BlobServiceClient, given: dict[str, str], **status: datetime) -> HostProcess:
    """A host that finds that status when it starts."""
    first = serve_app(APP, environment=given, arguments=["--verbose"])
    wait_until(lambda: len(status_blobs(blobs, given["AzureFunctionsWebHost__hostid"])[1]) > 0, "the status is there")
    first.stop()
    rewrite(blobs, given["AzureFunctionsWebHost__hostid"], **status)
    return serve_app(APP, environment=given, arguments=["--verbose"])


def at_three(days_ago: int) -> datetime:
    """The nightly schedule's occurrence of a day that is certainly over, or, for 0, the coming one."""
    now = datetime.now(UTC)
    latest = now.replace(hour=3, minute=0, second=0, microsecond=0)
    latest -= timedelta(days=1) if latest > now else timedelta(0)
    return latest + timedelta(days=1 - days_ago)


def test_an_occurrence_that_was_missed_runs_once_when_the_host_starts(
    serve_app: ServeApp, blobs: BlobServiceClient, queues: QueueServiceClient
) -> None:
    # Recorded: pastdue/timer_past_due_after. Several missed occurrences give one run.
    last, missed = at_three(4), at_three(3)
    host = restarted(serve_app, blobs, settings("pastdue"), Last=last, Next=missed, LastUpdated=last)

    wait_until(lambda: "Executed 'Functions.nightly' (Succeeded" in host.log_text, "the missed run is over")

    fired = [json.loads(text) for text in received(queues, "fired-pastdue")]
    assert [one for one in fired if one["timer"] == "nightly"] == [{"timer": "nightly", "is_past_due": True}]
    assert host.log_text.count("Executing 'Functions.nightly'") == 1
    original = f"{missed:%Y-%m-%dT%H:%M:%S}.0000000+00:00"
    assert f"Trigger Details: UnscheduledInvocationReason: IsPastDue, OriginalSchedule: {original}" in host.log_text


def test_a_status_of_another_schedule_misses_nothing_and_is_written_anew(
    serve_app: ServeApp, blobs: BlobServiceClient
) -> None:
    # Recorded: timers/restarted/timer_past_due_after.
    given = settings("changed")
    wrong = at_three(3) + timedelta(hours=1)
    host = restarted(serve_app, blobs, given, Last=at_three(4), Next=wrong, LastUpdated=at_three(4))

    container, _ = status_blobs(blobs, given["AzureFunctionsWebHost__hostid"])
    name = f"timers/{given['AzureFunctionsWebHost__hostid']}/Host.Functions.nightly/status"

    def status() -> Any:
        return json.loads(container.download_blob(name).readall())

    wait_until(lambda: status()["Last"] == "0001-01-01T00:00:00+00:00", "the status is written anew")
    assert status()["Next"] == at_three(0).isoformat()
    assert "Executing 'Functions.nightly'" not in host.log_text


def test_only_a_monitored_timer_of_a_minute_and_more_keeps_a_status(
    serve_app: ServeApp, blobs: BlobServiceClient, queues: QueueServiceClient
) -> None:
    # Recorded: timers/startup (use_monitor=False), app/timers_periodic (intervals below a minute).
    given = settings("kept")
    host = serve_app(APP, environment=given, arguments=["--verbose"])

    fired = [json.loads(text) for text in received(queues, "fired-kept", 3)]

    assert {"timer": "noon", "is_past_due": False} in fired  # run_on_startup
    assert {"timer": "often", "is_past_due": False} in fired
    names = status_blobs(blobs, given["AzureFunctionsWebHost__hostid"])[1]
    assert [name.split("/")[2] for name in names] == ["Host.Functions.nightly"]
    seconds = re.findall(r"Executing 'Functions.often' \(Reason='Timer fired at \S+:(\d\d)\.", host.log_text)
    assert [int(second) % 2 for second in seconds] == [0] * len(seconds)


def test_a_schedule_is_read_in_the_time_zone_of_the_app(serve_app: ServeApp) -> None:
    # https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-time-zones
    host = serve_app(APP, environment=settings("zone", WEBSITE_TIME_ZONE="Asia/Tokyo"), arguments=["--verbose"])

    listed = host.log_text.partition("The next 5 occurrences of the 'noon' schedule (Cron: '0 30 12 * * *') will be:")[
        2
    ]
    assert re.findall(r"\d\d/\d\d/\d{4} (\d\d:\d\d:\d\d)Z", listed)[:5] == ["03:30:00"] * 5
