"""The edge scenarios in which our host differs from the real one on purpose, each with its reason and its places."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

__all__ = ["INTENDED", "Intended", "Reason"]


class Reason(Enum):
    """Why our host differs."""

    REAL_HOST_DOES_NOT_END = "the real host does not end"
    BETTER = "ours answers better"
    CANNOT_BE_HAD = "cannot be had"


@dataclass(frozen=True, slots=True)
class Intended:
    """What a client sees, and, as patterns, the places at which the recordings may differ.

    No place is given where all that differs is an instance that ended here alone.
    """

    reason: Reason
    seen: str
    places: tuple[str, ...] = ()


INTENDED: Final[dict[str, Intended]] = {}
