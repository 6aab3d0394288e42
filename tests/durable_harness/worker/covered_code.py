"""The ways that user code takes, step by step: which instruction followed which, and how often.

What drawn schedules are guided by. Of several conditions in one line, each that comes true is a way of its own.
Invariant: user code is only looked at. A tracer of somebody else, a debugger's or that of coverage, is back after every
step.
"""

from __future__ import annotations

import sys
import sysconfig
from collections import Counter
from collections.abc import Callable, Hashable
from types import CodeType, FrameType
from typing import Any, Final

from durable_harness.worker.observed_context import ObservedContext
from durable_harness.worker.user_code import UserCode, Watch

__all__ = ["CoveredCode"]

_LIBRARIES: Final = tuple({sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")})
_OURS: Final = ("durable_harness.", "durable_engine.")


class CoveredCode(Watch):
    """Another watch, which also notes the ways of one schedule."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch, self.known_actions = watch, watch.known_actions
        self.refuses_misuse = watch.refuses_misuse
        self._taken: Counter[tuple[CodeType, int, int]] = Counter()
        self._last: dict[FrameType, int] = {}

    @property
    def ways(self) -> set[Hashable]:
        """Each step from one instruction to another, with the size of the number of times that it was taken."""
        return {(*step, count.bit_length()) for step, count in self._taken.items()}

    def call(self, function: Callable[[Any], Any], context: ObservedContext) -> Any:
        """Call the orchestrator function."""
        return self._traced(lambda: self._watch.call(function, context))

    def step(self, code: UserCode, step: Callable[[Any], Any], value: Any) -> Any:
        """Resume the generator."""
        return self._traced(lambda: self._watch.step(code, step, value))

    def _traced(self, run: Callable[[], Any]) -> Any:
        before = sys.gettrace()
        sys.settrace(self._enter)
        try:
            return run()
        finally:
            sys.settrace(before)
            self._last.clear()

    def _enter(self, frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename.startswith((*_LIBRARIES, "<frozen")):
            return None
        if frame.f_globals.get("__name__", "").startswith(_OURS):
            return None
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        return self._go_on

    def _go_on(self, frame: FrameType, event: str, _: Any) -> Any:
        if event == "opcode":
            self._taken[frame.f_code, self._last.get(frame, -1), frame.f_lasti] += 1
            self._last[frame] = frame.f_lasti
        return self._go_on
