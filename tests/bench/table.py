"""The figures: one row for each benchmark, as a table for people and as JSON for programs.

The value that every benchmark gives.
Invariant: a ratio over 1 means that ours is better than the peer, whichever way the unit counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Row", "as_json", "as_table"]

_NOTHING = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure. ``peer`` says what was measured beside it, ``recorded`` what the real engine was recorded doing."""

    name: str
    value: float
    unit: str
    peer: str | None = None
    peer_value: float | None = None
    ratio: float | None = None
    recorded: float | None = None


def as_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The rows as JSON objects."""
    return [asdict(row) for row in rows]


def as_table(rows: Sequence[Row]) -> str:
    """The rows as an aligned text table."""
    head = ("benchmark", "value", "unit", "peer", "peer's", "ratio", "recorded")
    lines = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in (1, 4, 5, 6) else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.name,
        _number(row.value),
        row.unit,
        row.peer or _NOTHING,
        _number(row.peer_value),
        _number(row.ratio),
        _number(row.recorded),
    )


def _number(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
