"""What the engine raises.

    EngineError
    ├── NonDeterminismError    replay does something other than what history records
    ├── HistoryError           a history that no engine could have written
    └── AnswerError            the SDK answered something that the host half cannot read

One base for everything the engine raises on purpose.
Invariant: the message says what, which ids, recorded against found, and what to do; the facts are attributes too.
"""

from __future__ import annotations

__all__ = ["AnswerError", "EngineError", "HistoryError", "NonDeterminismError"]


class EngineError(Exception):
    """Base of the engine's errors."""


class NonDeterminismError(EngineError):
    """Replay scheduled something other than what history records; ``str()`` is the host's own text."""

    def __init__(self, text: str, *, event_id: int, recorded: str, replayed: str | None) -> None:
        self.event_id, self.recorded, self.replayed = event_id, recorded, replayed
        super().__init__(text)


class HistoryError(EngineError, ValueError):
    """A history that cannot be replayed because it is not one."""


class AnswerError(EngineError, ValueError):
    """An orchestrator's answer without the shape of SDK 1.7's."""
