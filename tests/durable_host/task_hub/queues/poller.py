"""The polling of one queue: when to ask again after an empty answer.

Waits for messages, so that the dispatcher can simply ask for the next ones.
Invariant: what this process puts into the queue is asked for at once, and what it puts there for later is asked for
when it is due; the growing pauses are only for what others send.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final

from azure.core.exceptions import AzureError

from durable_host.task_hub.account.refusals import first_line
from durable_host.task_hub.queues.queue import HubQueue, Reader, ReceivedMessage

__all__ = ["Poller"]

SHORTEST_PAUSE: Final = 0.05
# A message is visible when its whole seconds have passed on the server's clock, which started before ours.
DUE_MARGIN: Final = 0.01

_log = logging.getLogger(__name__)


class Poller:
    """Polls one queue. ``jitter`` gives a factor around 1, which keeps several hosts out of step.

    Until it is stopped, ``reader`` gets at once what this process sends to the queue.
    """

    def __init__(
        self,
        queue: HubQueue,
        *,
        max_interval: float,
        jitter: Callable[[], float] = lambda: 1.0,
        reader: Reader | None = None,
    ) -> None:
        self._queue, self._max_interval, self._jitter = queue, max_interval, jitter
        self._empty_answers = 0
        self._woken = asyncio.Event()
        self._alarms: set[asyncio.TimerHandle] = set()
        self._is_stopped = self._is_failing = False
        queue.on_sent, queue.reader = self._on_sent, reader

    async def next_batch(self, limit: int) -> list[ReceivedMessage]:
        """Wait for messages, and take up to this many. An empty list means that the poller was stopped."""
        while not self._is_stopped:
            # Cleared before asking: what is sent while the question is under way is then asked for again at once.
            self._woken.clear()
            batch = await self._ask(limit)
            if batch:
                self._empty_answers = 0
                return batch
            pause = self.pause()
            self._empty_answers += 1
            if pause and not self._is_stopped:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), pause)
        return []

    async def _ask(self, limit: int) -> list[ReceivedMessage]:
        """Receive; storage that cannot be reached counts as an empty answer, and is reported once."""
        try:
            batch = await self._queue.receive(limit)
        except AzureError as error:
            if not self._is_failing:
                why = first_line(error)
                _log.warning("Queue %s cannot be read, and is tried again and again: %s", self._queue.name, why)
            self._is_failing = True
            return []
        except Exception:
            # A queue that is not read any more would be worse than one that is read with an error in the log.
            if not self._is_failing:
                _log.exception("Queue %s cannot be read, and is tried again and again.", self._queue.name)
            self._is_failing = True
            return []
        self._is_failing = False
        return batch

    def pause(self) -> float:
        """How long to wait after the present number of empty answers, in seconds."""
        if self._empty_answers == 0:
            return 0.0
        if self._empty_answers == 1:
            return min(SHORTEST_PAUSE, self._max_interval)
        growth = 2.0 ** min(self._empty_answers - 2, 30)
        return min(SHORTEST_PAUSE + self._jitter() * SHORTEST_PAUSE * growth, self._max_interval)

    def wake(self) -> None:
        """Ask at once, and begin with short pauses again."""
        self._empty_answers = 0
        self._woken.set()

    def stop(self) -> None:
        """Make ``next_batch`` return; a question that is under way is still answered."""
        self._is_stopped = True
        self._woken.set()
        for alarm in self._alarms:
            alarm.cancel()
        self._alarms.clear()
        self._queue.on_sent, self._queue.reader = lambda delay: None, None

    def _on_sent(self, delay: int) -> None:
        if delay == 0:
            self.wake()
            return

        def ring() -> None:
            self._alarms.discard(alarm)
            self.wake()

        alarm = asyncio.get_running_loop().call_later(delay + DUE_MARGIN, ring)
        self._alarms.add(alarm)
