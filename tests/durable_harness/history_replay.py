"""A recorded history against today's code, for any app that a harness takes.

The engine's check, with the app's functions found and the SDK at work.
Invariant: the check itself is the engine's, the same that the local host makes.
"""

from __future__ import annotations

from pathlib import Path

from durable_engine import HistoryError, HistoryReport, HistorySource
from durable_engine import replay_history as check_replay
from durable_harness.worker.indexing import functions_of
from durable_harness.worker.sdk_events import sdk_at_work

__all__ = ["replay_history"]


def replay_history(app: object, history: HistorySource | Path, *, strict: bool = True) -> HistoryReport:
    """Hold a recorded history against today's code.

    Args:
        app: What a ``Harness`` takes.
        history: The path of a file, or its JSON: what ``durable-host history`` writes, the rows of a task hub's history
            table, what the management API answers with showHistory, showHistoryOutput and showInput; or events, such as
            ``Run.history``.
        strict: Raise for every difference; otherwise only for what a host would refuse.

    Returns:
        What was compared, and every difference.

    Raises:
        HistoryMismatchError: Today's code does something else than the history records.
        HistoryError: This is no history, or there is no such file.
    """
    if isinstance(history, str) and history.strip()[:1] not in ("[", "{"):
        history = Path(history)  # no JSON that holds a history begins so
    if isinstance(history, Path):
        try:
            history = history.read_text(encoding="utf-8-sig")
        except OSError as error:
            raise HistoryError(f"{history} cannot be read: {error.strerror}.") from None
    with sdk_at_work():
        return check_replay(functions_of(app).engine_app, history, strict=strict)
