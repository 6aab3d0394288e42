"""The worker half, stepped live: the SDK's own executor, kept between the episodes of one execution.

Gives the answer that the SDK would give to the whole history, for the price of the new events alone.
Invariant: the answer equals that of a call with the payload, byte for byte; ``leaf_check`` holds one against the
other.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from copy import copy
from types import GeneratorType
from typing import Any, Final

from durable_engine import (
    Answer,
    EventRaised,
    ExecutionStarted,
    HistoryEvent,
    JsonReaderError,
    OrchestratorStarted,
    orchestrator_members,
    read_answer,
    read_json,
    state_of_failure,
)
from durable_harness.app.functions import OrchestratorFunction
from durable_harness.worker.held_state import held_state
from durable_harness.worker.observed_context import ObservedContext
from durable_harness.worker.sdk_events import to_sdk_event
from durable_harness.worker.sdk_types import HistoryEventType, TaskOrchestrationExecutor, df_dumps
from durable_harness.worker.user_code import UserCode, Watch

__all__ = ["LiveWorker", "NotLiveError"]

_SEEN: Final = frozenset(
    {
        HistoryEventType.EXECUTION_STARTED,
        HistoryEventType.TASK_COMPLETED,
        HistoryEventType.TASK_FAILED,
        HistoryEventType.SUB_ORCHESTRATION_INSTANCE_COMPLETED,
        HistoryEventType.SUB_ORCHESTRATION_INSTANCE_FAILED,
        HistoryEventType.TIMER_FIRED,
        HistoryEventType.ORCHESTRATOR_STARTED,
        HistoryEventType.EVENT_SENT,
        HistoryEventType.EVENT_RAISED,
        HistoryEventType.CONTINUE_AS_NEW,
    }
)
"""The events that the executor does something with; it passes over the others, which it need not see at all."""


class NotLiveError(Exception):
    """This execution, or this answer, has to go the way through the payload."""


# Making an executor makes a class, which takes longer than stepping it.
_TEMPLATE: Final = TaskOrchestrationExecutor()


def _new_executor() -> TaskOrchestrationExecutor:
    executor = copy(_TEMPLATE)
    executor.initialize()
    return executor


class LiveWorker:
    """One execution of one orchestrator, between its episodes.

    ``history`` is everything up to and with the first episode to be answered; ``new_from`` is where that begins.
    """

    def __init__(
        self,
        orchestrator: OrchestratorFunction,
        started: ExecutionStarted,
        history: Sequence[HistoryEvent],
        *,
        new_from: int,
        watch: Watch,
    ) -> None:
        head = [event for event in history[:2] if isinstance(event, (OrchestratorStarted, ExecutionStarted))]
        if len(head) != 2:
            raise NotLiveError
        self.context = ObservedContext(**orchestrator_members(head, started))
        self.context._input_expected_type = orchestrator.input_type
        self.context.checks_tasks = watch.refuses_misuse
        self._executor = _new_executor()
        self._executor.context = self.context
        self.last_text: str | None = None
        """The answer of an execution that has ended well, as the SDK wrote it."""
        self._actions: list[dict[str, Any]] = []
        self._cancelled = 0
        self._state: tuple[object, ...] | None = None
        """The state as long as nothing more was fed."""
        self._known_actions = watch.known_actions
        code = watch.call(orchestrator.function, self.context)
        if not isinstance(code, GeneratorType):
            raise NotLiveError
        self.code = UserCode(orchestrator.name, code, self.context, watch)
        self._executor.generator = self.code
        self._executor.current_task.is_played = started.is_played or new_from > 0
        self._feed(history[:new_from], is_new=False)
        self._feed(history[new_from:], is_new=True)

    def feed(self, decided: Sequence[HistoryEvent], new: Sequence[HistoryEvent]) -> None:
        """Let the SDK process what the last episode has decided, and the events of one more episode."""
        self._feed(decided, is_new=False)
        self._feed(new, is_new=True)

    def _feed(self, events: Sequence[HistoryEvent], *, is_new: bool) -> None:
        executor = self._executor
        executor._is_processing_new_events = is_new
        self._state = None
        for event in events:
            if executor.has_execution_completed:
                return
            if isinstance(event, EventRaised):
                self.context.events[event.name] += 1
            if event.event_type in _SEEN:
                executor.process_event(to_sdk_event(event))

    def answer(self) -> Answer:
        """The answer of the SDK to everything that it was fed."""
        if self._executor.has_execution_completed:
            return self._last_answer()
        if self._executor.current_task is None:
            raise NotLiveError  # `yield None`: the SDK fails in a way of its own at the next event
        try:
            status = self._custom_status()
        except Exception as error:
            raise NotLiveError from error
        return Answer(actions=self._actions_so_far(), custom_status=status)

    def _last_answer(self) -> Answer:
        executor = self._executor
        if isinstance(executor.exception, RecursionError):
            raise NotLiveError  # how deep is too deep depends on who called
        try:
            text = executor.get_orchestrator_state_str()
        except Exception as error:
            state = state_of_failure(error)
            if state is None:
                raise NotLiveError from error
            return read_answer(state)
        self.last_text = text
        output = None if executor.output is None else _as_the_host_reads(json.dumps(executor.output), depth=1)
        return Answer(
            actions=self._actions_so_far(),
            is_done=bool(executor.orchestration_invocation_succeeded),
            output=output,
            custom_status=self._custom_status(),
        )

    def _custom_status(self) -> Any:
        status = self.context.custom_status
        return _as_the_host_reads(df_dumps(status), depth=1) if status else None

    def _actions_so_far(self) -> list[dict[str, Any]]:
        """All actions as JSON objects; one that has not changed is the same object as before."""
        timers = self.context.timers
        cancelled = sum(timer.is_cancelled for timer in timers)
        (actions,) = self.context._actions
        if cancelled != self._cancelled:
            self._actions, self._cancelled = [], cancelled
        if len(actions) > len(self._actions):
            # A long timer asks for its next leg by itself, while user code is told nothing.
            now = self.context._current_utc_datetime
            place = self.code.generator.gi_code, self.code.trace, (cancelled, len(actions), now)
            known = self._known_actions.get(place)
            if known is None:
                new = [
                    _as_the_host_reads(df_dumps(action.to_json()), depth=3) for action in actions[len(self._actions) :]
                ]
                known = self._known_actions[place] = [*self._actions, *new]
            self._actions = known
        return self._actions

    @property
    def state(self) -> tuple[object, ...]:
        """What decides how user code and SDK go on, given the same events: equal states have equal futures."""
        if self._state is None:
            self._state = self._told_state()
        return self._state

    def _told_state(self) -> tuple[object, ...]:
        context, executor = self.context, self._executor
        held = None if self.has_ended else held_state(context, (self.code.generator, *self._held_by_sdk))
        if held is not None:
            deferred = tuple(sorted(map(str, context.deferred_tasks)))
            return held, deferred, json.dumps(self._actions_so_far()), self._seen_of_it
        return (
            self.code.trace,
            context._sequence_number,
            tuple(self.code.state_of(task) for task in context.tasks),
            tuple(sorted(map(str, context.open_tasks))),
            tuple(sorted(map(str, context.deferred_tasks))),
            executor.has_execution_completed,
        )

    @property
    def _held_by_sdk(self) -> tuple[object, ...]:
        context, executor = self.context, self._executor
        return (
            executor.current_task,
            dict(sorted(context.open_tasks.items(), key=str)),
            context._sequence_number,
            context._new_uuid_counter,
            context._current_utc_datetime,
            context._continue_as_new_flag,
            context._input,
            context._parent_instance_id,
            context._version,
        )

    @property
    def _seen_of_it(self) -> Hashable:
        """What checks and pruning have learned of this execution, and would not learn again."""
        context = self.context
        return (
            repr(context._custom_status),
            tuple(sorted(context.oddities.items())),
            tuple(sorted(context.events.items())),
            tuple(sorted(context.waits.items())),
            context.shows_boundaries,
            context.reads_time,
            context.looks_back,
            len(context.never_yielded),
        )

    @property
    def has_ended(self) -> bool:
        """Whether user code has returned or raised."""
        return bool(self._executor.has_execution_completed)

    @property
    def awaited(self) -> Any:
        """The task that user code waits for."""
        return self._executor.current_task

    @property
    def open_events(self) -> list[str]:
        """The names that the SDK waits for: of external events, and the ids of requests to entities."""
        return [name for name, tasks in self.context.open_tasks.items() if isinstance(name, str) and tasks]


def _as_the_host_reads(text: str, *, depth: int) -> Any:
    """A part of an answer that lies so deep in it, as the host reads it; NotLiveError where the host would not."""
    try:
        value = read_json("[" * depth + text + "]" * depth)
    except JsonReaderError as error:
        raise NotLiveError from error  # the host's error says where in the whole answer
    for _ in range(depth):
        value = value[0]
    return value
