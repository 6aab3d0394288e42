"""What orchestrators log, with the flag that says whether the line was written during replay.

Role: a logging handler that is in place only while user code of an orchestrator runs.
Called by: ``guarded_code`` listens; ``harness`` takes the lines into the result. Calls: ``logging``.
Invariant: lines of activities and of tests are not taken, and other handlers get what they would have got.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = ["LogCapture", "LogLine"]


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. On a real host, one that is not guarded by ``is_replaying`` is written again in every episode."""

    level: str
    text: str
    is_replaying: bool


class LogCapture(logging.Handler):
    """Takes what an orchestrator logs."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[LogLine] = []
        self.is_replaying: Callable[[], bool] = lambda: False

    def emit(self, record: logging.LogRecord) -> None:
        """Take one line."""
        self.lines.append(LogLine(record.levelname, record.getMessage(), self.is_replaying()))

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take the lines of this block. The worker shows lines from INFO on, so they are made."""
        root = logging.root
        level = root.level
        root.addHandler(self)
        if level > logging.INFO:
            root.setLevel(logging.INFO)
        try:
            yield
        finally:
            if level > logging.INFO:
                root.setLevel(level)
            root.removeHandler(self)
