"""Requests that an entity has applied, by their ids: what comes once more is not applied twice.

A request comes again when its entity's host dies between commit and deletion, when storage carries out a put and
answers with an error, and when the episode that asked runs again (``attempts``).
Invariant: the ids are committed together with the state that they made, and a request that the entity sends to itself,
because it is not due yet, is none that was applied.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Final

from durable_engine import OPERATION, Checkpoint, EventRaised, HistoryEvent

__all__ = ["applied_after", "request_id"]

_REMEMBERED: Final = 1000
"""How many ids are kept, beyond those of the latest batch: a dead host's messages come again half a minute later."""
_MOST: Final = 1800  # what fits into one cell of a table
_LETTERS: Final = 12
"""Of each id, as it is written with every batch: 48 of its bits."""


def request_id(event: HistoryEvent) -> str | None:
    """The end of the id of a request to an entity; None for any other event."""
    if not isinstance(event, EventRaised) or not event.name.startswith(OPERATION) or event.input is None:
        return None
    try:
        request = json.loads(event.input)
    except (RecursionError, ValueError):
        return None
    found = request.get("id") if isinstance(request, dict) else None
    return found[-_LETTERS:] if isinstance(found, str) else None


def applied_after(before: Sequence[str], events: Iterable[HistoryEvent], checkpoint: Checkpoint) -> tuple[str, ...]:
    """The ids to remember with a checkpoint that was made of these events, the latest last."""
    own = checkpoint.instance.instance_id
    put_off = {request_id(m.event) for m in checkpoint.messages if m.target.instance_id == own}
    new = [found for event in events if (found := request_id(event)) is not None and found not in put_off]
    return (*before[-_REMEMBERED:], *new)[-_MOST:]
