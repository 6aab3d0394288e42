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
from typing import Any, Final, TypeVar

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
_SHORT_PATIENCE_SECONDS: Final = 0.2
_Key = tuple[object, ...]
_Value = TypeVar("_Value")
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
    earlier: tuple[tuple[Timeline, str], ...] = ()
    """The executions before this one that continued as new, the latest first, with their drawings."""

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

    Drawing, and running code, take a thread of their own each, so that no page keeps the host from its work.
    """

    def __init__(self, client: TaskHubClient, app: App | None, link_of: Callable[[str], str]) -> None:
        self._client, self._app, self._link_of = client, app, link_of
        self._drawing = ThreadPoolExecutor(1, thread_name_prefix="dashboard-drawing")
        self._running = ThreadPoolExecutor(1, thread_name_prefix="dashboard-running")
        self._drawn: OrderedDict[_Key, InstanceView] = OrderedDict()
        self._standings: OrderedDict[_Key, asyncio.Future[Standing]] = OrderedDict()

    def stop(self) -> None:
        """Let the threads end."""
        for thread in (self._drawing, self._running):
            thread.shutdown(wait=False, cancel_futures=True)

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
        view = await self._with_drawing(key, view)
        return await self._with_standing(key, view)

    async def _with_drawing(self, key: _Key, view: InstanceView) -> InstanceView:
        if not view.is_live and key in self._drawn:
            return self._drawn[key]
        drawn = asyncio.get_running_loop().run_in_executor(self._drawing, self._draw, view)
        done, _ = await asyncio.wait([drawn], timeout=_PATIENCE_SECONDS)
        if not done:
            drawn.add_done_callback(_ignored)
            return replace(view, trouble=("Its timeline takes long to draw. Reload the page in a moment.",))
        view = drawn.result()
        if not view.is_live:
            _keep(self._drawn, key, view)
        return view

    async def _with_standing(self, key: _Key, view: InstanceView) -> InstanceView:
        """How it stands, if that is known soon, else the next look has it: the SDK is slow with a long history."""
        if self._app is None:
            return view
        if key not in self._standings:
            loop = asyncio.get_running_loop()
            standing = loop.run_in_executor(self._running, standing_of, self._app, view.events)
            standing.add_done_callback(_ignored)
            _keep(self._standings, key, standing)
        standing = self._standings[key]
        done, _ = await asyncio.wait([standing], timeout=_SHORT_PATIENCE_SECONDS)
        if not done:
            return view
        error = standing.exception()
        if error is None:
            return replace(view, standing=standing.result())
        _log.debug("How %r stands cannot be told", view.row.instance_id, exc_info=error)
        told = f"Running its code to see what it waits for failed: {error}"
        return replace(view, trouble=(*view.trouble, told))

    def _draw(self, view: InstanceView) -> InstanceView:
        try:
            timeline = timeline_of(view.events, now=view.read_at if view.is_live else None)
            earlier = [timeline_of(history) for history in self._client.earlier_executions(view.row.instance_id)]
            return replace(
                view,
                timeline=timeline,
                drawing=timeline.drawing(self._link_of),
                earlier=tuple(
                    (one, one.drawing(self._link_of, name=f"earlier-{place}")) for place, one in enumerate(earlier)
                ),
            )
        except EngineError as error:
            return replace(view, trouble=(f"The timeline cannot be drawn: {error}",))


def _keep(kept: OrderedDict[_Key, _Value], key: _Key, value: _Value) -> None:
    """Remember a value, and forget the oldest where there are many."""
    kept[key] = value
    while len(kept) > _KEPT:
        kept.popitem(last=False)


def _ignored(future: asyncio.Future[Any]) -> None:
    """Take note of how something ended that nobody may wait for any more."""
    if not future.cancelled():
        future.exception()
