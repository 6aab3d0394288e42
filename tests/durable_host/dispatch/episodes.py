"""Episodes: the app's code, run in a thread on a history and a batch, and what there is to say about it.

From a sorted batch to a checkpoint.
Invariant: nothing that the app's code does ends or blocks the host: what it raises is an error of this episode, and a
thread that it keeps is reported and left behind.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import threading
import uuid
from collections.abc import Callable
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
    early_timer,
    run_entity_batch,
    run_episode,
)
from durable_host.app.threads import Threads
from durable_host.app.worker import limit_text
from durable_host.clock import new_id, now
from durable_host.dispatch.chains import continued_id
from durable_host.dispatch.episode_log import EpisodeLog, Told
from durable_host.dispatch.message_rules import is_entity
from durable_host.dispatch.sessions import Session
from durable_host.dispatch.sorting import Batch
from durable_host.dispatch.state_log import StateLog

__all__ = ["EpisodeInterruptedError", "EpisodeRunner", "OtherVersionError"]

_AT_A_TIME: Final = 4
_LENT_SECONDS: Final = 5.0
_LONG_SECONDS: Final = 30.0
_EXECUTIONS: Final = uuid.UUID("1f4f9b0c-3c2d-4a55-9c61-7c7b4a5a9a1e")
_log = logging.getLogger("Host.Triggers.DurableTask")


class OtherVersionError(Exception):
    """An instance is of a version that this host does not run: its messages are given back."""


class EpisodeInterruptedError(BaseException):
    """The app's code was to begin again within an episode that is to end; no Exception, so that no code catches it."""


class EpisodeRunner:
    """Runs the episodes of all instances.

    Args:
        app: The functions.
        log: Where states are told.
        at_a_time: How many episodes run at a time; more would only share the same processor.
        long_seconds: When one that has not ended is reported.
        limit_seconds: When one that has not ended fails; None: never.
    """

    def __init__(
        self,
        app: App,
        *,
        log: StateLog | None = None,
        at_a_time: int = _AT_A_TIME,
        long_seconds: float = _LONG_SECONDS,
        limit_seconds: float | None = None,
    ) -> None:
        self._app, self._long_seconds, self._limit_seconds = app, long_seconds, limit_seconds
        self._log = log or StateLog("")
        self._told = Told()
        # One that computes for long keeps its thread, but not its place: the others must go on.
        self._threads = Threads("orchestrator", at_a_time, lent_seconds=min(long_seconds, _LENT_SECONDS))

    @property
    def still_running(self) -> int:
        """How many episodes are in their threads; nothing can end those."""
        return self._threads.still_running

    def check_version(self, instance_id: str, batch: Batch) -> None:
        """Make sure that this host runs the instance's version, or fails what is of another one.

        Raises:
            OtherVersionError: It does neither.
        """
        started = next((one for one in (*batch.past, *batch.events) if isinstance(one, ExecutionStarted)), None)
        if started is None or self._app.versions.fails or is_entity(instance_id, batch.past, batch.events):
            return
        if (problem := self._app.versions.problem(started.version)) is not None:
            raise OtherVersionError(
                f"{problem} As host.json's versionFailureStrategy is Reject, it waits for a host that runs it."
            )

    async def run(self, session: Session, batch: Batch, moment: Ticks) -> Checkpoint:
        """Run one episode, which is at this moment, to its end, and log what the app's author should know.

        Raises:
            EpisodeInterruptedError: The session was told to end it, and its code has come to a point where it can be.
        """
        session.interrupt = interrupt = threading.Event()
        log = EpisodeLog(self._log, session.instance_id, batch.past, batch.events, self._told)
        report = asyncio.get_running_loop().call_later(self._long_seconds, self._report, session.instance_id)
        try:
            engine = self._engine(
                session.instance_id, batch, moment, lambda name, code: _ending_with(log.around(name, code), interrupt)
            )
            checkpoint = await self._threads.run(session.instance_id, engine, seconds=self._limit_seconds)
        except TimeoutError:
            interrupt.set()
            limit = limit_text(self._limit_seconds or 0)
            reason = f"Timeout value of {limit} was exceeded by the function of {session.instance_id!r}"
            _log.error("Instance %r: %s; it fails. Its thread goes on.", session.instance_id, reason)
            checkpoint = await self.fail(session, batch, reason)
        finally:
            report.cancel()
            session.interrupt = None
        log.ended(checkpoint)
        _tell(session, (*checkpoint.notices, *_early_timers(batch, moment)))
        return checkpoint

    async def fail(self, session: Session, batch: Batch, reason: str) -> Checkpoint:
        """The episode as it would be if the app's code raised an error with this text; an entity's, in each
        operation."""

        def raise_reason(payload: str) -> str:
            raise RuntimeError(reason)

        def fail_each(payload: str) -> str:
            given = json.loads(payload)
            results = [{"isError": True, "duration": 0, "result": json.dumps(reason)} for _ in given["batch"]]
            return json.dumps({"entityExists": given["exists"], "entityState": given["state"], "results": results})

        failing = fail_each if is_entity(session.instance_id, batch.past, batch.events) else raise_reason
        engine = self._engine(session.instance_id, batch, now(), lambda name, code: failing)
        return await self._threads.run(session.instance_id, engine)

    def _report(self, instance_id: str) -> None:
        _log.warning(
            "Instance %r: its orchestrator or entity function has been running for %g s and keeps a thread. It must "
            "not wait or compute for long: move that into an activity, and look for a loop that yields nothing or "
            "calls continue_as_new without waiting for anything.",
            instance_id,
            self._long_seconds,
        )

    def _engine(
        self, instance_id: str, batch: Batch, moment: Ticks, wrap: Callable[[str, OrchestratorCode], OrchestratorCode]
    ) -> Callable[[], Checkpoint]:
        past, events, functions = batch.past, batch.events, self._app.functions
        ids = _ids_at(instance_id, moment)
        if not is_entity(instance_id, past, events):
            app = replace(self._app, orchestrator=lambda name: wrap(name, self._app.orchestrator(name)))
            return _contained(
                lambda: run_episode(
                    past,
                    events,
                    app,
                    now=moment,
                    new_id=ids,
                    continued_id=lambda before: continued_id(before, ids()),
                )
            )
        name = instance_id[1:].partition("@")[0]
        code = wrap(name, self._app.entity(name)) if functions.has_entity(name) else None
        return _contained(
            lambda: run_entity_batch(instance_id, past, events, code, functions, now=moment, new_id=new_id)
        )


def _ids_at(instance_id: str, moment: Ticks) -> Callable[[], str]:
    """Ids of executions that the episode at this moment begins: the same when it is tried again at that moment, so that
    a child that was started by an earlier attempt is not started once more."""
    numbers = itertools.count()
    return lambda: uuid.uuid5(_EXECUTIONS, f"{instance_id} {moment} {next(numbers)}").hex


def _ending_with(code: OrchestratorCode, interrupt: threading.Event) -> OrchestratorCode:
    """The code of a function, until it is interrupted: a new execution of continue_as_new then does not begin."""

    def call(payload: str) -> str:
        if interrupt.is_set():
            raise EpisodeInterruptedError
        return code(payload)

    return call


def _contained(run: Callable[[], Checkpoint]) -> Callable[[], Checkpoint]:
    """What would end a thread, such as SystemExit, would end the event loop that waits for it."""

    def call() -> Checkpoint:
        try:
            return run()
        except (Exception, EpisodeInterruptedError):
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
