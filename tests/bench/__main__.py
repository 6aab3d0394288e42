"""``python -m bench [--only NAME] [--quick] [--json FILE]``: measure, and print a table.

Collects the rows of all modules of benchmarks.
Invariant: a module is imported only when its turn comes, so that no benchmark carries the imports of another.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Final

from bench.table import Row, as_json, as_table

__all__ = ["main"]

MODULES: Final = ("host", "fan_outs", "hosts", "dashboard", "harness", "pages")
"""Each has ``rows(quick)``; one that also has ``BENCHMARKS``, by the rows' names, can run a single one of them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; return the exit code of the process."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure, and print a table.")
    parser.add_argument("--only", metavar="NAME", help=f"one benchmark, or those of one of {', '.join(MODULES)}")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions: shows that it works, measures little")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    parsed = parser.parse_args(arguments)
    rows = _measured(parsed.only, quick=parsed.quick)
    if not rows:
        parser.error(f"there is no benchmark {parsed.only!r}")
    print(as_table(rows))
    if parsed.json is not None:
        parsed.json.write_text(json.dumps(as_json(rows), indent=2) + "\n", encoding="utf-8")
    return 0


def _measured(only: str | None, *, quick: bool) -> list[Row]:
    rows: list[Row] = []
    for name in MODULES:
        if importlib.util.find_spec(f"bench.{name}") is None:
            continue
        if only is None or only == name:
            rows += _module(name).rows(quick)
            continue
        if only in MODULES:
            continue
        benchmarks: Mapping[str, Callable[[bool], Row]] = getattr(_module(name), "BENCHMARKS", {})
        if only in benchmarks:
            return [benchmarks[only](quick)]
    return rows


def _module(name: str) -> ModuleType:
    print(f"measuring {name} ...", file=sys.stderr, flush=True)
    return importlib.import_module(f"bench.{name}")


if __name__ == "__main__":
    sys.exit(main())
