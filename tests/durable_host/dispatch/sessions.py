"""Sessions: the messages that wait for one instance, and what is known of it between episodes.

Gathers messages by instance, so that all that wait together share one episode.
Invariant: an instance has at most one session, and a session at most one episode at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from durable_engine import (
    ExecutionTerminated,
    HistoryEvent,
    SubOrchestrationInstanceCreated,
    TaskCompleted,
    TaskFailed,
    TaskScheduled,
)
from durable_host.task_hub.queues.queue import ReceivedMessage
from durable_host.task_hub.tables.history_table import LoadedHistory

__all__ = ["Session", "Sessions"]

_REMEMBERED = 256
# Rest three times as long as the episode took: replays of a large fan-out then use a quarter of one core, or a little
# more where they take seconds.
_REST_FACTOR = 3.0
_LONGEST_REST_SECONDS = 3.0
_LOOK_AGAIN_SECONDS = 1.0


@dataclass(slots=True)
class Session:
    """One instance's waiting messages.

    ``loaded`` is the history as this process last wrote or read it; its ETag proves at the next write that nobody else
    wrote since. ``open_tasks`` is how many results are still out.
    """

    instance_id: str
    partition: int
    pending: list[ReceivedMessage] = field(default_factory=list)
    loaded: LoadedHistory | None = None
    must_load: bool = False
    """Whether a new instance's history, which is empty as a rule, has to be looked at all the same."""
    open_tasks: int = 0
    rest_until: float = 0.0
    running: asyncio.Task[None] | None = None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    warned: set[str] = field(default_factory=set)
    incomplete_since: float | None = None
    """Since when messages wait for others with which an attempt was made before; None if they do not."""
    is_dropped: bool = False
    """Whether its partition is another worker's by now, who waits for these messages."""
    interrupt: threading.Event | None = None
    """Ends the episode that runs, if its code begins again in it; None while none runs."""

    def add(self, message: ReceivedMessage) -> None:
        """Let a message wait for the next episode."""
        self.pending.append(message)
        if self.interrupt is not None and isinstance(message.data.message.event, ExecutionTerminated):
            self.interrupt.set()
        self.arrived.set()

    def take_pending(self) -> list[ReceivedMessage]:
        """Everything that waits, in the order of arrival."""
        taken, self.pending = self.pending, []
        return taken

    def remember(self, loaded: LoadedHistory, seconds: float) -> None:
        """Keep the history for the next episode, after one that took so long to run."""
        self.loaded, self.must_load = loaded, False
        self.open_tasks = _open_tasks(loaded.events)
        rest = min(_REST_FACTOR * seconds, _LONGEST_REST_SECONDS)
        self.rest_until = asyncio.get_running_loop().time() + rest

    def forget(self) -> None:
        """Load the history anew for the next episode."""
        self.loaded, self.must_load, self.open_tasks, self.rest_until = None, True, 0, 0.0

    async def wait_for_company(self) -> None:
        """Rest after an episode while further results are on their way, so that they share the next one.

        A replay costs time for every event that the history has; without this, a fan-out of a thousand would be
        replayed hundreds of times.
        """
        loop = asyncio.get_running_loop()
        if self.incomplete_since is not None:
            await self._wait_for_arrival(_LOOK_AGAIN_SECONDS)
        while len(self.pending) < self.open_tasks and (rest := self.rest_until - loop.time()) > 0:
            await self._wait_for_arrival(rest)

    def put_back(self, messages: list[ReceivedMessage], seconds: float) -> bool:
        """Let messages wait until the others of their attempt have come; False if they have waited so long already."""
        moment = asyncio.get_running_loop().time()
        if self.incomplete_since is None:
            self.incomplete_since = moment
        if moment - self.incomplete_since > seconds:
            return False
        self.pending[:0] = messages
        return True

    async def _wait_for_arrival(self, seconds: float) -> None:
        self.arrived.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.arrived.wait(), seconds)


class Sessions:
    """All sessions of this process."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}

    def __iter__(self) -> Iterator[Session]:
        return iter(self._sessions.values())

    def of(self, instance_id: str, partition: int) -> Session:
        """The instance's session, a new one if it has none."""
        session = self._sessions.pop(instance_id, None) or Session(instance_id, partition)
        self._sessions[instance_id] = session  # Now the youngest.
        return session

    def settle(self, session: Session, *, is_over: bool) -> None:
        """Drop a session that is idle and over, and the longest idle ones beyond what is worth remembering."""
        if self._sessions.get(session.instance_id) is not session:
            return  # Dropped with its partition; the instance may have another one by now.
        if is_over and not session.pending:
            del self._sessions[session.instance_id]
        if len(self._sessions) > _REMEMBERED:
            idle = [s for s in self._sessions.values() if not s.pending and s.running is None]
            for oldest in idle[: len(self._sessions) - _REMEMBERED]:
                del self._sessions[oldest.instance_id]

    def drop(self, partition: int) -> None:
        """Forget the instances of a partition that is no longer ours."""
        for instance_id in [i for i, s in self._sessions.items() if s.partition == partition]:
            self._sessions.pop(instance_id).is_dropped = True


def _open_tasks(history: tuple[HistoryEvent, ...]) -> int:
    scheduled = sum(isinstance(e, (TaskScheduled, SubOrchestrationInstanceCreated)) for e in history)
    ended = sum(isinstance(e, (TaskCompleted, TaskFailed)) for e in history)
    return scheduled - ended
