"""Timer triggers: run a function when its schedule says so.

Invariant: one run at a time; what came due meanwhile runs once, at once, after it. Of several hosts one fires.
"""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from azure.core.exceptions import ResourceNotFoundError
from azure.functions.meta import Datum
from azure.storage.blob.aio import BlobServiceClient

from durable_host.app.index import IndexedFunction
from durable_host.app.invocation import Outcome
from durable_host.app.trigger import Trigger
from durable_host.app.worker import Worker
from durable_host.config.logs import event
from durable_host.triggers.schedule import NEVER, Schedule, is_frequent
from durable_host.triggers.singleton import Singleton, host_blob

__all__ = ["TimerListener"]

_NEVER_RUN: Final = datetime(1, 1, 1, tzinfo=UTC)
_LONGEST_SLEEP: Final = timedelta(hours=1)
_LISTED: Final = 5
_BY_HAND: Final = "This function was programmatically called via the host APIs."
_log = logging.getLogger("Host.Triggers.Timer")


class TimerListener:
    """One timer function and its schedule."""

    def __init__(
        self, function: IndexedFunction, schedule: Schedule, worker: Worker, service: BlobServiceClient, host_id: str
    ) -> None:
        self._function, self._schedule, self._worker, self._service = function, schedule, worker, service
        raw = function.trigger.raw
        self._runs_on_startup = bool(raw.get("runOnStartup"))
        wants_monitor = raw.get("useMonitor")
        now = datetime.now(UTC)
        self._is_monitored = wants_monitor is not False and not is_frequent(schedule, now)
        self._lock = Singleton(service, host_id, f"Host.Functions.{function.name}")
        self._blob_name = f"timers/{host_id}/Host.Functions.{function.name}/status"
        self._status = {"Last": _NEVER_RUN, "Next": schedule.after(now), "LastUpdated": _NEVER_RUN}
        self._running: asyncio.Task[Outcome] | None = None

    def say_next(self) -> None:
        """List the next occurrences, as the real host does at start."""
        moment = datetime.now(UTC)
        lines = []
        for _ in range(_LISTED):
            moment = self._schedule.after(moment)
            lines.append(f"{moment:%m/%d/%Y %H:%M:%S}Z")
        name = self._function.name
        text = f"The next {_LISTED} occurrences of the '{name}' schedule ({self._schedule.text}) will be:"
        next_one = f"The next occurrence of the '{name}' schedule ({self._schedule.text}) will be: {lines[0]}"
        _log.info("%s\n%s\n", text, "\n".join(lines), extra=event(5, short=next_one))

    async def run_for_ever(self) -> None:
        """Fire whenever the schedule says so."""
        await self._lock.run(self._serve)

    async def finish(self, seconds: float) -> None:
        """Let a running function end."""
        if self._running is not None:
            await asyncio.wait([self._running], timeout=seconds)

    async def by_hand(self, text: str | None) -> Trigger:
        """What a call of the admin API gives to this function."""
        now = datetime.now(UTC)
        status = None
        if self._is_monitored:
            status = {**(await self._stored() or self._status), "Next": self._schedule.after(now)}
        metadata = {"TimerTrigger": Datum(f"{now:%m/%d/%Y %H:%M:%S}", "string")}
        if text is not None:
            metadata[self._function.trigger.name] = Datum(text, "string")
        return Trigger(data=timer_data(self._schedule, status), metadata=metadata, reason=_BY_HAND)

    async def _serve(self) -> None:
        await self._begin()
        while True:
            remaining = self._status["Next"] - datetime.now(UTC)
            if remaining > timedelta(0):
                await asyncio.sleep(min(remaining, _LONGEST_SLEEP).total_seconds())
            else:
                await self._fire()

    async def _begin(self) -> None:
        """What is missed is made up for once, then what is to run at each start runs."""
        now = datetime.now(UTC)
        missed = await self._missed(now) if self._is_monitored else None
        # A lock that is lost and found again is no start.
        is_start, self._runs_on_startup = self._runs_on_startup, False
        if missed is not None:
            text = f"{missed:%Y-%m-%dT%H:%M:%S}.0000000+00:00"
            await self._fire(f"UnscheduledInvocationReason: IsPastDue, OriginalSchedule: {text}", is_past_due=True)
        elif is_start:
            await self._fire("UnscheduledInvocationReason: RunOnStartup")

    async def _missed(self, now: datetime) -> datetime | None:
        """The occurrence that passed while no host ran; a changed schedule misses nothing."""
        stored = await self._stored()
        if stored is None:
            await self._store({**self._status, "LastUpdated": now})
            return None
        since = stored["LastUpdated"] if stored["Last"] == _NEVER_RUN else stored["Last"]
        if self._schedule.after(since) != stored["Next"]:
            self._status = {"Last": _NEVER_RUN, "Next": self._schedule.after(now), "LastUpdated": now}
            await self._store(self._status)
            return None
        self._status = stored
        return stored["Next"] if now > stored["Next"] else None

    async def _fire(self, details: str | None = None, *, is_past_due: bool = False) -> None:
        now = datetime.now(UTC)
        data = timer_data(self._schedule, self._status if self._is_monitored else None, is_past_due=is_past_due)
        reason = f"Timer fired at {_text(now)}"
        metadata = {"TimerTrigger": Datum(f"{now:%m/%d/%Y %H:%M:%S}", "string")}
        trigger = Trigger(data=data, metadata=metadata, reason=reason, details=details)
        self._running = asyncio.create_task(self._worker.run_with_retries(self._function, trigger))
        await asyncio.shield(self._running)
        # One that fired a moment early must not fire again for the same occurrence.
        from_when = now if details else max(now, self._status["Next"])
        self._status = {"Last": now, "Next": self._schedule.after(from_when), "LastUpdated": now}
        if self._is_monitored:
            await self._store(self._status)

    async def _stored(self) -> dict[str, datetime] | None:
        blob = await host_blob(self._service, self._blob_name)
        try:
            text = await (await blob.download_blob()).readall()
        except ResourceNotFoundError:
            return None
        try:
            given = json.loads(text)
            return {name: datetime.fromisoformat(given[name]).astimezone(UTC) for name in self._status}
        except (KeyError, OverflowError, RecursionError, TypeError, ValueError) as error:
            _log.warning(
                "The status of a timer in blob '%s' cannot be read and is made anew: %s", self._blob_name, error
            )
            return None

    async def _store(self, status: dict[str, datetime]) -> None:
        blob = await host_blob(self._service, self._blob_name)
        await blob.upload_blob(_json(_status_json(status)).encode(), overwrite=True)


def timer_data(schedule: Schedule, status: dict[str, datetime] | None, *, is_past_due: bool = False) -> Datum:
    """What a timer's parameter gets."""
    return Datum(
        _json(
            {
                "Schedule": {"AdjustForDST": schedule.adjusts_for_dst},
                "ScheduleStatus": None if status is None else _status_json(status),
                "IsPastDue": is_past_due,
            }
        ),
        "json",
    )


def _status_json(status: dict[str, datetime]) -> dict[str, str]:
    return {name: _text(moment) for name, moment in status.items()}


def _text(moment: datetime) -> str:
    if moment >= NEVER:
        return "9999-12-31T23:59:59.9999999+00:00"  # .NET counts in ticks of a tenth of a microsecond
    fraction = f".{moment.microsecond:06d}".rstrip("0").rstrip(".")
    return f"{moment.year:04d}-{moment:%m-%dT%H:%M:%S}{fraction}+00:00"


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
