"""A note on the messages of an episode: when it was tried, and on which messages.

Ids of entity requests are made of the episode's time. A host that finds the note of one that died tries the episode
again at the same time on the same messages, makes the same requests, and the entity knows them.
Invariant: the note is one more member of the message's text, which other hosts pass over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from durable_engine import Ticks

__all__ = ["MAX_NOTED", "AttemptNote", "note_in", "short_id", "with_note"]

MAX_NOTED: Final = 100
"""The most messages of one episode that a note can name; each message carries the whole of it."""

_MEMBER: Final = "LocalHostAttempt"
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


def with_note(text: str, note: AttemptNote) -> str | None:
    """The text of a message with the note; None where it is no JSON object, as those of hosts of long ago."""
    try:
        members = json.loads(text)
    except (RecursionError, ValueError):
        return None
    if not isinstance(members, dict):
        return None
    noted = [note.at, note.execution_id, note.episode, *note.messages]
    return json.dumps(members | {_MEMBER: noted}, separators=(",", ":"))


def note_in(text: str) -> AttemptNote | None:
    """The note in the text of a message; None where there is none that can be read."""
    if f'"{_MEMBER}"' not in text:
        return None
    try:
        at, execution_id, episode, *messages = json.loads(text)[_MEMBER]
    except (KeyError, RecursionError, TypeError, ValueError):
        return None
    if not (_is_number(at) and isinstance(execution_id, str) and _is_number(episode) and _are_texts(messages)):
        return None
    return AttemptNote(at=at, execution_id=execution_id, episode=episode, messages=tuple(messages))


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _are_texts(values: Iterable[object]) -> bool:
    return all(isinstance(value, str) for value in values)
