"""Values on their way: inputs, results, custom statuses, ids."""

from __future__ import annotations

from typing import Any

import pytest

from flow.target import Flow, completed

MANY_KINDS: dict[str, Any] = {
    "text": 'quotes " and \\ and \n a line, ü, 漢, \U0001f600',
    "numbers": [0, -1, 1.5, 2**53, 1e300],
    "nothing": None,
    "flags": [True, False],
    "empty": [{}, [], ""],
}


@pytest.mark.parametrize(
    "value",
    [MANY_KINDS, "12", "null", [], 0, False, None],
    ids=["many", "digits", "null", "list", "0", "false", "none"],
)
def test_value_comes_through_activity_sub_orchestration_and_custom_status_as_it_is(flow: Flow, value: Any) -> None:
    ended = flow.run("echoes", value)

    assert ended == completed(
        {"activity": value, "child": value},
        custom_status={"input": value},
        history=["TaskCompleted same", "SubOrchestrationInstanceCompleted gives_input"],
    )


@pytest.mark.parametrize("size", [20_000, 100_000])
def test_long_text_that_is_kept_outside_the_tables_comes_back_whole(flow: Flow, size: int) -> None:
    text = "ü漢x" * (size // 3)

    ended = flow.run("carries_much", text)

    assert ended == completed({"same": True, "text": text}, history=["TaskCompleted same"])


def test_custom_status_shows_each_step_and_stays_at_the_last(flow: Flow) -> None:
    ended = flow.run("reports_progress")

    assert ended == completed(None, custom_status="all done: ✓", history=["TaskCompleted same"] * 3)


def test_orchestrator_that_never_yields_gives_its_result(flow: Flow) -> None:
    ended = flow.run("gives_input", {"a": [1]})

    assert ended == completed({"a": [1]}, history=[])


def test_ids_and_time_are_the_same_in_every_replay(flow: Flow) -> None:
    ended = flow.run("makes_ids")

    assert ended == completed({"differ": True, "as_told": True}, history=["TaskCompleted same"])
