"""Ids of instances: whether anybody has chosen one, or the host has made it up and it says nothing to a reader.

Invariant: an id that is not of the host's forms was chosen.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["is_made_up"]

_MADE_UP: Final = re.compile(r"([0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})(:[0-9a-fA-F]+)?")
"""What a client that is given no id makes up, and what the host does: the parent's execution and a number."""


def is_made_up(instance_id: str) -> bool:
    """Whether nobody has chosen this id."""
    return _MADE_UP.fullmatch(instance_id) is not None
