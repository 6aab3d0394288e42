"""Requests that an instance has applied, by their ids: what comes once more is not applied twice.

An entity's requests come again when its host dies between commit and deletion, when storage carries out a put and
answers with an error, and when the episode that asked runs again (``attempts``). So does the start of an orchestration,
which may have continued as new by then: as another execution, whose history does not say what it began with.
Invariant: the ids are committed together with the state that they made, and a request that the entity sends to itself,
because it is not due yet, is none that was applied.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Final

from durable_engine import OPERATION, Checkpoint, EventRaised, ExecutionStarted, HistoryEvent
from durable_host.dispatch.message_rules import names_entity
from durable_host.task_hub.tables.history_table import LoadedHistory

__all__ = ["applied_after", "request_id", "short_execution"]

_REMEMBERED: Final = 1000
"""How many ids are kept, beyond those of the latest batch: a dead host's messages come again half a minute later."""
_MOST: Final = 1800  # what fits into one cell of a table
_LETTERS: Final = 12
"""Of each id, as it is written with every batch: 48 of its bits."""


def request_id(event: HistoryEvent) -> str | None:
    """The end of the id of a request to an entity, or of the execution that is to start; None for any other event."""
    if isinstance(event, ExecutionStarted):
        return short_execution(event.instance.execution_id)
    if not isinstance(event, EventRaised) or not event.name.startswith(OPERATION) or event.input is None:
        return None
    try:
        request = json.loads(event.input)
    except (RecursionError, ValueError):
        return None
    found = request.get("id") if isinstance(request, dict) else None
    return found[-_LETTERS:] if isinstance(found, str) else None


def short_execution(execution_id: str | None) -> str | None:
    """The end of an execution's id."""
    return execution_id[-_LETTERS:] if execution_id else None


def applied_after(loaded: LoadedHistory, events: Sequence[HistoryEvent], checkpoint: Checkpoint) -> tuple[str, ...]:
    """The ids to remember with a checkpoint that was made of these events, the latest last."""
    own = checkpoint.instance.instance_id
    if not names_entity(own):
        return _start_of(loaded, events, checkpoint)
    put_off = {request_id(m.event) for m in checkpoint.messages if m.target.instance_id == own}
    new = [found for event in events if (found := request_id(event)) is not None and found not in put_off]
    return (*loaded.applied[-_REMEMBERED:], *new)[-_MOST:]


def _start_of(loaded: LoadedHistory, events: Iterable[HistoryEvent], checkpoint: Checkpoint) -> tuple[str, ...]:
    """The execution that was started, where the current one continues it; nothing while they are the same."""
    started = next((request_id(event) for event in events if isinstance(event, ExecutionStarted)), None)
    before = loaded.applied[0] if loaded.applied else short_execution(loaded.execution_id)
    start = started or before
    is_same = start == short_execution(checkpoint.instance.execution_id)
    return () if start is None or (is_same and not loaded.applied) else (start,)
