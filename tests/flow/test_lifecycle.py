"""What clients do to instances: terminate, suspend, resume, rewind, purge, start again; and new generations."""

from __future__ import annotations

import pytest

from flow.target import Flow, completed, failed, terminated


def test_waiting_orchestration_is_terminated_with_the_reason_as_its_output(flow: Flow) -> None:
    started = flow.start("waits_for_go")
    started.wait_until_custom_status("waiting")
    started.terminate("no longer wanted")

    assert started.wait_until_ended() == terminated("no longer wanted", custom_status="waiting", history=[])


def test_sub_orchestration_goes_on_when_its_parent_is_terminated(flow: Flow) -> None:
    parent = flow.start("parent_that_waits")
    child = parent.sub("-child")
    child.wait_until_custom_status("waiting")
    parent.terminate("enough")
    ended = parent.wait_until_ended()
    child.raise_event("go", "alone")

    assert ended == terminated("enough", history=["SubOrchestrationInstanceCreated"])
    assert child.wait_until_ended() == completed("alone", custom_status={"got": "alone"}, history=["EventRaised"])


def test_suspended_orchestration_gets_an_event_and_ends_only_when_it_is_resumed(flow: Flow) -> None:
    started = flow.start("waits_for_go")
    started.wait_until_custom_status("waiting")
    started.suspend("hold on")
    suspended = started.wait_until_status("Suspended")
    started.raise_event("go", 1)
    held = started.wait_until_event("EventRaised")
    started.resume("go on")

    assert suspended.output == "hold on"
    assert held.runtime_status == "Suspended"
    assert started.wait_until_ended() == completed(
        1, custom_status={"got": 1}, history=["ExecutionSuspended", "EventRaised", "ExecutionResumed"]
    )


def test_suspended_orchestration_is_terminated(flow: Flow) -> None:
    started = flow.start("waits_for_go")
    started.wait_until_custom_status("waiting")
    started.suspend("hold on")
    started.wait_until_status("Suspended")
    started.terminate("never mind")

    assert started.wait_until_ended() == terminated(
        "never mind", custom_status="waiting", history=["ExecutionSuspended"]
    )


def test_failed_orchestration_that_is_rewound_tries_again_only_what_failed(flow: Flow) -> None:
    started = flow.start("fails_until_rewound", 1)
    ended = started.wait_until_ended()
    started.rewind("the cause is gone")

    assert ended == failed(
        "Orchestrator function 'fails_until_rewound' failed: "
        "Activity function 'fail_at_first' failed: RuntimeError: call 1 fails",
        history=["TaskCompleted same", "TaskFailed fail_at_first"],
    )
    again = started.wait_until_status("Completed")
    assert again.output == ["kept", 2]
    assert [line for line in again.history if line != "GenericEvent"] == [
        "ExecutionStarted",
        "TaskCompleted same",
        "TaskCompleted fail_at_first",
        "ExecutionCompleted",
    ]
    assert again.history.count("GenericEvent") == 4  # a schedule, a failure, an end, and the rewind itself


def test_rewind_reaches_the_sub_orchestration_that_failed(flow: Flow) -> None:
    parent = flow.start("parent_until_rewound")
    ended = parent.wait_until_ended()
    parent.rewind("again")

    assert ended.runtime_status == "Failed"
    assert parent.wait_until_status("Completed").output == ["kept", 2]
    child = parent.sub("-child").status
    assert child is not None
    assert (child.runtime_status, child.output) == ("Completed", ["kept", 2])


def test_id_can_be_used_again_once_its_instance_has_ended(flow: Flow) -> None:
    first = flow.start("child", 2)
    ended = first.wait_until_ended()
    second = flow.start("child", 3, instance_id=first.instance_id)

    assert ended.output["square"] == 4
    assert second.wait_until_ended() == completed({"square": 9, "has_parent": False}, history=["TaskCompleted square"])


@pytest.mark.only_on("local", "func", reason="the harness keeps what a test has run, and has nothing to purge")
def test_purged_instance_is_gone(flow: Flow) -> None:
    started = flow.start("child", 2)
    started.wait_until_ended()
    started.purge()

    assert started.status is None


def test_orchestration_continues_as_new_with_a_new_input_and_an_empty_history(flow: Flow) -> None:
    ended = flow.run("counts", 1)

    assert ended == completed(3, custom_status="at 3", history=["TaskCompleted same"])


def test_events_are_gathered_over_generations(flow: Flow) -> None:
    started = flow.start("collects")
    for number, item in enumerate("abc"):
        started.wait_until_custom_status({"has": number})
        started.raise_event("item", item)

    assert started.wait_until_ended() == completed(["a", "b", "c"], custom_status={"has": 2}, history=["EventRaised"])
