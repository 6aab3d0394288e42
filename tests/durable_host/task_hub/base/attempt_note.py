"""A note on an episode that is about to ask others for something: when it was tried, and on which messages.

Ids of entity requests are made of the episode's time. A host that finds the note of one that died tries the episode
again at the same time on the same messages, makes the same requests, and the entity knows them.
A message that comes again and again has a count: how often the app's code was begun with it, so that code that ends its
host does not for ever.
Invariant: the note is one more column of the history's sentinel, and the count one more member of the message's text;
other hosts pass over these.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from durable_engine import Ticks

__all__ = [
    "MAX_NOTED",
    "NOTE",
    "AttemptNote",
    "begun_in",
    "note_of",
    "note_text",
    "short_id",
    "with_begun",
]

MAX_NOTED: Final = 100
"""The most messages of one episode that a note can name."""

NOTE: Final = "LocalHostAttempt"
"""The name of the column."""
_BEGUN: Final = "LocalHostBegun"
_LETTERS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptNote:
    """One attempt at the ``episode``-th episode of an execution, with the short ids of its messages in their order."""

    at: Ticks
    execution_id: str
    episode: int
    messages: tuple[str, ...]


def short_id(message_id: str) -> str:
    """The part of a queue message's id that tells it from the others of its instance."""
    return message_id[:_LETTERS]


def note_text(note: AttemptNote) -> str:
    """The note as JSON."""
    return json.dumps([note.at, note.execution_id, note.episode, *note.messages], separators=(",", ":"))


def note_of(text: object) -> AttemptNote | None:
    """The note of its JSON; None where that is something else."""
    if not isinstance(text, str):
        return None
    try:
        at, execution_id, episode, *messages = json.loads(text)
    except (RecursionError, TypeError, ValueError):
        return None
    if not (_is_number(at) and isinstance(execution_id, str) and _is_number(episode) and _are_texts(messages)):
        return None
    return AttemptNote(at=at, execution_id=execution_id, episode=episode, messages=tuple(messages))


def with_begun(text: str, times: int) -> str | None:
    """The text of a message with how often the code was begun; None where it is no JSON object: it is in a blob, or of
    a host of long ago."""
    members = _members_of(text)
    return None if members is None else json.dumps(members | {_BEGUN: times}, separators=(",", ":"))


def begun_in(text: str) -> int:
    """How often the code was begun with a message, as far as that was counted."""
    times = (_members_of(text) or {}).get(_BEGUN) if f'"{_BEGUN}"' in text else None
    return times if isinstance(times, int) else 0


def _members_of(text: str) -> dict[str, object] | None:
    try:
        members = json.loads(text)
    except (RecursionError, ValueError):
        return None
    return members if isinstance(members, dict) else None


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _are_texts(values: Iterable[object]) -> bool:
    return all(isinstance(value, str) for value in values)
