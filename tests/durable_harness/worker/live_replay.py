"""Both halves of an episode, kept: the SDK's executor (``live_worker``) and the host's replay.

The engine's ``Replayer`` for one instance, which makes a long orchestration cost what its events cost.
Invariant: what it returns is what ``FromStart`` would return; ``leaf_check`` holds one against the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from durable_engine import (
    Answer,
    ExecutionStarted,
    HistoryEvent,
    Replay,
    Ticks,
    call_orchestrator,
    orchestrator_payload,
)
from durable_harness.app.functions import AppFunctions
from durable_harness.worker.sdk_worker import LiveWorker, NotLiveError
from durable_harness.worker.user_code import AbortedError, Watch

__all__ = ["InstanceReplayer"]


class InstanceReplayer:
    """Replays the episodes of one instance, live or each from the start."""

    def __init__(self, app: AppFunctions, watch: Watch, *, is_live: bool) -> None:
        self.replay_now: Replay | None = None
        """The host's replay at the end of the last episode."""
        self.worker: LiveWorker | None = None
        """The SDK's executor, None where this instance is not live."""
        self.answer: Answer | None = None
        """The last answer."""
        self.oddities: dict[str, str] = {}
        """Which defects of the SDK were met so far, in all executions."""
        self.left_events: Counter[str] = Counter()
        """The events that the execution before this one has got, and never waited for."""
        self.waited: set[str] = set()
        """The names of all events that were ever waited for."""
        self.shows_boundaries = False
        """Whether user code can have seen where an episode ended, in any execution."""
        self.reads_time = False
        """Whether user code has read the time, in any execution."""
        self.looks_back = False
        """Whether user code has looked at a task of a ``task_all`` that had failed, in any execution."""
        self.is_live = is_live
        self._app, self._engine_app, self._watch = app, app.engine_app, watch
        self._execution_id: str | None = None
        self._replayed = 0

    def forget(self) -> None:
        """Lose everything that is not in the history, as a worker that dies does."""
        self.worker, self.replay_now, self._execution_id, self._replayed = None, None, None, 0

    def replay(
        self, started: ExecutionStarted, past: Sequence[HistoryEvent], new: Sequence[HistoryEvent], now: Ticks
    ) -> tuple[Replay, int]:
        """Replay one episode; see ``Replayer``."""
        functions = self._engine_app.functions
        if not functions.has_orchestrator(started.name):
            answer = Answer(error=functions.missing_orchestrator(started.name))
        elif self.is_live:
            answer = self._ask(started, past, new)
        else:
            answer = self._ask_from_start(started, [*past, *new])
        replay = self.replay_now
        if self.is_live and replay is not None and past and replay.resume(answer, now):
            played = replay.play(past[self._replayed :]) + replay.play(new) - (len(past) - self._replayed)
        else:
            replay = Replay(started, answer, functions, now)
            played = replay.play([*past, *new]) - len(past)
        self.answer, self.replay_now, self._replayed = answer, replay, len(past) + len(new)
        return replay, played

    def _ask(self, started: ExecutionStarted, past: Sequence[HistoryEvent], new: Sequence[HistoryEvent]) -> Answer:
        execution_id = started.instance.execution_id
        try:
            if self._execution_id != execution_id or not past:
                if self.worker is not None and self._execution_id not in (None, execution_id):
                    self.left_events = Counter(self.worker.context.early_events)
                self.replay_now, self._replayed, self.worker = None, 0, None
                self._execution_id = execution_id
                orchestrator = self._app.orchestrator(started.name)
                history = [*past, *new]
                self.worker = LiveWorker(orchestrator, started, history, new_from=len(past), watch=self._watch)
            elif self.worker is None:
                raise NotLiveError
            else:
                self.worker.feed(past[self._replayed :], new)
            answer = self.worker.answer()
            self.oddities |= self.worker.context.oddities
            self.waited.update(self.worker.context.waits)
            self._note_what_it_sees(self.worker)
            return answer
        except AbortedError as aborted:
            raise aborted.error from None
        except Exception:
            # NotLiveError, or what the SDK raises by itself, which has to carry its own stack: the payload way reports
            # it, and every later episode of this execution goes that way.
            self.worker = None
            return self._ask_from_start(started, [*past, *new])

    def _note_what_it_sees(self, worker: LiveWorker) -> None:
        context = worker.context
        self.shows_boundaries = self.shows_boundaries or context.shows_boundaries
        self.reads_time = self.reads_time or context.reads_time
        self.looks_back = self.looks_back or context.looks_back

    def _ask_from_start(self, started: ExecutionStarted, history: Sequence[HistoryEvent]) -> Answer:
        return call_orchestrator(self._app.orchestrator(started.name).handle, orchestrator_payload(history, started))
