"""User code under guard: nothing that a replay cannot repeat, nothing that the SDK does not understand.

The ``Watch`` that the harness puts around an orchestrator: each step runs guarded, what it yields is looked at.
Invariant: correct user code cannot tell whether it is watched.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import nullcontext
from types import FrameType, GeneratorType
from typing import Any

from durable_harness.checks.determinism import guarded, source_line, told
from durable_harness.core.errors import OrchestratorError
from durable_harness.core.findings import Findings
from durable_harness.worker.log_capture import LogCapture
from durable_harness.worker.observed_context import ObservedContext, UnusableTasksError
from durable_harness.worker.sdk_types import SignalEntityAction, TaskBase
from durable_harness.worker.user_code import AbortedError, UserCode, Watch

__all__ = ["GuardedCode"]


class GuardedCode(Watch):
    """The watch of a harness that checks."""

    refuses_misuse = True

    def __init__(self, findings: Findings, log: LogCapture | None) -> None:
        super().__init__()
        self._findings, self._log = findings, log
        self._seen: set[tuple[object, bytes]] = set()

    def call(self, function: Callable[[Any], Any], context: ObservedContext) -> Any:
        """Call the orchestrator function."""
        if inspect.isgeneratorfunction(function):
            return function(context)  # nothing of it runs yet
        result = self._guard(lambda: function(context))
        if inspect.iscoroutine(result) or inspect.isasyncgen(result):
            if inspect.iscoroutine(result):
                result.close()
            self._report(
                "misuse",
                "async_orchestrator",
                f"{function.__name__!r} is an `async def`. The SDK drives generators: nothing in it would run, and its "
                "result would fail as 'coroutine is not JSON serializable'. Write `def`, and `yield` instead of "
                "`await`.",
            )
        return result

    def step(self, code: UserCode, step: Callable[[Any], Any], value: Any) -> Any:
        """Resume the generator and look at what it yields."""
        place = code.generator.gi_code, code.trace
        if place in self._seen:  # the same code, told the same, does the same
            return step(value)
        yielded = self._guard(lambda: step(value))
        if yielded is None and code.context.will_continue_as_new:
            return yielded  # `yield context.continue_as_new(...)` ends the execution, as without the yield
        if not isinstance(yielded, TaskBase):
            self._refuse_yield(code.generator, yielded)
        elif isinstance(getattr(yielded, "action_repr", None), SignalEntityAction):
            self._refuse_signal(code.generator)
        elif self._log is None:
            self._seen.add(place)
        return yielded

    def _guard(self, run: Callable[[], Any]) -> Any:
        try:
            with self._log.listening() if self._log else nullcontext(), guarded(self._caught):
                return run()
        except UnusableTasksError as unusable:
            self._refuse_tasks(unusable)
            raise

    def _report(self, kind: str, code: str, text: str) -> None:
        try:
            self._findings.add(kind, code, text)
        except OrchestratorError as error:
            raise AbortedError(error) from None

    def _caught(self, kind: str, name: str, frame: FrameType) -> None:
        self._report("determinism", kind.replace(" ", "_"), told(kind, name, frame))

    def _refuse_yield(self, code: GeneratorType[Any, Any, Any], yielded: object) -> None:
        frame = code.gi_frame
        where = source_line(frame) if frame else ""
        if isinstance(yielded, (list, tuple)):
            what, advice = "a list", "Say `yield context.task_all([...])`, or yield its tasks one by one."
        elif inspect.isgenerator(yielded):
            what, advice = "a generator", "Say `yield from` to run a generator of your own as a part of this one."
        elif inspect.iscoroutine(yielded):
            yielded.close()
            what, advice = "a coroutine", "Async functions run as activities: yield context.call_activity(...)."
        elif yielded is None:
            what, advice = "nothing", "Yield a task of the context; a bare `yield` is never resumed."
        else:
            what, advice = f"{type(yielded).__name__} {yielded!r:.60}", "Yield tasks of the context only."
        self._report(
            "misuse",
            "yielded_no_task",
            f"The orchestrator yields {what} at {where}\nThe SDK expects a task, and fails with an AttributeError of "
            f"its own. {advice}",
        )

    def _refuse_signal(self, code: GeneratorType[Any, Any, Any]) -> None:
        frame = code.gi_frame
        self._report(
            "misuse",
            "signal_yielded",
            f"The orchestrator yields a signal at {source_line(frame) if frame else ''}\nNobody answers a signal: "
            "it is sent twice, and the orchestration is never resumed. Say `context.signal_entity(...)` without "
            "`yield`, or `yield context.call_entity(...)` to wait for the operation.",
        )

    def _refuse_tasks(self, unusable: UnusableTasksError) -> None:
        given, method = unusable.given, unusable.method
        if inspect.isgenerator(given):
            what = (
                "a generator: the SDK asks for its length, and fails with \"object of type 'generator' has no len()\""
            )
        elif isinstance(given, (list, tuple)):
            odd = next(one for one in given if not isinstance(one, TaskBase))
            what = f"a list with {type(odd).__name__} {odd!r:.60} in it, which is not a task"
        else:
            what = f"{type(given).__name__} {given!r:.60}, which is not a list of tasks"
        self._report(
            "misuse",
            "unusable_tasks",
            f"context.{method} was given {what}. Give it a list of tasks: context.{method}([...]).",
        )
