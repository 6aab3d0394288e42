"""How a recorded history and today's code can differ, and what usually causes each difference.

The typed result of a history check, its unified diff, and plain advice by kind of difference.
Invariant: a difference that the host refuses is BREAKS; one that only we see, since the host compares neither inputs
nor due times nor when something is decided, is DIFFERS.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from durable_engine.model.errors import NonDeterminismError

__all__ = ["Difference", "DifferenceKind", "HistoryMismatchError", "HistoryReport", "Severity"]


class Severity(StrEnum):
    """What a difference means for an instance with this history."""

    BREAKS = "breaks"
    """The host fails the instance at its next episode."""
    DIFFERS = "differs"
    """The host goes on without a word: the instance carries old values that today's code would not have made."""


class DifferenceKind(StrEnum):
    """What differs."""

    ORCHESTRATOR = "orchestrator"
    FUNCTION = "function"
    NAME = "name"
    STEP = "step"
    MISSING = "missing"
    RAISED = "raised"
    ADDED = "added"
    INPUT = "input"
    DUE_TIME = "due time"
    INSTANCE_ID = "instance id"
    OPERATION = "operation"
    EPISODE = "episode"
    ENDING = "ending"
    RESULT = "result"
    UNSTABLE = "unstable"


_VERSIONING: Final = (
    "Change orchestrations in a way that running instances survive: add steps after the last one they can have "
    "reached, branch on a version in the input, give the changed orchestrator a new name, or let live instances end "
    "before you deploy."
)
_ADVICE: Final = {
    DifferenceKind.ORCHESTRATOR: "The orchestrator was renamed or removed. Register it under its old name until no "
    "instance of it is live.",
    DifferenceKind.FUNCTION: "A function was renamed or removed while instances that have called it are live. Keep it "
    "registered under its old name until they have ended.",
    DifferenceKind.NAME: "A step was renamed, or another one was added, removed or moved in front of it, which shifts "
    f"every id after it. {_VERSIONING}",
    DifferenceKind.STEP: "A step was replaced by one of another kind, or one was added, removed or moved in front of "
    f"it, which shifts every id after it. {_VERSIONING}",
    DifferenceKind.MISSING: "A step was removed, or a condition in front of it goes the other way now. Conditions may "
    f"read the input and earlier results, never the clock, settings or globals. {_VERSIONING}",
    DifferenceKind.RAISED: "Today's code raises on the way to this step, often since it expects another shape of an "
    f"input or result than was recorded. Accept both shapes. {_VERSIONING}",
    DifferenceKind.ADDED: "A step was added behind what is recorded. The instance will run it at its next episode.",
    DifferenceKind.INPUT: "The input is made from the wall clock, random numbers, settings or the order of a set, or "
    "the code that makes it was changed. The recorded result was made from the recorded input, and will be used.",
    DifferenceKind.DUE_TIME: "The due time is made from datetime.now() in place of context.current_utc_datetime, or "
    "the delay was changed. The timer that was set keeps its recorded due time.",
    DifferenceKind.INSTANCE_ID: "The id is made from uuid4() in place of context.new_uuid(), or the code that makes it "
    "was changed. The instance that was addressed keeps its recorded id.",
    DifferenceKind.OPERATION: "Another operation of the entity is called than the one that was sent. The recorded "
    "answer, to the recorded operation, will be used.",
    DifferenceKind.EPISODE: "The step is taken at another moment than it was: what the code waits for before it has "
    "changed, or it acts upon context.is_replaying.",
    DifferenceKind.ENDING: "Today's code ends where the history goes on, or goes on where the history ends.",
    DifferenceKind.RESULT: "Today's code makes another result of the same history. That is a change of behaviour, "
    "wanted or not; an instance which has ended keeps its recorded result.",
    DifferenceKind.UNSTABLE: "Two replays of the same history on the same code gave two answers. The orchestrator "
    "reads something that is not in its history: the clock, random numbers, settings, a global or a file. Take time "
    "from context.current_utc_datetime, ids from context.new_uuid(), and move everything else into an activity.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference. ``recorded`` and ``replayed`` are one line each, None where there is nothing on that side.

    ``episode`` counts from 1; ``event_id`` is None for what has no id (an ending, an orchestrator). ``host_text`` is
    the output that the host would fail the instance with, None where it would not.
    """

    kind: DifferenceKind
    severity: Severity
    episode: int
    event_id: int | None = None
    recorded: str | None = None
    replayed: str | None = None
    host_text: str | None = None

    @property
    def advice(self) -> str:
        """What usually causes such a difference, and what to do."""
        return _ADVICE[self.kind]

    def __str__(self) -> str:
        if self.kind is DifferenceKind.UNSTABLE:
            return "two replays of the same history gave two answers"
        where = f"episode {self.episode}" + ("" if self.event_id is None else f", event {self.event_id}")
        return f"{where}: history records {self.recorded or 'nothing'}, replay gives {self.replayed or 'nothing'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryReport:
    """What a check found. ``recorded`` and ``replayed`` are the decisions of both sides, one line each, by event id."""

    instance_id: str
    orchestrator: str
    episodes: int
    """How many episodes the history has, up to a host's refusal if it records one."""
    differences: tuple[Difference, ...] = ()
    recorded: tuple[str, ...] = ()
    replayed: tuple[str, ...] = ()

    @property
    def is_accepted(self) -> bool:
        """Whether the host would carry the instance on with today's code."""
        return not any(difference.severity is Severity.BREAKS for difference in self.differences)

    @property
    def is_same(self) -> bool:
        """Whether today's code decides just what is recorded."""
        return not self.differences

    @property
    def worst(self) -> Difference | None:
        """The first difference that breaks the instance, else the first of all."""
        breaking = (difference for difference in self.differences if difference.severity is Severity.BREAKS)
        return next(breaking, self.differences[0] if self.differences else None)

    @property
    def advice(self) -> str:
        """What usually causes the worst difference. Code that answers anew each time explains every other one."""
        unstable = (one for one in self.differences if one.kind is DifferenceKind.UNSTABLE)
        cause = next(unstable, self.worst)
        return "" if cause is None else cause.advice

    def diff(self, *, context: int = 2) -> str:
        """The decisions of both sides as a unified diff; empty where they are equal line by line."""
        lines = difflib.unified_diff(
            self.recorded, self.replayed, "recorded in the history", "replayed by today's code", n=context, lineterm=""
        )
        return "\n".join(lines)

    def raise_if_different(self, *, strict: bool = True) -> None:
        """Raise HistoryMismatchError for any difference, or, unless ``strict``, only for one that the host refuses."""
        if not self.is_accepted or (strict and not self.is_same):
            raise HistoryMismatchError(self)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        name = f"Instance {self.instance_id!r} of {self.orchestrator!r}"
        if self.is_same:
            yield f"{name}: today's code decides what its history records ({_count(self.episodes, 'episode')})."
            return
        verdict = (
            "the host accepts today's code, but it does not decide what the history records."
            if self.is_accepted
            else "today's code breaks it."
        )
        yield f"{name}: {verdict}"
        for difference in self.differences[:_SHOWN]:
            yield f"  {difference.severity}, {difference.kind}: {difference}"
            if difference.host_text:
                yield f"    the host's output would be: {difference.host_text}"
        if len(self.differences) > _SHOWN:
            yield f"  and {len(self.differences) - _SHOWN} more differences"
        diff = self.diff()
        if diff:
            yield diff
        yield f"Usual cause: {self.advice}"


_SHOWN: Final = 10


class HistoryMismatchError(NonDeterminismError):
    """Today's code does not decide what a recorded history records; ``report`` has all of it."""

    def __init__(self, report: HistoryReport) -> None:
        self.report, self.instance_id = report, report.instance_id
        worst = report.worst
        event_id = worst.event_id if worst is not None and worst.event_id is not None else -1
        super().__init__(
            str(report),
            event_id=event_id,
            recorded=(worst.recorded if worst else None) or "nothing",
            replayed=worst.replayed if worst else None,
        )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
