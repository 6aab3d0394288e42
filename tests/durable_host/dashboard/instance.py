"""One instance, read for its page: row, history, timeline, what it waits for, and who belongs to it.

Invariant: what cannot be drawn or told is said to be so on the page; the page itself always comes.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

from durable_engine import (
    FINAL_STATUSES,
    App,
    EngineError,
    ExecutionStarted,
    HistoryEvent,
    ParentInstance,
    SchedulerState,
    Standing,
    SubOrchestrationInstanceCreated,
    TaskFailed,
    TaskScheduled,
    Ticks,
    Timeline,
    standing_of,
    timeline_of,
)
from durable_host.clock import now
from durable_host.dashboard.waiting import Wait, waits_of
from durable_host.task_hub.hub.client import InstanceRow, TaskHubClient

__all__ = ["FailedCall", "InstanceReader", "InstanceView"]

_KEPT: Final = 64
_PATIENCE_SECONDS: Final = 3.0
_log = logging.getLogger("Host.Dashboard")


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedCall:
    """A call that failed: its name, and reason and details as the history has them."""

    name: str
    reason: str | None
    details: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceView:
    """Everything that a page of an instance shows. ``trouble`` says what could not be drawn or told."""

    row: InstanceRow
    events: Sequence[HistoryEvent]
    read_at: Ticks
    timeline: Timeline | None = None
    drawing: str | None = None
    standing: Standing | None = None
    trouble: tuple[str, ...] = ()

    @property
    def is_live(self) -> bool:
        """Whether it has not come to its end."""
        return self.row.runtime_status not in FINAL_STATUSES

    @property
    def is_entity(self) -> bool:
        """Whether this is an entity."""
        return self.row.instance_id.startswith("@")

    @property
    def parent(self) -> ParentInstance | None:
        """The orchestration that started this one."""
        started = next((event for event in self.events if isinstance(event, ExecutionStarted)), None)
        return started.parent if started else None

    @property
    def children(self) -> tuple[SubOrchestrationInstanceCreated, ...]:
        """The sub-orchestrations that this one started."""
        return tuple(event for event in self.events if isinstance(event, SubOrchestrationInstanceCreated))

    @property
    def failed_calls(self) -> tuple[FailedCall, ...]:
        """The failures of activities and sub-orchestrations, the last one first."""
        names = {
            event.event_id: event.name
            for event in self.events
            if isinstance(event, TaskScheduled | SubOrchestrationInstanceCreated)
        }
        return tuple(
            FailedCall(name=names.get(event.task_scheduled_id, ""), reason=event.reason, details=event.details)
            for event in reversed(self.events)
            if isinstance(event, TaskFailed)
        )

    @property
    def waits(self) -> tuple[Wait, ...]:
        """What it waits for."""
        if not self.is_live or self.is_entity:
            return ()
        return waits_of(self.row, self.timeline.model if self.timeline else None, self.standing, now=self.read_at)

    @property
    def entity_state(self) -> str | None:
        """An entity's state as JSON text; None for one that is not there."""
        try:
            return SchedulerState.parse(self.row.input or "").state if self.is_entity else None
        except (ValueError, EngineError):
            return None


class InstanceReader:
    """Reads instances. ``app`` is there where the app's code is, None for a hub elsewhere.

    Drawing and running code takes a thread of its own, so that no page keeps the host from its work.
    """

    def __init__(self, client: TaskHubClient, app: App | None, link_of: Callable[[str], str]) -> None:
        self._client, self._app, self._link_of = client, app, link_of
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="dashboard")
        self._kept: OrderedDict[tuple[object, ...], InstanceView] = OrderedDict()

    def stop(self) -> None:
        """Let the thread end."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def read(self, instance_id: str) -> InstanceView | None:
        """The instance as it is now, or None."""
        row, events = await asyncio.gather(
            self._client.get_instance(instance_id), self._client.get_history(instance_id)
        )
        if row is None:
            return None
        view = InstanceView(row=row, events=events, read_at=now())
        if view.is_entity or not any(isinstance(event, ExecutionStarted) for event in events):
            return view
        key = (row.instance_id, row.execution_id, row.etag, len(events))
        if not view.is_live and key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        loop = asyncio.get_running_loop()
        drawn = loop.run_in_executor(self._thread, self._drawn, view)
        done, _ = await asyncio.wait([drawn], timeout=_PATIENCE_SECONDS)
        if not done:
            drawn.add_done_callback(_ignored)
            return replace(view, trouble=("Its timeline takes long to draw. Reload the page in a moment.",))
        view = drawn.result()
        if not view.is_live:
            self._kept[key] = view
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return view

    def _drawn(self, view: InstanceView) -> InstanceView:
        timeline, standing, drawing = None, None, None
        trouble = []
        try:
            timeline = timeline_of(view.events, now=view.read_at if view.is_live else None)
            drawing = timeline.drawing(self._link_of)
        except EngineError as error:
            trouble.append(f"The timeline cannot be drawn: {error}")
        if self._app is not None:
            try:
                standing = standing_of(self._app, view.events)
            except Exception as error:  # the app's code is run, which may raise anything
                _log.debug("How %r stands cannot be told", view.row.instance_id, exc_info=error)
                trouble.append(f"Running its code to see what it waits for failed: {error}")
        return replace(view, timeline=timeline, drawing=drawing, standing=standing, trouble=tuple(trouble))


def _ignored(future: asyncio.Future[InstanceView]) -> None:
    """Take note of how a drawing ended that nobody waits for any more."""
    if not future.cancelled():
        future.exception()
