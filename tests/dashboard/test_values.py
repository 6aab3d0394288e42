"""Values for people: JSON that folds, and failures with the app's own frames."""

from __future__ import annotations

import json
import re
from pathlib import Path

from durable_host.dashboard.values import failure_of, input_tree, value_tree

SCENARIOS = Path(__file__).parents[2] / "fixtures" / "recordings" / "scenarios"


def _recorded_failure(scenario: str) -> str:
    """The output of the first orchestration that the real host was recorded failing in a scenario."""
    text = (SCENARIOS / f"{scenario}.json").read_text(encoding="utf-8")
    found = re.search(r'"(Orchestrator function \'(?:[^"\\]|\\.)*)"', text)
    assert found is not None
    return str(json.loads(f'"{found[1]}"'))


def test_small_values_are_one_line() -> None:
    node = value_tree('{"a": 1, "b": [], "c": "\\u00fc"}')

    assert node is not None
    assert (node.text, node.members) == ('{"a": 1, "b": [], "c": "ü"}', ())


def test_nested_values_fold_by_member() -> None:
    node = value_tree('{"order": {"lines": [1, [2]], "to": null}}')

    assert node is not None
    ((name, order),) = node.members
    assert (name, order.kind, order.summary) == ("order", "object", "2 members")
    assert [member for member, _ in order.members] == ["lines", "to"]


def test_text_that_is_no_json_is_shown_as_it_is() -> None:
    node = value_tree("not {json")

    assert node is not None
    assert (node.kind, node.text) == ("plain", "not {json")


def test_input_is_shown_as_its_caller_wrote_it() -> None:
    node = input_tree(json.dumps(json.dumps({"n": 1})))

    assert node is not None
    assert node.text == '{"n": 1}'


def test_what_is_left_out_is_counted() -> None:
    many, long = value_tree(json.dumps([[n] for n in range(500)])), value_tree(json.dumps("x" * 5000))

    assert many is not None
    assert (len(many.members), many.rest) == (200, 300)
    assert long is not None
    assert (len(long.text), long.rest) == (4000, 1000)


def test_value_deeper_than_python_reads_is_shown_as_text() -> None:
    node = value_tree("[" * 100_000 + "]" * 100_000)

    assert node is not None
    assert (node.kind, node.text[:2]) == ("plain", "[[")


def test_failure_of_an_orchestrator_names_the_activity_and_shows_its_frames() -> None:
    failure = failure_of(_recorded_failure("rewind"))

    assert failure is not None
    assert failure.where == "Orchestrator function 'rewind_me' → Activity function 'flaky'"
    assert failure.raised == "RuntimeError: attempt 1"
    assert [frame.text.splitlines()[0] for frame in failure.own_frames] == [
        '  File "<app>/function_app.py", line 156, in flaky'
    ]
    assert len(failure.frames) > len(failure.own_frames)


def test_failure_of_a_plain_function_has_its_stack_taken_apart() -> None:
    failure = failure_of(_recorded_failure("yields_a_list"))

    assert failure is not None
    assert failure.raised == "AttributeError: 'list' object has no attribute '_is_scheduled'"
    assert len(failure.own_frames) == 1


def test_failure_without_details_is_its_text() -> None:
    failure = failure_of("Non-Deterministic workflow detected: something")

    assert failure is not None
    assert (failure.raised, failure.frames) == ("Non-Deterministic workflow detected: something", ())
