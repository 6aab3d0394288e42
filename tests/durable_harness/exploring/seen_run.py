"""The run that a test sees of a schedule: everything that pruning keeps apart, and nothing else.

Pruning runs one schedule for many that are equal but for the order in which independent things happened. What tells
such orders apart refuses to be read, and says how to read it.
Invariant: equal effects (``effects``) give equal runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NoReturn

from durable_harness.core.errors import NotPossibleError
from durable_harness.hub.arrivals import Call
from durable_harness.hub.instance import HubInstance
from durable_harness.hub.task_hub import TaskHub
from durable_harness.running.run_result import ActivityCall, Run, snapshot

__all__ = ["seen_run"]

_ALWAYS = "Which one it is differs between orders that are explored as one, so that no proof can rest on it."
_ACROSS = "Pass order_across_instances=True to see it: then the orders of independent instances are explored too."


class _Unseen:
    """Stands for a value that pruning does not keep apart; whoever uses it is told so."""

    __hash__ = None  # type: ignore[assignment]  # not a value

    def __init__(self, name: str, advice: str) -> None:
        self._name, self._advice = name, advice

    def _refuse(self, *_: object) -> NoReturn:
        raise NotPossibleError(f"{self._name} is not seen by what is held against every schedule. {self._advice}")

    __getattr__ = __getitem__ = __iter__ = __len__ = __bool__ = __contains__ = __str__ = _refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = _refuse

    def __repr__(self) -> str:
        return f"<{self._name}: not seen>"


def seen_run(
    hub: TaskHub, instance: HubInstance, waits_for: Sequence[str] | None, *, across: bool, world: object = None
) -> Run:
    """The run of an orchestration that has ended, or can go on no more because of what it waits for."""
    run = _seen(hub, snapshot(hub, instance), across=across, is_first=True)
    if waits_for is not None:
        run = replace(run, runtime_status="Stuck", error=f"it waits for {'; '.join(waits_for)}")
    return replace(run, world=world)


def _seen(hub: TaskHub, run: Run, *, across: bool, is_first: bool) -> Run:
    has_time = across or is_first
    unseen: dict[str, Any] = {
        name: _Unseen(f"Run.{name}", _ALWAYS) for name in ("history", "earlier", "episodes", "log", "findings")
    }
    times = {
        name: _time(value, f"Run.{name} of a sub-orchestration", has_time)
        for name, value in (("started_at", run.started_at), ("ended_at", run.ended_at))
    }
    statuses, own = run.custom_statuses, [call for call in hub.calls if call.instance_id == run.instance_id]
    return replace(
        run,
        calls=tuple(_seen_call(call, one, across=across) for call, one in zip(run.calls, own, strict=True)),
        timers=tuple(replace(one, fire_at=_time(one.fire_at, "Timer.fire_at", has_time)) for one in run.timers),
        custom_statuses=tuple(
            status for place, status in enumerate(statuses) if place == 0 or status != statuses[place - 1]
        ),
        sub_orchestrations=tuple(
            _seen(hub, child, across=across, is_first=False)
            for child in sorted(run.sub_orchestrations, key=lambda one: one.instance_id)
        ),
        **times,
        **unseen,
    )


def _seen_call(call: ActivityCall, own: Call, *, across: bool) -> ActivityCall:
    place = 1 if across else 0
    unseen: Any = _Unseen("ActivityCall.done_at", f"{_ALWAYS} Use ended_before(other).")
    return replace(
        call,
        done_at=None if call.done_at is None else unseen,
        scheduled_at=_time(call.scheduled_at, "ActivityCall.scheduled_at", across),
        begun_after=own.begun_after[place],
        ended_after=None if own.ended_after is None else own.ended_after[place],
        sees_across=across,
    )


def _time(moment: datetime, name: str, is_seen: bool) -> Any:
    """A moment without what passes between two arrivals that only could have come together."""
    whole = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    return whole if is_seen else _Unseen(name, _ACROSS)
