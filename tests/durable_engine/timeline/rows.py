"""The rows of a timeline: many alike calls become one, and every row says in a few words how it went.

What both renderings do with calls before they draw them.
Invariant: no call is lost: it has a row of its own, or it is one of those that a row stands for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from durable_engine.checking.decisions import shortened
from durable_engine.model.events import FINAL_STATUSES
from durable_engine.timeline.model import HTTP_CALL, Call, CallKind, Mark, Outcome, Span, TimelineModel
from durable_engine.timeline.scale import duration_text

__all__ = [
    "Group",
    "equal_groups",
    "group_words",
    "grouped",
    "headline",
    "label_of",
    "mark_words",
    "notable",
    "outcome_words",
    "shared_names",
    "span_words",
    "status_words",
    "summary",
]

_SHOWN_OF_GROUP = 4
_SMALL = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Calls of one kind and name: ``shown`` get rows of their own, ``calls`` are all of them."""

    calls: tuple[Call, ...]
    shown: tuple[Call, ...]

    @property
    def is_condensed(self) -> bool:
        """Whether some calls have no row of their own."""
        return len(self.shown) < len(self.calls)


def grouped(calls: Sequence[Call], *, most: int) -> list[Group]:
    """The calls as groups, with at most about this many rows: where there are more, alike calls are condensed.

    Of a condensed group those that failed, and the one that took longest, are shown. Many bars that would look equal
    are one row in any case.
    """
    if len(calls) <= most:
        return equal_groups(calls)
    alike: dict[tuple[CallKind, str], list[Call]] = {}
    for call in calls:
        alike.setdefault((call.kind, call.name), []).append(call)
    return [
        Group(calls=tuple(same), shown=tuple(same) if len(same) <= _SMALL else tuple(notable(same)))
        for same in alike.values()
    ]


def equal_groups(calls: Sequence[Call]) -> list[Group]:
    """A group for each call, except that many whose bars look equal are one condensed group."""
    equal: dict[object, list[Call]] = {}
    for call in calls:
        looks = tuple((span.start, span.end, span.outcome) for span in call.spans)
        equal.setdefault((call.kind, call.name, looks), []).append(call)
    return [
        Group(calls=group, shown=shown)
        for same in equal.values()
        for group, shown in ([(tuple(same), ())] if len(same) > _SMALL else [((call,), (call,)) for call in same])
    ]


def shared_names(calls: Sequence[Call]) -> frozenset[tuple[CallKind, str]]:
    """The kinds and names that several calls have: the name alone does not tell such calls apart."""
    counts = Counter((call.kind, call.name) for call in calls)
    return frozenset(name for name, count in counts.items() if count > 1)


def label_of(call: Call, shared: Set[tuple[CallKind, str]], *, most: int, more: str = "…") -> str:
    """What a row is called: the name, and the input or the child's id where others have the name too.

    What is too long for ``most`` characters is cut in its middle, since ids differ at their ends.
    """
    room = most - len(call.name) - 1
    says_little = (call.kind, call.name) in shared or call.name == HTTP_CALL
    if call.label is None or not says_little:
        return call.name
    detail = shortened(call.label)
    if len(detail) > room:
        if room < _SMALL:
            return call.name
        tail = (room - len(more)) // 2
        detail = f"{detail[: room - len(more) - tail]}{more}{detail[-tail:]}"
    return f"{call.name} {detail}"


def headline(model: TimelineModel) -> str:
    """What ran, as what, and how it ended."""
    return f"{model.orchestrator} {model.instance_id!r}: {status_words(model)}"


def status_words(model: TimelineModel) -> str:
    """How it stands, and how long it took to get there."""
    took = duration_text(model.end.at - model.start.at)
    if took == "0":
        return f"{model.status} without any time passing"
    return f"{model.status} after {took}" if model.status in _ENDED else f"{model.status} for {took}"


