"""Chains: executions of one instance that continue each other as new, told by the ends of their ids.

The message that started the first of them may come again when another one is in the history, which does not say what it
goes back to: it must start nothing.
Invariant: all ids of a chain end alike, and those of two chains do not. A chain that other hosts have made is not known
as one.
"""

from __future__ import annotations

import re
import uuid
from typing import Final

__all__ = ["continued_id", "is_of_one_chain"]

_LETTERS: Final = 12
"""Of each id, its last: 48 bits."""
_HEX: Final = re.compile(f"[0-9a-f]{{{_LETTERS}}}")
_OTHER_IDS: Final = uuid.UUID("5a0e2d38-4c55-4a86-9a43-0d2b4d9be1c7")


def continued_id(before: str | None, new: str) -> str:
    """The id of an execution that continues one; ``new`` is an id (32 hex digits) that no other execution has."""
    return new if before is None else new[:-_LETTERS] + _end(before)


def is_of_one_chain(first: str | None, second: str | None) -> bool:
    """Whether two executions of an instance are of one chain, or the same."""
    return first is not None and second is not None and _end(first) == _end(second)


def _end(execution_id: str) -> str:
    end = execution_id[-_LETTERS:].lower()
    return end if _HEX.fullmatch(end) else uuid.uuid5(_OTHER_IDS, execution_id).hex[-_LETTERS:]
