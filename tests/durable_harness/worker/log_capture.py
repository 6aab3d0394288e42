"""What orchestrators log, with the flag that says whether the line was written during replay.

A logging handler that is in place only while user code of an orchestrator runs.
Invariant: lines of activities and of tests are not taken, and other handlers get what they would have got.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Final

from durable_harness.worker.sdk_types import TaskOrchestrationExecutor

__all__ = ["LogCapture", "LogLine"]

_RESUME: Final = TaskOrchestrationExecutor.resume_user_code.__code__


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. On a real host, one that is not guarded by ``is_replaying`` is written again in every episode."""

    level: str
    text: str
    is_replaying: bool


class LogCapture(logging.Handler):
    """Takes what an orchestrator logs, when it runs for the first time and when it is replayed."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[LogLine] = []
        self._takes_replayed = False

    def emit(self, record: logging.LogRecord) -> None:
        """Take one line. What is not replayed is taken live; its repetition in a replay from the start is not."""
        is_replaying = _is_replaying()
        if is_replaying == self._takes_replayed:
            self.lines.append(LogLine(record.levelname, record.getMessage(), is_replaying))

    @contextmanager
    def listening(self, *, to_replay: bool = False) -> Iterator[None]:
        """Take the lines of this block. The worker shows lines from INFO on, so they are made."""
        root = logging.root
        level = root.level
        self._takes_replayed = to_replay
        root.addHandler(self)
        if level > logging.INFO:
            root.setLevel(logging.INFO)
        try:
            yield
        finally:
            if level > logging.INFO:
                root.setLevel(level)
            root.removeHandler(self)


def _is_replaying() -> bool:
    """What the SDK says of the user code that logs."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code is not _RESUME:
        frame = frame.f_back
    return bool(frame and frame.f_locals["self"].context._is_replaying)
