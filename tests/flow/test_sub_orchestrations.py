"""Sub-orchestrations: awaited, fanned out, failing, tried again, and reached by their own ids."""

from __future__ import annotations

from flow.target import Flow, completed, failed

CHILD_DONE = "SubOrchestrationInstanceCompleted child"


def test_parent_gets_what_its_sub_orchestrations_return(flow: Flow) -> None:
    parent = flow.start("parent")

    assert parent.wait_until_ended() == completed(
        [{"square": 4, "has_parent": True}, {"square": 9, "has_parent": True}], history=[CHILD_DONE, CHILD_DONE]
    )
    assert parent.sub("-child").status == completed({"square": 9, "has_parent": True}, history=["TaskCompleted square"])


def test_orchestration_that_a_client_starts_has_no_parent(flow: Flow) -> None:
    assert flow.run("child", 5).output == {"square": 25, "has_parent": False}


def test_sub_orchestrations_run_at_once(flow: Flow) -> None:
    ended = flow.run("parent_of_many")

    assert ended == completed([0, 1, 4, 9], history=[CHILD_DONE] * 4)


def test_failure_of_a_sub_orchestration_fails_its_parent_with_both_names(flow: Flow) -> None:
    ended = flow.run("parent_of_failing")

    assert ended == failed(
        "Orchestrator function 'parent_of_failing' failed: Orchestrator function 'fails_itself' failed: 'not found: ü'",
        history=["SubOrchestrationInstanceFailed fails_itself"],
    )


def test_sub_orchestration_is_tried_again(flow: Flow) -> None:
    ended = flow.run("parent_that_retries")

    assert ended == completed(
        2,
        history=[
            "SubOrchestrationInstanceFailed child_that_fails_at_first",
            "TimerCreated",
            "TimerFired",
            "SubOrchestrationInstanceCompleted child_that_fails_at_first",
        ],
    )


def test_event_reaches_a_sub_orchestration_by_its_own_id(flow: Flow) -> None:
    parent = flow.start("parent_that_waits")
    child = parent.sub("-child")
    child.wait_until_custom_status("waiting")
    child.raise_event("go", {"to": "child"})

    assert parent.wait_until_ended() == completed(
        {"child": {"to": "child"}}, history=["SubOrchestrationInstanceCompleted waits_for_go"]
    )
    assert child.status == completed({"to": "child"}, custom_status={"got": {"to": "child"}}, history=["EventRaised"])
