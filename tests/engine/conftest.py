"""Counts what was checked against the recordings, and prints the counts at the end of the run.

The tests say what they checked with pytest's own ``record_property("checked", kind)``, which also travels from the
workers of pytest-xdist to the process that prints.
"""

from __future__ import annotations

from collections import Counter

import pytest

__all__ = ["pytest_terminal_summary"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many comparisons with the recordings of the real engine were made, of each kind."""
    reports = [report for report in terminalreporter.stats.get("passed", []) if report.when == "call"]
    counts = Counter(value for report in reports for name, value in report.user_properties if name == "checked")
    if counts:
        shown = ", ".join(f"{number} {kind}" for kind, number in counts.items())
        terminalreporter.write_line(f"Agreed with the recordings of the real engine: {shown}.")
