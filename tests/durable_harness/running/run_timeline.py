"""The timeline of a run: all its executions, each with the inputs of its calls and the custom statuses it left.

Histories hold neither of the two; the harness knows both.
Invariant: a custom status stands at the episode that left it, or at none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

from durable_engine import HistoryEvent, Timeline, compact_json, episodes_of, timeline_of
from durable_harness.app.outcomes import HttpRequest

__all__ = ["run_timeline"]

History = Sequence[HistoryEvent]


def run_timeline(
    histories: Sequence[History], inputs: Sequence[Mapping[int, Any]], statuses: Sequence[Any]
) -> Timeline:
    """The timeline of the last execution, with those before it as its ``earlier`` ones.

    ``inputs`` are those of the calls of each execution by event id, ``statuses`` the custom statuses after each episode
    of all of them.
    """
    timelines = [
        timeline_of(
            history,
            custom_statuses={
                number: compact_json(status) for number, status in enumerate(own, start=1) if status is not None
            },
            inputs={event_id: _shown(value) for event_id, value in given.items()},
        )
        for history, given, own in zip(histories, inputs, _by_execution(statuses, histories), strict=True)
    ]
    return replace(timelines[-1], earlier=tuple(timelines[:-1]))


def _by_execution(statuses: Sequence[Any], histories: Sequence[History]) -> list[Sequence[Any]]:
    """The statuses of each execution, none where a host has died before it could store one.

    The episode in which an execution continues as new is the first of the next one too, whose status it leaves.
    """
    lengths = [sum(1 for _ in episodes_of(history)) for history in histories]
    lengths = [*(length - 1 for length in lengths[:-1]), lengths[-1]]
    if sum(lengths) != len(statuses):
        return [()] * len(lengths)
    return [statuses[end - length : end] for length, end in zip(lengths, accumulate(lengths), strict=True)]


def _shown(value: Any) -> str:
    """A value as JSON, or, where it is an object of the app's own, as Python shows it; an HTTP request as one line."""
    if isinstance(value, HttpRequest):
        return f"{value.method} {value.url}"
    try:
        return compact_json(value)
    except TypeError:
        return repr(value)
