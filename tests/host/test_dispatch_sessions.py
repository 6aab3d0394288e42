"""Sessions: what waits for an instance, when it rests, and which instances are remembered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from durable_engine import HistoryEvent, TaskCompleted, TaskScheduled
from durable_host.dispatch.sessions import Session, Sessions
from durable_host.task_hub import LoadedHistory, ReceivedMessage


class WaitedTime(asyncio.SelectorEventLoop):
    """An event loop whose clock moves only when it has nothing to do but wait, and then at once."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        scheduled: list[asyncio.TimerHandle] = cast(Any, self)._scheduled
        if scheduled and not cast(Any, self)._ready:
            self._now = max(self._now, min(handle.when() for handle in scheduled))
        cast(Any, super())._run_once()


def in_waited_time(test: Callable[[WaitedTime], Any]) -> None:
    loop = WaitedTime()
    try:
        loop.run_until_complete(test(loop))
    finally:
        loop.close()


def history(scheduled: int, completed: int) -> LoadedHistory:
    events: list[HistoryEvent] = [TaskScheduled(timestamp=0, event_id=n, name="a") for n in range(scheduled)]
    events += [TaskCompleted(timestamp=0, task_scheduled_id=n) for n in range(completed)]
    return LoadedHistory(instance_id="i", execution_id="e", events=tuple(events))


def message(name: str = "m") -> ReceivedMessage:
    """Sessions only keep messages; what they are is nothing to them."""
    return cast(ReceivedMessage, name)


def test_a_session_gives_what_waits_once_and_in_order() -> None:
    session = Session("i", 0)
    first, second = message("first"), message("second")
    session.add(first)
    session.add(second)

    assert session.take_pending() == [first, second]
    assert session.take_pending() == []


def test_an_instance_rests_three_times_as_long_as_its_episode_took_while_results_are_out() -> None:
    async def test(loop: WaitedTime) -> None:
        session = Session("i", 0)
        session.remember(history(scheduled=3, completed=0), 0.2)
        session.add(message())

        await session.wait_for_company()

        assert loop.time() == pytest.approx(0.6)

    in_waited_time(test)


def test_an_instance_does_not_rest_longer_than_three_seconds() -> None:
    async def test(loop: WaitedTime) -> None:
        session = Session("i", 0)
        session.remember(history(scheduled=3, completed=0), 60.0)
        session.add(message())

        await session.wait_for_company()

        assert loop.time() == pytest.approx(3.0)

    in_waited_time(test)


def test_the_rest_ends_with_the_last_result_that_is_out() -> None:
    async def test(loop: WaitedTime) -> None:
        session = Session("i", 0)
        session.remember(history(scheduled=3, completed=1), 0.2)
        session.add(message())
        loop.call_later(0.1, session.add, message())

        await session.wait_for_company()

        assert loop.time() == pytest.approx(0.1)

    in_waited_time(test)


@pytest.mark.parametrize(("scheduled", "completed"), [(0, 0), (2, 2), (2, 1)])
def test_nothing_rests_that_has_all_it_can_wait_for(scheduled: int, completed: int) -> None:
    async def test(loop: WaitedTime) -> None:
        session = Session("i", 0)
        session.remember(history(scheduled, completed), 0.2)
        session.add(message())

        await session.wait_for_company()

        assert loop.time() == 0.0

    in_waited_time(test)


def test_a_session_that_has_forgotten_loads_and_does_not_rest() -> None:
    async def test(loop: WaitedTime) -> None:
        session = Session("i", 0)
        session.remember(history(scheduled=3, completed=0), 0.2)
        session.forget()
        session.add(message())

        await session.wait_for_company()

        assert (session.loaded, session.must_load, loop.time()) == (None, True, 0.0)

    in_waited_time(test)


def test_an_instance_has_one_session_until_it_is_over() -> None:
    sessions = Sessions()
    session = sessions.of("i", 0)

    assert sessions.of("i", 0) is session
    sessions.settle(session, is_over=False)
    assert sessions.of("i", 0) is session
    session.add(message())
    sessions.settle(session, is_over=True)
    assert sessions.of("i", 0) is session
    session.take_pending()
    sessions.settle(session, is_over=True)
    assert sessions.of("i", 0) is not session


def test_a_session_of_a_lost_partition_does_not_take_its_successor_along() -> None:
    sessions = Sessions()
    lost = sessions.of("i", 3)
    sessions.drop(3)
    successor = sessions.of("i", 3)

    sessions.settle(lost, is_over=True)

    assert sessions.of("i", 3) is successor


def test_only_the_instances_of_the_lost_partition_are_dropped() -> None:
    sessions = Sessions()
    kept, _ = sessions.of("kept", 1), sessions.of("lost", 2)

    sessions.drop(2)

    assert list(sessions) == [kept]


def test_the_longest_idle_instances_are_forgotten_beyond_256_and_busy_ones_never() -> None:
    sessions = Sessions()
    busy = sessions.of("busy", 0)
    busy.add(message())
    for number in range(300):
        session = sessions.of(f"i{number}", 0)
        sessions.settle(session, is_over=False)

    remembered = [session.instance_id for session in sessions]
    assert len(remembered) == 256
    assert remembered[0] == "busy"
    assert remembered[1:] == [f"i{number}" for number in range(45, 300)]


def test_session_of_a_partition_that_is_lost_knows_it() -> None:
    """What it holds, another worker may be waiting for."""
    sessions = Sessions()
    lost, kept = sessions.of("i", 0), sessions.of("j", 1)

    sessions.drop(0)

    assert (lost.is_dropped, kept.is_dropped) == (True, False)
