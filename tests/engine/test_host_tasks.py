"""The host's own tasks: when they complete, who goes on, and that thousands of them may follow one another."""

from __future__ import annotations

from itertools import permutations

import pytest

from durable_engine.orchestration.tasks import HostTask, TaskFailedError, Walk, run, when_all, when_any


def test_waiter_goes_on_before_complete_returns() -> None:
    seen: list[str] = []
    task = HostTask()
    task.on_done(lambda: seen.append("waiter"))

    task.complete()
    seen.append("completer")

    assert seen == ["waiter", "completer"]


def test_outcome_stands_whatever_is_reported_later() -> None:
    task = HostTask()

    task.fail()
    task.complete()

    assert task.done
    assert task.failed


def test_late_waiter_is_called_at_once() -> None:
    seen: list[bool] = []
    task = HostTask()
    task.complete()

    task.on_done(lambda: seen.append(True))

    assert seen == [True]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_when_all_waits_for_every_task_even_after_one_failed(order: tuple[int, ...]) -> None:
    tasks = [HostTask() for _ in range(3)]
    both = when_all(tasks)

    for index in order:
        assert not both.done
        if index == 1:
            tasks[index].fail()
        else:
            tasks[index].complete()

    assert both.done
    assert both.failed


@pytest.mark.parametrize("has_failed", [True, False])
def test_when_any_completes_with_the_first_task_even_a_failed_one(has_failed: bool) -> None:
    tasks = [HostTask(), HostTask()]
    first = when_any(tasks)

    if has_failed:
        tasks[1].fail()
    else:
        tasks[1].complete()

    assert first.done
    assert not first.failed


def test_when_all_of_nothing_is_done_and_when_any_of_nothing_never() -> None:
    assert when_all([]).done
    assert not when_any([]).done


def test_coroutine_gets_the_failure_of_what_it_waits_for() -> None:
    seen: list[str] = []
    task = HostTask()

    def walk() -> Walk:
        try:
            yield task
        except TaskFailedError:
            seen.append("failed")
        yield HostTask()

    own = run(walk())
    task.fail()

    assert seen == ["failed"]
    assert not own.done


def test_coroutine_that_lets_a_failure_through_fails() -> None:
    task = HostTask()

    def walk() -> Walk:
        yield task

    own = run(walk())
    task.fail()

    assert own.failed


def test_coroutine_passes_a_hundred_thousand_tasks_that_are_done() -> None:
    done = HostTask()
    done.complete()

    def walk() -> Walk:
        for _ in range(100_000):
            yield done

    assert run(walk()).done
