"""Activities: one after the other, at once, and against each other."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from flow.target import Flow, completed


def test_activities_run_one_after_the_other_each_on_the_result_of_the_one_before(flow: Flow) -> None:
    ended = flow.run("chain", 3)

    assert ended == completed(
        [9, 81, {"of": 81}], history=["TaskCompleted square", "TaskCompleted square", "TaskCompleted same"]
    )


def test_fan_out_gathers_the_results_of_all_its_activities(flow: Flow) -> None:
    ended = flow.run("fan_out", [5, 0, -3, 12])

    assert ended == completed({"squares": [25, 0, 9, 144], "sum": 178}, history=["TaskCompleted square"] * 4)


def test_fan_out_of_thirty_activities_completes(flow: Flow) -> None:
    ended = flow.run("fan_out", list(range(30)))

    assert ended == completed(
        {"squares": [n * n for n in range(30)], "sum": 8555}, history=["TaskCompleted square"] * 30
    )


def test_results_come_in_the_order_of_the_tasks_though_the_first_ends_last(flow: Flow) -> None:
    ended = flow.run("slowest_first")

    assert ended == completed(["slow", "quick"], history=["TaskCompleted same", "TaskCompleted slow"])


def test_what_ends_first_wins_and_the_other_is_waited_for_at_the_end(flow: Flow) -> None:
    ended = flow.run("first_of_two")

    assert ended == completed("quick", history=["TaskCompleted same", "TaskCompleted slow"])


def test_group_of_activities_wins_against_its_deadline_which_is_cancelled(flow: Flow) -> None:
    ended = flow.run("first_of_all")

    assert ended == completed([1, 2], history=["TimerCreated", "TaskCompleted same", "TaskCompleted same"])


def test_all_of_nothing_is_none(flow: Flow, sdk_defect: Callable[[str], AbstractContextManager[object]]) -> None:
    with sdk_defect("empty_task_all"):
        ended = flow.run("all_of_nothing")

    assert ended == completed({"results": None}, history=[])
