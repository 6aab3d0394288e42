"""What one run of a scenario left behind, before ids and times become tokens.

Reads the tables with the raw client, and the app's own log of what its orchestrators and entities were given.
Invariant: a row belongs to a scenario if its key begins with one of its ids, or if it mentions one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from azure.data.tables import TableServiceClient

from recorded_host.driver import Json

__all__ = ["InvocationLog", "RawRecording", "read_rows"]

_TABLES: Final = ("Instances", "History")


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRecording:
    """Exchanges, rows and invocations of one scenario. A cell of a row is ``[type, text]``."""

    scenario: str
    base: str
    ids: Sequence[str]
    http: Sequence[Json]
    rows: dict[str, list[Json]] = field(default_factory=dict)
    worker: Sequence[Json] = ()


def read_rows(connection_string: str, hub: str, ids: Sequence[str]) -> dict[str, list[Json]]:
    """The rows of these instances and of those that they started, of both tables, in the order of their keys."""
    with TableServiceClient.from_connection_string(connection_string) as service:
        found = {}
        for table in _TABLES:
            with service.get_table_client(f"{hub}{table}") as client:
                rows = [_cells(row) for row in client.list_entities() if _concerns(dict(row), ids)]
            found[table] = sorted(rows, key=lambda row: (row["PartitionKey"][1], row["RowKey"][1]))
        return found


def _concerns(row: dict[str, Any], ids: Sequence[str]) -> bool:
    text = json.dumps(row, default=str)
    return any(row["PartitionKey"].startswith(one) or one in text for one in ids)


def _cells(row: dict[str, Any]) -> Json:
    return {column: [type(value).__name__, str(value)] for column, value in row.items()}


class InvocationLog:
    """The file in which the recorded app writes each payload and answer, a line of JSON for each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read = 0

    def skip(self) -> None:
        """Pass over what is there already."""
        self._read = self.path.stat().st_size if self.path.exists() else 0

    def new_lines(self) -> list[Json]:
        """What was written since the last look."""
        if not self.path.exists():
            return []
        with self.path.open(encoding="utf-8") as log:
            log.seek(self._read)
            lines = [json.loads(line) for line in log if line.strip()]
        self.skip()
        return lines
