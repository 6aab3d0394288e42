"""What the harness offers: the exported names, their list on the page, and the SDK that they need."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import durable_harness
from durable_harness.listing import public_names

TESTS = Path(__file__).parents[1]
PAGE = TESTS / "durable_harness" / "README.md"
MOST_LINES = 115


def test_the_page_lists_every_exported_name() -> None:
    (listed,) = re.findall(r"<!-- names -->\n```text\n(.*?)\n```\n", PAGE.read_text(encoding="utf-8"), re.S)

    assert listed.splitlines() == list(public_names()), "paste the output of `python -m durable_harness` into the page"


def test_the_list_is_short_enough_to_be_read() -> None:
    lines = list(public_names())

    assert len(lines) <= MOST_LINES
    assert max(map(len, lines)) <= 255


def test_every_exported_name_says_what_it_is_for() -> None:
    silent = [name for name in durable_harness.__all__ if not inspect.getdoc(getattr(durable_harness, name))]

    assert silent == []


@pytest.mark.parametrize(("version", "says"), [("2.0.0b2", "pip install 'azure-functions-durable<2'"), ("1.7.0", "")])
def test_an_sdk_that_is_not_1_x_is_refused_when_the_harness_is_imported(
    tmp_path: Path, version: str, says: str
) -> None:
    metadata = tmp_path / "azure_functions_durable-9.dist-info"
    metadata.mkdir()
    metadata.joinpath("METADATA").write_text(f"Name: azure-functions-durable\nVersion: {version}\n", encoding="utf-8")
    code = f"import sys; sys.path[:0] = {[str(tmp_path), str(TESTS)]!r}; import durable_harness"

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    last = result.stderr.strip().rpartition("\n")[2]
    assert says in last
    assert bool(says) == last.startswith("ImportError: durable_harness runs the SDK's 1.x")
