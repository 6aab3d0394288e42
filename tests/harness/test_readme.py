"""The page that teaches the harness: every one of its examples runs."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from durable_harness import Harness

PAGE = Path(__file__).parents[1] / "durable_harness" / "README.md"
TEXT = PAGE.read_text(encoding="utf-8")
(SETUP,), BLOCKS = (
    [block for block in re.findall(r"```python\n(.*?)```", TEXT, re.S) if ("DFApp()" in block) is is_setup]
    for is_setup in (True, False)
)
EXAMPLES = [
    (number, name) for number, block in enumerate(BLOCKS) for name in re.findall(r"^def (test_\w+)", block, re.M)
]


@pytest.fixture(scope="module")
def shop() -> Any:
    """The app of the page."""
    return _run(SETUP, "setup")["app"]


@pytest.mark.parametrize(("number", "name"), EXAMPLES, ids=[name for _, name in EXAMPLES])
def test_an_example_of_the_page_runs(harness_for: Callable[..., Harness], shop: Any, number: int, name: str) -> None:
    example = _run(BLOCKS[number], f"block {number}")[name]
    fixtures = {"harness": harness_for(shop), "harness_for": harness_for}

    example(**{parameter: fixtures[parameter] for parameter in inspect.signature(example).parameters})


def test_every_block_of_the_page_holds_an_example() -> None:
    assert {number for number, _ in EXAMPLES} == set(range(len(BLOCKS)))


def _run(code: str, name: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": f"page_{name}"}
    exec(compile(code, f"{PAGE.name}, {name}", "exec"), namespace)
    return namespace


def test_the_first_test_stands_within_twenty_lines() -> None:
    lines = TEXT.splitlines()

    assert any(line.startswith("def test_") for line in lines[:20])
