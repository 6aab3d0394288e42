"""What is remembered of executions that continued as new: the last few, and never more than a bound."""

from __future__ import annotations

import pytest

from durable_engine import HistoryEvent, OrchestratorStarted
from durable_host.task_hub.hub import earlier_executions
from durable_host.task_hub.hub.earlier_executions import EarlierExecutions


def _history(number: int, length: int = 1) -> tuple[HistoryEvent, ...]:
    return (OrchestratorStarted(timestamp=number),) * length


def test_the_last_ten_of_an_instance_are_kept_the_latest_first() -> None:
    earlier = EarlierExecutions()
    for number in range(12):
        earlier.keep("one", [_history(number)])

    assert [history[0].timestamp for history in earlier.of("one")] == [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]


def test_the_instance_that_continued_longest_ago_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(earlier_executions, "_MOST_EVENTS", 10)
    earlier = EarlierExecutions()
    earlier.keep("one", [_history(1, 4)])
    earlier.keep("two", [_history(2, 4)])
    earlier.keep("one", [_history(3, 1)])

    earlier.keep("three", [_history(4, 4)])

    assert [len(earlier.of(name)) for name in ("one", "two", "three")] == [2, 0, 1]


def test_history_that_is_too_long_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(earlier_executions, "_MOST_EVENTS", 10)
    earlier = EarlierExecutions()

    earlier.keep("one", [_history(1, 11)])
    earlier.keep("two", [_history(2, 10)])

    assert (earlier.of("one"), len(earlier.of("two"))) == ((), 1)


def test_purged_instance_is_forgotten() -> None:
    earlier = EarlierExecutions()
    earlier.keep("one", [_history(1)])

    earlier.forget("one")
    earlier.forget("nobody")

    assert earlier.of("one") == ()
