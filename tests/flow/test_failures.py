"""Failures: of activities, of the orchestrator itself, caught, uncaught and tried again."""

from __future__ import annotations

from flow.target import Flow, completed, failed


def test_activity_failure_that_nobody_catches_fails_the_orchestration_with_its_text(flow: Flow) -> None:
    ended = flow.run("fails_in_activity", "no such city")

    assert ended == failed(
        "Orchestrator function 'fails_in_activity' failed: Activity function 'fail' failed: ValueError: no such city",
        custom_status="about to fail",
        history=["TaskFailed fail"],
    )


def test_error_of_the_orchestrator_fails_it_with_the_text_of_the_error(flow: Flow) -> None:
    ended = flow.run("fails_itself")

    assert ended == failed(
        "Orchestrator function 'fails_itself' failed: 'not found: ü'", history=["TaskCompleted same"]
    )


def test_caught_failure_is_undone_by_another_activity(flow: Flow) -> None:
    ended = flow.run("compensates", "out of stock")

    assert ended == completed(
        {"error": "Activity function 'fail' failed: ValueError: out of stock", "then": "undone"},
        history=["TaskFailed fail", "TaskCompleted same"],
    )


def test_one_failure_fails_the_fan_out_and_its_siblings_end_all_the_same(flow: Flow) -> None:
    ended = flow.run("one_of_three_fails")

    assert (ended.runtime_status, ended.output) == ("Completed", "Activity function 'fail' failed: ValueError: x")
    assert sorted(ended.history) == [
        "ExecutionCompleted",
        "ExecutionStarted",
        "TaskCompleted same",
        "TaskCompleted same",
        "TaskFailed fail",
    ]


def test_result_that_is_not_json_fails_the_orchestration_as_if_its_code_had_changed(flow: Flow) -> None:
    ended = flow.run("gives_a_set")

    assert (ended.runtime_status, ended.history) == (
        "Failed",
        ("ExecutionStarted", "TaskCompleted same", "ExecutionCompleted"),
    )
    assert ended.output.startswith("Non-Deterministic workflow detected: A previous execution of this orchestration")


def test_activity_result_that_is_not_json_fails_the_activity(flow: Flow) -> None:
    ended = flow.run("activity_gives_a_set")

    assert (ended.runtime_status, ended.history) == (
        "Failed",
        ("ExecutionStarted", "TaskFailed give_a_set", "ExecutionCompleted"),
    )
    assert "Activity function 'give_a_set' failed:" in ended.output
    assert "json serializable" in ended.output


def test_activity_is_tried_again_until_it_succeeds(flow: Flow) -> None:
    ended = flow.run("retried", 2)

    assert ended == completed(
        3,
        history=[
            "TaskFailed fail_at_first",
            "TimerCreated",
            "TimerFired",
            "TaskFailed fail_at_first",
            "TimerCreated",
            "TimerFired",
            "TaskCompleted fail_at_first",
        ],
    )


def test_activity_that_fails_at_every_attempt_fails_the_orchestration(flow: Flow) -> None:
    ended = flow.run("retried", 5)

    assert ended == failed(
        "Orchestrator function 'retried' failed: Activity function 'fail_at_first' failed: RuntimeError: call 3 fails",
        history=["TaskFailed fail_at_first", "TimerCreated", "TimerFired"] * 3,
    )


def test_retry_in_a_fan_out_waits_for_its_sibling_and_its_own_last_attempt(flow: Flow) -> None:
    ended = flow.run("retried_beside_another")

    assert (ended.runtime_status, ended.output) == ("Completed", [2, "x"])
    assert sorted(ended.history) == [
        "ExecutionCompleted",
        "ExecutionStarted",
        "TaskCompleted fail_at_first",
        "TaskCompleted same",
        "TaskFailed fail_at_first",
        "TimerCreated",
        "TimerFired",
    ]
