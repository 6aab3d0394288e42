"""The edge scenarios in which our host differs from the real one on purpose, each with its reason and its places."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

__all__ = ["INTENDED", "REFUSED", "Intended", "Reason"]


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


def _ends(seen: str, *places: str) -> Intended:
    return Intended(Reason.REAL_HOST_DOES_NOT_END, seen, places)


_STILL_RUNS: Final = r".*the host still runs instances"
_GIVEN_UP: Final = (
    "Failed, with an output that names the retry options which the real host and the SDK read differently"
)

REFUSED: Final = (r"http\[\d+\] GET .*&top=-1\.", r"http\[\d+\] POST /(orchestrators|api)/.*<i\*600>")
"""Requests to which the real host answers 500, and ours, in whatever scenario, 400 with what to ask for instead: fewer
rows than none, an id that is longer than a table's key."""

INTENDED: Final[dict[str, Intended]] = {
    "child_with_own_id": _ends(
        "other instances run on while one waits for ever for a child of its own id; there they stay Pending",
        _STILL_RUNS,
    ),
    "dates_entity": _ends("Completed, where one call of an entity was never answered"),
    "error_activity": _ends("Failed, with the text of a StopIteration"),
    "error_activity_base": _ends(
        "Failed, with the text of an exception that is no Exception; there the worker hangs", _STILL_RUNS
    ),
    "error_activity_caught": _ends("Completed: a StopIteration can be caught as every other exception"),
    "error_long": _ends("Failed, with U+FFFD in place of half a surrogate pair"),
    "error_long_caught": _ends("Completed, with U+FFFD in place of half a surrogate pair"),
    "error_orchestrator_base": _ends("Failed, after an exception that is no Exception; there the worker hangs"),
    "nested_600_activity": _ends("Failed at the 65th level; there the first such instance stays Pending"),
    "retry_attempts": _ends(_GIVEN_UP),
    "retry_coefficient": _ends(_GIVEN_UP),
    "retry_float": _ends(_GIVEN_UP),
    # Whether nine attempts fit into the other instance's second depends on the machine.
    "retry_time_out": _ends(_GIVEN_UP, r".*<id0>"),
    "values_text": _ends("Completed, with U+FFFD in place of half a surrogate pair; there the worker hangs"),
    "entity_lists": Intended(
        Reason.BETTER,
        "an entity that is suspended goes on answering, where the real one holds all operations back",
        (r"(row|history) @holder@<id0>0",),
    ),
    "queries_more": Intended(
        Reason.BETTER,
        "a continuation token of another kind is a 400 that says so, where the real host answers with no page, or with "
        "the first",
        (r"http\[(4[3-9])\] GET /instances\?instanceIdPrefix=<id6>&top=2\.",),
    ),
    "raw_number_inputs": Intended(
        Reason.BETTER,
        "an instance whose input is a comment or 'undefined' can be looked at and runs with no input; there its status "
        "is a 500, or its worker cannot read what it is given",
        (r".*<id16>", r".*<id23>"),
    ),
}
