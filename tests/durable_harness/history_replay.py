"""A recorded history against today's code, for any app that a harness takes.

The engine's check, with the app's functions found and the SDK at work.
Invariant: the check itself is the engine's, the same that the local host makes.
"""

from __future__ import annotations

from durable_engine import HistoryReport, HistorySource
from durable_engine import replay_history as check_replay
from durable_harness.worker.indexing import functions_of
from durable_harness.worker.sdk_events import sdk_at_work

__all__ = ["replay_history"]


def replay_history(app: object, history: HistorySource, *, strict: bool = True) -> HistoryReport:
    """Hold a recorded history against today's code, and raise ``HistoryMismatchError`` where they differ.

    ``history`` is what the management API answers with showHistory, showHistoryOutput and showInput, or the rows of a
    task hub's history table, or events. Not ``strict`` lets pass what a host would let pass.
    """
    with sdk_at_work():
        return check_replay(functions_of(app).engine_app, history, strict=strict)
