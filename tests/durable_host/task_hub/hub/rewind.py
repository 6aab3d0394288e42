"""Rewind: the rows of an instance's failures, and of its failed sub-orchestrations', are struck out where they stand.

Invariant: a struck-out row says what it was in its Reason, and each is replaced with the ETag that was read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from azure.core import MatchConditions
from azure.data.tables import UpdateMode
from azure.data.tables.aio import TableClient

from durable_engine import GenericEvent, Ticks, rewind_history
from durable_host.task_hub.base.names import SENTINEL, escape_key, quoted
from durable_host.task_hub.tables.history_rows import row_to_event
from durable_host.task_hub.tables.instances_table import InstancesTable

__all__ = ["rewind_rows"]


async def rewind_rows(instance_id: str, now: Ticks, *, history: TableClient, instances: InstancesTable) -> list[str]:
    """Strike out the failures of an instance and its failed sub-orchestrations.

    Returns:
        The ids of the deepest failed ones, which are to get the rewind message.
    """
    query = f"PartitionKey eq {quoted(escape_key(instance_id))} and RowKey ne '{SENTINEL}'"
    rows = _latest_execution([row async for row in history.query_entities(query)])
    if not rows:
        return []
    rewound = rewind_history([row_to_event(row) for row in rows])
    leaves = [instance_id] if rewound.is_first_to_fail else []
    for position in rewound.children:
        await _strike_out(history, rows[position], rows[position]["EventType"])
    for child in rewound.failed_children:
        leaves += await rewind_rows(child, now, history=history, instances=instances)
    for position in sorted(rewound.struck_out):
        await _strike_out(history, rows[position], GenericEvent.__name__)
    await instances.mark_rewound(instance_id, now)
    return leaves


def _latest_execution(rows: Sequence[Any]) -> list[Any]:
    """The rows of the execution that began last: a longer, earlier one may have left rows with higher keys."""
    starts = [row for row in rows if row["EventType"] == "OrchestratorStarted"]
    if not starts:
        return []
    latest = max(starts, key=lambda row: (row.metadata["timestamp"], row["RowKey"]))
    return [row for row in rows if row["ExecutionId"] == latest["ExecutionId"]]


async def _strike_out(history: TableClient, row: Any, new_type: str) -> None:
    row["Reason"] = f"Rewound: {row['EventType']}"
    row["EventType"] = new_type
    await history.update_entity(
        row,
        mode=UpdateMode.REPLACE,
        etag=row.metadata["etag"],
        match_condition=MatchConditions.IfNotModified,
    )
