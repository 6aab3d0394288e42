"""What an instance waits for now, in words.

From the open calls of its timeline, and from how its code stands, to sentences.
Invariant: an instance that has not ended gets at least one sentence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from durable_engine import Call, CallKind, Outcome, Standing, Ticks, TimelineModel, duration_text, ticks_to_datetime

if TYPE_CHECKING:
    from durable_host.task_hub.tables.instance_rows import InstanceRow

__all__ = ["Wait", "waits_of"]

_MOST_NAMED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """One sentence. ``instance_id`` is the instance that it is about, ``event`` the event that would end the wait."""

    words: str
    instance_id: str | None = None
    event: str | None = None


def waits_of(
    row: InstanceRow, model: TimelineModel | None, standing: Standing | None, *, now: Ticks
) -> tuple[Wait, ...]:
    """Everything that a live instance waits for; what it can be helped with comes first."""
    if row.runtime_status == "Pending":
        return (_start(row, now=now),)
    waits: list[Wait] = []
    if row.runtime_status == "Suspended":
        waits.append(Wait(words="It is suspended: what comes meanwhile is kept, and it goes on when it is resumed."))
    if standing is not None:
        waits += [Wait(words="the event", event=name) for name in standing.awaited_events]
    if model is not None:
        open_calls = [call for call in model.calls if call.outcome is Outcome.OPEN]
        open_calls.sort(key=lambda call: (list(CallKind).index(call.kind), call.name))
        for (kind, name), same in groupby(open_calls, key=lambda call: (call.kind, call.name)):
            waits += _calls(kind, name, list(same), now=now)
    return tuple(waits) or (Wait(words=_nothing(standing)),)


def _calls(kind: CallKind, name: str, calls: Sequence[Call], *, now: Ticks) -> Iterator[Wait]:
    since = duration_text(max(0, now - min(call.spans[0].asked_at for call in calls)))
    if kind is CallKind.TIMER:
        for call in sorted(calls, key=lambda one: one.attempts[-1].due_at or 0)[:_MOST_NAMED]:
            yield Wait(words=_timer(call.attempts[-1].due_at or 0, now=now))
    elif kind is CallKind.SUB_ORCHESTRATION:
        for call in calls[:_MOST_NAMED]:
            yield Wait(words=f"the sub-orchestration {name},", instance_id=call.detail)
    else:
        what = "the activity" if kind is CallKind.ACTIVITY else "the entity call"
        times = "" if len(calls) == 1 else f", {len(calls)} of them"
        attempt = len(calls[0].attempts)
        again = f", attempt {attempt}" if len(calls) == 1 and attempt > 1 else ""
        yield Wait(words=f"{what} {name}{times}{again}: asked for {since} ago")
        return
    if len(calls) > _MOST_NAMED:
        yield Wait(words=f"{len(calls) - _MOST_NAMED} more of these")


def _timer(due_at: Ticks, *, now: Ticks) -> str:
    at = ticks_to_datetime(due_at)
    if due_at <= now:
        return f"a timer that was due at {at:%H:%M:%S} UTC: it is about to fire"
    day = "" if at.date() == ticks_to_datetime(now).date() else f" on {at:%Y-%m-%d}"
    return f"a timer due at {at:%H:%M:%S} UTC{day}, in {duration_text(due_at - now)}"


def _start(row: InstanceRow, *, now: Ticks) -> Wait:
    if row.scheduled_start_at is not None and row.scheduled_start_at > now:
        return Wait(words=f"its scheduled start: {_timer(row.scheduled_start_at, now=now)}")
    return Wait(words="a host that takes up its start message")


def _nothing(standing: Standing | None) -> str:
    if standing is None:
        return "nothing that its history tells: perhaps an external event, whose name no history holds"
    if standing.notices or standing.refusal:
        return "nothing that will come: the notice on this page says why"
    return "its next episode: everything that it asked for has come"