def summary(model: TimelineModel) -> str:
    """How much of what there was."""
    parts = []
    if model.has_episodes:
        parts.append(_count(len(model.episodes), "episode"))
    for kind, (one, many) in _NOUNS.items():
        number = sum(call.kind is kind for call in model.calls)
        if number:
            parts.append(f"{number} {one if number == 1 else many}")
    attempts = [span for call in model.calls for span in call.attempts]
    failed = sum(span.outcome is Outcome.FAILED for span in attempts)
    if failed:
        parts.append(_count(failed, "failed attempt"))
    events = sum(mark.what == "event" for mark in model.marks)
    if events:
        parts.append(_count(events, "external event"))
    open_count = sum(call.outcome is Outcome.OPEN for call in model.calls)
    if open_count:
        parts.append(f"{open_count} still open")
    return ", ".join(parts) or "nothing was called"


def outcome_words(call: Call) -> str:
    """How a call went: how long it took, and what was special about it."""
    words = []
    last = call.attempts[-1]
    match call.outcome:
        case Outcome.OPEN | Outcome.UNUSED | Outcome.CANCELLED if last.due_at is not None:
            due = duration_text(last.due_at - last.start.at)
            words += [f"due in {due}"] if call.outcome is Outcome.OPEN else [call.outcome, f"due in {due}"]
        case Outcome.OPEN:
            words.append("open")
        case Outcome.UNUSED:
            words.append("not waited for")
        case Outcome.FAILED:
            words += [duration_text(call.duration or 0), "failed"]
        case _:
            words.append(duration_text(call.duration or 0))
    if len(call.attempts) > 1:
        words.append(f"{len(call.attempts)} attempts")
    return ", ".join(words)


def span_words(call: Call, span: Span) -> Iterator[str]:
    """Everything about one span, in lines."""
    attempts = call.attempts
    number = (
        f", attempt {attempts.index(span) + 1} of {len(attempts)}" if span in attempts and len(attempts) > 1 else ""
    )
    yield f"{call.kind} {call.name}{number} (event {span.event_id})"
    if call.detail is not None:
        yield f"{'as' if call.kind is CallKind.SUB_ORCHESTRATION else 'input'} {shortened(call.detail)}"
    if call.given is not None:
        yield f"input {shortened(call.given)}"
    if span.due_at is not None:
        yield f"due {duration_text(span.due_at - span.start.at)} after it was set"
    took = "" if span.duration is None else f" after {duration_text(span.duration)}"
    yield f"{span.outcome}{took}"
    if span.result is not None:
        yield shortened(span.result)


def mark_words(mark: Mark) -> str:
    """What a mark says."""
    what = "external event" if mark.what == "event" else mark.what
    detail = "" if mark.detail is None else f" {shortened(mark.detail)}"
    return f"{what}{detail}"


def group_words(group: Group) -> str:
    """How the calls of a condensed group went."""
    failed = sum(call.outcome is Outcome.FAILED for call in group.calls)
    still_open = sum(call.outcome is Outcome.OPEN for call in group.calls)
    durations = sorted(call.duration for call in group.calls if call.duration is not None)
    words = []
    if failed:
        words.append(f"{failed} failed")
    if still_open:
        words.append(f"{still_open} open")
    if durations:
        first, last = duration_text(durations[0]), duration_text(durations[-1])
        words.append(first if first == last else f"{first} to {last}")
    return ", ".join(words)


def notable(calls: Sequence[Call]) -> Iterator[Call]:
    """Those of many calls that a reader looks for: some that failed, are open or were tried again, and the slowest."""
    failed = [call for call in calls if call.outcome is Outcome.FAILED]
    retried = [call for call in calls if call.outcome is not Outcome.FAILED and len(call.attempts) > 1]
    still_open = [call for call in calls if call.outcome is Outcome.OPEN]
    slowest = max(calls, key=lambda call: call.duration or 0)
    wanted = list(dict.fromkeys([*failed, *still_open, *retried]))[: _SHOWN_OF_GROUP - 1]
    chosen = set(map(id, [*wanted, slowest]))
    return (call for call in calls if id(call) in chosen)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


_ENDED = FINAL_STATUSES | {"ContinuedAsNew"}
_NOUNS = {
    CallKind.ACTIVITY: ("activity", "activities"),
    CallKind.SUB_ORCHESTRATION: ("sub-orchestration", "sub-orchestrations"),
    CallKind.ENTITY: ("entity call", "entity calls"),
    CallKind.TIMER: ("timer", "timers"),
}
