"""Activities: take work items, run them, report their outcomes.

The consumer of the work-item queue.
Invariant: an outcome is in its control queue before its work item is deleted; a crash runs the activity again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Final, cast

from durable_engine import (
    HTTP_ACTIVITY,
    TICKS_PER_SECOND,
    ActivityOutcome,
    Message,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
    UserException,
    activity_input,
    completion_of,
)
from durable_host.clock import now
from durable_host.dispatch.beginnings import count_beginning
from durable_host.dispatch.http_activity import HttpActivity
from durable_host.dispatch.message_locks import HeldMessages
from durable_host.dispatch.reading import read_on
from durable_host.dispatch.state_log import ACTIVITY, StateLog
from durable_host.task_hub.account.refusals import first_line, is_passing
from durable_host.task_hub.hub.hub import TaskHub
from durable_host.task_hub.queues.poller import Poller
from durable_host.task_hub.queues.queue import MAX_RECEIVE, ReceivedMessage

__all__ = ["ActivityDispatcher", "RunActivity"]

RunActivity = Callable[[str, str | None, str], Awaitable[ActivityOutcome]]
"""Runs an activity: its name, its input text, and the instance that has called it."""

_AHEAD_SECONDS: Final = 0.25
_LONGEST_WAIT_SECONDS: Final = 1.0
_PACE: Final = 0.1  # How much the latest activity counts in the usual duration.
_REST_SECONDS: Final = 60
_log = logging.getLogger("Host.Triggers.DurableTask")


class ActivityDispatcher:
    """Runs up to ``limit`` activities at a time, and holds a few more where they are short.

    A short activity costs less time than the request that fetches it, so that several are fetched at once. Long ones
    are not: they would wait here while another host of the app is idle.
    """

    def __init__(
        self,
        hub: TaskHub,
        held: HeldMessages,
        run: RunActivity,
        http: HttpActivity,
        *,
        limit: int,
        log: StateLog | None = None,
    ) -> None:
        self._hub, self._held, self._run_activity, self._http = hub, held, run, http
        self._log = log or StateLog("")
        self._limit, self._taken, self._in_code = limit, 0, 0
        self._places = asyncio.Semaphore(limit)
        self._usual_seconds = _AHEAD_SECONDS * limit
        self._free = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False

    # The reader of the work-item queue.

    async def reserve(self) -> bool:
        """Take a place for a work item of our own, if one is free, or soon will be.

        A large fan-out that is put into the queue faster than its activities run would only wait there, and has to be
        received once more. While it is storage that the activities wait for, and not the app's code, no other host
        would be any faster, so that it is worth a moment.
        """
        if self._room_for_own() <= 0:
            await self._wait_for_storage()
        if self._stopping or self._room_for_own() <= 0:
            return False
        self._taken += 1
        return True

    def give_up(self) -> None:
        """Free a place that was taken."""
        self._taken -= 1
        self._free.set()

    def take(self, message: ReceivedMessage) -> None:
        """Run a work item for which a place was taken."""
        self._held.add(message)
        task = asyncio.create_task(self._run(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def receive_for_ever(self, poller: Poller) -> None:
        """Receive work items until the poller, whose reader this is, is stopped. Reading that keeps failing rests for a
        while: there is no partition to give up, and the other hosts of the app read this queue anyhow."""
        while not await read_on(self._receive, poller, "The work-item queue"):
            _log.critical(
                "Activities are not read here for %d s; another host may run them. The lines above say what is wrong.",
                _REST_SECONDS,
            )
            await asyncio.sleep(_REST_SECONDS)

    async def _receive(self, poller: Poller) -> None:
        """Receive whenever a place is free."""
        while not self._stopping:
            self._free.clear()
            room = self._room()
            # A request for one message at a time would undo what fetching ahead is for.
            if room < min(self._ahead(), MAX_RECEIVE) // 2 or room <= 0:
                await self._free.wait()
                continue
            received = await poller.next_batch(min(room, MAX_RECEIVE))
            if not received:
                return
            # While these were on their way, work of our own may have taken their places. A few too many are kept,
            # because giving back short ones costs more than they do.
            room = self._room() + self._ahead()
            for message in received[: max(room, 0)]:
                self._taken += 1
                self.take(message)
            await self._held.release(received[max(room, 0) :])

    async def stop(self, patience_seconds: float) -> None:
        """Take nothing new, let running activities end; what has not by then is left to its visibility timeout."""
        self._stopping = True
        self._free.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=patience_seconds)
            for task in late:
                task.cancel()
            if late:
                _log.warning("%d activities were still running and will be run again by the next host.", len(late))

    def _ahead(self) -> int:
        """How many activities to hold beyond those that run: a quarter of a second's work, at the usual pace."""
        return min(int(self._limit * _AHEAD_SECONDS / self._usual_seconds), MAX_RECEIVE)

    def _room(self) -> int:
        return self._limit + self._ahead() - self._taken

    def _room_for_own(self) -> int:
        """Half of what is held ahead is left for what others have put into the queue."""
        return self._room() - self._ahead() // 2

    async def _wait_for_storage(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_WAIT_SECONDS):
                while self._room_for_own() <= 0 and self._in_code < self._limit and not self._stopping:
                    self._free.clear()
                    await self._free.wait()

    async def _run(self, message: ReceivedMessage) -> None:
        try:
            async with self._places:
                if self._stopping:
                    await self._held.release([message])
                else:
                    await self._run_and_report(message)
        finally:
            self.give_up()

    async def _run_and_report(self, message: ReceivedMessage) -> None:
        # Its queue lets nothing else pass.
        scheduled = cast(TaskScheduled, message.data.message.event)
        instance_id = message.data.message.target.instance_id
        try:
            await count_beginning(self._held, message, f"activity {scheduled.name!r}")
            completion = await self._run_timed(instance_id, scheduled)
            await self._report(completion, message)
        except asyncio.CancelledError:
            raise  # The host stops, and does not wait for it any longer.
        except BaseException as error:
            if not is_passing(error):
                await self._fail(scheduled, error, message)
                return
            why = first_line(error)
            _log.error("Instance %r: an activity's result could not be sent; it is run again. %s", instance_id, why)
            await self._held.abandon([message], is_no_fault=True)
        else:
            await self._held.delete([message])

    async def _run_timed(self, instance_id: str, scheduled: TaskScheduled) -> TaskCompleted | TaskFailed:
        began = now()
        self._in_code += 1
        try:
            if scheduled.name == HTTP_ACTIVITY:
                completion = await self._http.run(scheduled)
            else:
                completion = await self._run_user_code(instance_id, scheduled)
        finally:
            self._in_code -= 1
        seconds = (now() - began) / TICKS_PER_SECOND
        self._usual_seconds += _PACE * (seconds - self._usual_seconds)
        return completion

    async def _fail(self, scheduled: TaskScheduled, error: BaseException, message: ReceivedMessage) -> None:
        """Report that an activity could not be run, or its result not be sent: it would be so every time."""
        if self._stopping:
            await self._held.release([message])
            return
        instance_id = message.data.message.target.instance_id
        _log.error("Instance %r: activity %r cannot be completed.", instance_id, scheduled.name, exc_info=error)
        outcome = ActivityOutcome(raised=UserException.of(error))
        try:
            await self._report(completion_of(scheduled, outcome, now()), message)
        except Exception as second:
            why = first_line(second)
            _log.error("Instance %r: that could not be reported either; it is tried again. %s", instance_id, why)
            await self._held.abandon([message], is_no_fault=is_passing(second))
        else:
            await self._held.delete([message])

    async def _run_user_code(self, instance_id: str, scheduled: TaskScheduled) -> TaskCompleted | TaskFailed:
        about = instance_id, scheduled.name, ACTIVITY
        self._log.started(*about, scheduled.input, scheduled.event_id)
        outcome = await self._run_activity(scheduled.name, activity_input(scheduled), instance_id)
        completion = completion_of(scheduled, outcome, now())
        if isinstance(completion, TaskCompleted):
            self._log.completed(*about, completion.result, scheduled.event_id)
        else:
            self._log.failed(*about, "System.Exception\n", scheduled.event_id)
        return completion

    async def _report(self, completion: TaskCompleted | TaskFailed, message: ReceivedMessage) -> None:
        target = message.data.message.target
        await self._hub.send(Message(event=completion, target=target), sender=target, episode=message.data.episode)
