"""The tests that need the Bicep compiler: they run wherever there is one, and where there is none the run says so.

A pytest plugin, because a test that is skipped counts as failed here: without the compiler these are not collected.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.compiler import HOW_TO_GET_IT, find_compiler

__all__ = ["pytest_collection_modifyitems", "pytest_configure", "pytest_report_header", "pytest_terminal_summary"]

_MARKER = "bicep"
_PROGRAM = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Look for the compiler, once for the whole run."""
    config.addinivalue_line("markers", f"{_MARKER}: needs the Bicep compiler; not collected where there is none")
    program = find_compiler()
    if program is not None:
        config.stash[_PROGRAM] = str(program)


def pytest_report_header(config: pytest.Config) -> str:
    """Say whether the tier runs."""
    program = config.stash.get(_PROGRAM, None)
    return f"bicep: {program}" if program else "bicep: not found, so the tests that need it do not run"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tier where there is no compiler."""
    if _PROGRAM in config.stash:
        return
    left_out = [item for item in items if item.get_closest_marker(_MARKER)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name what did not run, if any of the suite ran at all."""
    if _PROGRAM in config.stash or not any(each.startswith("tests/infra/") for each in _ran(terminalreporter)):
        return
    terminalreporter.write_sep("-", "not run: no Bicep compiler")
    terminalreporter.write_line(
        "tests/infra checked the committed snapshots and their digest, but not that infra/ compiles, is linted and\n"
        "formatted, gives these snapshots, refuses what Azure does not have, and that mistakes planted in it are\n"
        f"noticed. {HOW_TO_GET_IT}"
    )


def _ran(terminalreporter: pytest.TerminalReporter) -> Iterator[str]:
    for reports in terminalreporter.stats.values():
        yield from (str(getattr(each, "nodeid", "")) for each in reports)
