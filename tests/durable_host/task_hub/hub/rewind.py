"""Rewind: the failures of an instance are struck out of its history, so that its next episode tries them again.

Rewrites the rows of the last execution's failures, of the sub-orchestrations that failed, and so on down.
Invariant: rows keep their place: a struck-out row becomes a GenericEvent, which replay passes over, with a reason that
says what it was. Each is replaced with the ETag that was read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from azure.core import MatchConditions
from azure.data.tables import UpdateMode
from azure.data.tables.aio import TableClient

from durable_engine import Ticks
from durable_host.task_hub.base.names import escape_key, quoted
from durable_host.task_hub.tables.instances_table import InstancesTable

__all__ = ["rewind_rows"]

_FAILURES: Final = (
    "(OrchestrationStatus eq 'Failed' or EventType eq 'TaskFailed' or EventType eq 'SubOrchestrationInstanceFailed')"
)


async def rewind_rows(instance_id: str, now: Ticks, *, history: TableClient, instances: InstancesTable) -> list[str]:
    """Strike out the failures of an instance and its failed sub-orchestrations; returns the ids of the deepest failed
    ones, which are to get the rewind message."""
    partition = f"PartitionKey eq {quoted(escape_key(instance_id))}"
    starts = [row async for row in history.query_entities(f"{partition} and EventType eq 'OrchestratorStarted'")]
    if not starts:
        return []
    execution = f"{partition} and ExecutionId eq {quoted(_latest(starts)['ExecutionId'])}"
    leaves: list[str] = []
    has_failed_child = False
    for failure in [row async for row in history.query_entities(f"{execution} and {_FAILURES}")]:
        task_id = failure.get("TaskScheduledId")
        if failure["EventType"] == "TaskFailed":
            async for scheduled in _decision(history, execution, task_id, "TaskScheduled"):
                await _strike_out(history, scheduled)
        elif failure["EventType"] == "SubOrchestrationInstanceFailed":
            has_failed_child = True
            async for created in _decision(history, execution, task_id, "SubOrchestrationInstanceCreated"):
                # It stays what it is: the child is not started again, it is rewound.
                await _strike_out(history, created, new_type=created["EventType"])
                leaves += await rewind_rows(created["InstanceId"], now, history=history, instances=instances)
        await _strike_out(history, failure)
    await instances.mark_rewound(instance_id, now)
    return leaves if has_failed_child else [instance_id]


def _latest(rows: list[Any]) -> Any:
    """The row written last: a longer, earlier execution may have left rows with higher keys."""
    return max(rows, key=lambda row: (row.metadata["timestamp"], row["RowKey"]))


async def _decision(history: TableClient, execution: str, event_id: object, event_type: str) -> AsyncIterator[Any]:
    query = f"{execution} and EventId eq {event_id} and EventType eq '{event_type}'"
    rows = [row async for row in history.query_entities(query)]
    for row in rows[:1]:
        yield row


async def _strike_out(history: TableClient, row: Any, *, new_type: str = "GenericEvent") -> None:
    row["Reason"] = f"Rewound: {row['EventType']}"
    row["EventType"] = new_type
    await history.update_entity(
        row,
        mode=UpdateMode.REPLACE,
        etag=row.metadata["etag"],
        match_condition=MatchConditions.IfNotModified,
    )
