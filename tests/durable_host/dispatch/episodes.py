"""Episodes: the app's code, run in a thread on a history and a batch, and what there is to say about it.

From a sorted batch to a checkpoint.
Invariant: nothing that the app's code does ends or blocks the host: what it raises is an error of this episode, and a
thread that it keeps is reported and left behind.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import replace
from typing import Final

from durable_engine import (
    App,
    Checkpoint,
    ExecutionStarted,
    Notice,
    OrchestratorCode,
    Ticks,
    TimerFired,
    VersionRule,
    early_timer,
    run_entity_batch,
    run_episode,
)
from durable_host.clock import new_id, now
from durable_host.dispatch.episode_log import EpisodeLog
from durable_host.dispatch.message_rules import is_entity
from durable_host.dispatch.sessions import Session
from durable_host.dispatch.sorting import Batch
from durable_host.dispatch.state_log import StateLog

__all__ = ["EpisodeRunner"]

_LONG_SECONDS: Final = 30.0
_log = logging.getLogger("Host.Triggers.DurableTask")


class OtherVersionError(Exception):
    """An instance is of a version that this host does not run: its messages are given back."""


class EpisodeRunner:
    """Runs the episodes of all instances. ``long_seconds`` is when one that has not ended is reported."""

    def __init__(
        self,
        app: App,
        executor: Executor,
        *,
        log: StateLog | None = None,
        versions: VersionRule | None = None,
        fails_other_versions: bool = False,
        long_seconds: float = _LONG_SECONDS,
    ) -> None:
        self._versions, self._fails_other_versions = versions, fails_other_versions
        self._app, self._executor, self._long_seconds = app, executor, long_seconds
        self._log = log or StateLog("")
        self._told: dict[str, int] = {}
        self._in_threads: set[Future[Checkpoint]] = set()

    @property
    def still_running(self) -> int:
        """How many episodes are in their threads; nothing can end those."""
        return sum(not future.cancelled() for future in self._in_threads)

    async def run(self, session: Session, batch: Batch) -> Checkpoint:
        """Run one episode to its end, however long that takes, and log what will surprise."""
        moment = now()
        log = EpisodeLog(self._log, session.instance_id, batch.past, batch.events, self._told)
        future = self._executor.submit(self._engine(session.instance_id, batch, moment, log))
        self._in_threads.add(future)
        future.add_done_callback(self._in_threads.discard)
        episode = asyncio.wrap_future(future)
        done, _ = await asyncio.wait([episode], timeout=self._long_seconds)
        if not done:
            _log.warning(
                "Instance %r: its orchestrator or entity function has been running for %g s and keeps a thread. It "
                "must not wait or compute for long: move that into an activity, and look for a loop that yields "
                "nothing or calls continue_as_new without waiting for anything.",
                session.instance_id,
                self._long_seconds,
            )
        checkpoint = await episode
        log.ended(checkpoint)
        _tell(session, (*checkpoint.notices, *_early_timers(batch, moment)))
        return checkpoint

    def _engine(self, instance_id: str, batch: Batch, moment: Ticks, log: EpisodeLog) -> Callable[[], Checkpoint]:
        past, events = batch.past, batch.events
        problem = self._version_problem(instance_id, batch)
        if problem is not None and not self._fails_other_versions:
            raise OtherVersionError(
                f"{problem} As host.json's versionFailureStrategy is Reject, it waits for a host that runs it."
            )
        if problem is not None:
            refused = replace(self._app, orchestrator=lambda name: _failing(problem))
            return _contained(lambda: run_episode(past, events, refused, now=moment, new_id=new_id))
        app = replace(
            self._app,
            orchestrator=lambda name: log.around(name, self._app.orchestrator(name)),
            entity=lambda name: log.around(name, self._app.entity(name)),
        )
        if not is_entity(instance_id, past, events):
            return _contained(lambda: run_episode(past, events, app, now=moment, new_id=new_id))
        functions = app.functions
        name = instance_id[1:].partition("@")[0]
        code = app.entity(name) if functions.has_entity(name) else None
        return _contained(
            lambda: run_entity_batch(instance_id, past, events, code, functions, now=moment, new_id=new_id)
        )

    def _version_problem(self, instance_id: str, batch: Batch) -> str | None:
        """Why this host does not run the instance's version, None if it does."""
        started = next((one for one in (*batch.past, *batch.events) if isinstance(one, ExecutionStarted)), None)
        if self._versions is None or started is None or is_entity(instance_id, batch.past, batch.events):
            return None
        return self._versions.problem(started.version)


def _failing(problem: str) -> OrchestratorCode:
    """Code in place of the app's, which ends the orchestration as failed."""
    answer = json.dumps({"isDone": True, "actions": [[]], "output": None, "error": problem})
    return lambda payload: answer


def _contained(run: Callable[[], Checkpoint]) -> Callable[[], Checkpoint]:
    """What would end a thread, such as SystemExit, would end the event loop that waits for it."""

    def call() -> Checkpoint:
        try:
            return run()
        except Exception:
            raise
        except BaseException as error:
            raise RuntimeError(f"the function raised {type(error).__name__}, which is no Exception: {error}") from error

    return call


def _early_timers(batch: Batch, moment: Ticks) -> list[Notice]:
    return [
        early_timer(event.fire_at, moment)
        for event in batch.events
        if isinstance(event, TimerFired) and event.fire_at > moment
    ]


def _tell(session: Session, notices: tuple[Notice, ...]) -> None:
    for notice in notices:
        if notice.code not in session.warned:
            session.warned.add(notice.code)
            _log.warning("Instance %r: %s", session.instance_id, notice.text)
