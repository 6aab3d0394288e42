"""The README at the top: short, with the headings that azd's gallery wants, and true where a machine can tell."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from durable_harness import Harness

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
LINES = TEXT.splitlines()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", TEXT, re.M | re.S)
PROSE = re.sub(r"^```\w+\n.*?^```", "", TEXT, flags=re.M | re.S)
HEADINGS = [line for line in PROSE.splitlines() if line.startswith("#")]


def test_the_page_is_read_in_a_few_minutes() -> None:
    assert len(LINES) <= 160
    assert [line for line in LINES if len(line) > 120] == []


@pytest.mark.parametrize("heading", ["## Features", "## Getting Started", "## Guidance", "## Resources"])
def test_the_gallery_of_azd_finds_each_of_its_headings_once(heading: str) -> None:
    assert HEADINGS.count(heading) == 1


def test_front_matter_is_a_comment_and_no_heading_ends_one() -> None:
    assert TEXT.startswith("<!--\n---\n")
    assert TEXT.index("\n---\n-->\n") < TEXT.index("\n# ")
    assert [heading for heading in HEADINGS if '"' in heading or "-->" in heading] == []


def test_every_link_into_the_repository_leads_somewhere() -> None:
    links = [link.partition("#") for link in re.findall(r"\]\(([^)]+)\)", PROSE)]

    broken = [link for link, _, _ in links if not link.startswith("https://") and not (ROOT / link).exists()]

    assert links
    assert broken == []


def test_every_anchor_is_a_heading_of_the_page_that_it_leads_into() -> None:
    anchors = re.findall(r"\]\(([^)#:]+\.md)#([^)]+)\)", PROSE)

    missing = [
        f"{page}#{anchor}"
        for page, anchor in anchors
        if anchor not in {_anchor(line) for line in (ROOT / page).read_text(encoding="utf-8").splitlines()}
    ]

    assert missing == []


def _anchor(line: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower()).replace(" ", "-") if line.startswith("#") else ""


def test_the_orchestrator_of_the_page_is_the_one_of_the_app() -> None:
    source = (ROOT / "src" / "function_app.py").read_text(encoding="utf-8")
    (block,) = [code for language, code in BLOCKS if language == "python" and "orchestration_trigger" in code]

    pieces = [piece.strip("\n") for piece in block.split("    ...\n")]

    assert [piece for piece in pieces if piece not in source] == []


def test_the_example_of_the_page_runs(harness: Harness) -> None:
    (block,) = [code for language, code in BLOCKS if language == "python" and "def test_" in code]
    namespace: dict[str, Any] = {}

    exec(compile(block, "README.md", "exec"), namespace)

    (example,) = [what for name, what in namespace.items() if name.startswith("test_")]
    example(harness)


def test_ci_calls_the_test_command_of_the_page() -> None:
    command = next(code for language, code in BLOCKS if language == "shell" and code.strip().endswith("tox run"))
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")

    steps = [step.replace("-q ", "").split() for step in command.strip().split(" && ")]

    assert [step for step in steps if " ".join(step) not in script.replace("-q ", "")] == []
