"""The user's generator, stepped under watch.

Stands where the SDK's executor expects the generator, passes every value and exception on, and remembers them: the
trace of an orchestrator is all that it has been told, and two equal traces are the same place in the code.
Invariant: the generator sees exactly what it would see without this.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from types import GeneratorType
from typing import Any

from durable_harness.worker.observed_context import ObservedContext
from durable_harness.worker.sdk_types import CompoundTask, TaskBase, TaskState, WhenAllTask, first_error
from durable_harness.worker.suspension import close_quietly
from durable_harness.worker.watched_tasks import is_watched, watch_failed

__all__ = ["AbortedError", "UserCode", "Watch"]


class AbortedError(BaseException):
    """A watch has ended user code; ``error`` says why.

    It is not an ``Exception``: neither user code nor the SDK can swallow it on its way to the harness.
    """

    def __init__(self, error: Exception) -> None:
        self.error = error
        super().__init__(error)


class Watch:
    """What is done around every piece of user code; this one only lets it run."""

    refuses_misuse = False

    def __init__(self) -> None:
        self.known_actions: dict[tuple[object, bytes, object], list[dict[str, Any]]] = {}
        """The actions that a code has asked for when it had been told this much, as JSON objects.

        The same code, told the same, asks for the same; ``leaf_check`` would find one that does not.
        """

    def call(self, function: Callable[[Any], Any], context: ObservedContext) -> Any:
        """Call the orchestrator function: a generator begins, a plain function runs."""
        return function(context)

    def step(self, code: UserCode, step: Callable[[Any], Any], value: Any) -> Any:
        """Resume the generator by one of its own methods, ``send`` or ``throw``; returns what it yields."""
        return step(value)


class UserCode:
    """A generator with a memory of all that it was told."""

    def __init__(self, name: str, code: GeneratorType[Any, Any, Any], context: ObservedContext, watch: Watch) -> None:
        self.generator = code
        # What the context itself tells counts too.
        told = name, context._instance_id, context._input, context._parent_instance_id, context._version
        self.trace = repr(told).encode(errors="replace")
        """A digest of everything that user code has been told so far."""
        self.context, self._watch = context, watch
        self._results: dict[tuple[int, object], str] = {}

    def send(self, value: Any) -> Any:
        """Resume with a value."""
        self._remember("value", value)
        return self._step(self.generator.send, value)

    def throw(self, error: BaseException) -> Any:
        """Resume with an exception."""
        self._remember("error", error)
        watch_failed(self.context.compounds, self.context)
        return self._step(self.generator.throw, error)

    def _step(self, step: Callable[[Any], Any], value: Any) -> Any:
        context = self.context
        context.resumed += 1
        context.is_in_user_code = True
        try:
            yielded = self._watch.step(self, step, value)
        finally:
            context.is_in_user_code = False
        context.looks_back = context.looks_back or is_watched(yielded)
        if (
            isinstance(yielded, WhenAllTask)
            and first_error(yielded) is not None
            and yielded.state is TaskState.SUCCEEDED
        ):
            context.oddities["failed_turned_succeeded"] = ""
        return yielded

    @property
    def place(self) -> tuple[object, ...]:
        """Where the generator stands, those that it yields from included, with the plain values in their frames."""
        place: list[object] = []
        inner: Any = self.generator
        while isinstance(inner, GeneratorType) and inner.gi_frame is not None:
            values = inner.gi_frame.f_locals.items()
            plain = tuple((name, value) for name, value in values if isinstance(value, (str, int, float, type(None))))
            place += [inner.gi_code, inner.gi_frame.f_lasti, plain]
            inner = inner.gi_yieldfrom
        return tuple(place)

    def __del__(self) -> None:
        """Close user code that never came to its end, without a word about a `yield` in its `finally`."""
        close_quietly(self.generator)

    def state_of(self, task: TaskBase) -> tuple[object, ...]:
        """A task as far as user code or the SDK may look at it."""
        key = id(task), task.state
        result = self._results.get(key)
        if result is None:
            result = self._results[key] = self._text_of(task.result) if task.is_completed else ""
        state: tuple[object, ...] = (task.id, task.state.value, result, self.context.places.get(id(task.parent), -1))
        if isinstance(task, CompoundTask):
            attempts = getattr(task, "num_attempts", 0)
            waits = getattr(task, "is_waiting_on_timer", False)
            return (*state, len(task.pending_tasks), first_error(task) is None, attempts, waits)
        return state

    def _remember(self, kind: str, value: Any) -> None:
        told = f"{kind} {self._text_of(value)} {self.context._current_utc_datetime}"
        self.trace = hashlib.blake2b(self.trace + told.encode(errors="replace"), digest_size=16).digest()

    def _text_of(self, value: Any) -> str:
        if isinstance(value, TaskBase):
            return f"task {self.context.places.get(id(value), -1)}"
        if isinstance(value, list):
            return "[" + ",".join(map(self._text_of, value)) + "]"
        if isinstance(value, BaseException):
            return f"{type(value).__name__}: {value}"
        return repr(value)
