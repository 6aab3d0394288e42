"""Row repair: an instance's row says what its history says.

Makes good what a crash, or a failing request, between history and row left undone: an instance that has ended is shown
as ended, one that has begun as begun, and a child that has begun has a row at all.
Invariant: the row of an execution that is still to begin, or of an instance that was purged, is left alone, and so is
that of one that is being rewound, which the real host shows as pending until it ends. Of an earlier execution, which
has continued as new, a row cannot say that it runs: it is behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from durable_engine import (
    FINAL_STATUSES,
    ExecutionCompleted,
    ExecutionResumed,
    ExecutionStarted,
    ExecutionSuspended,
    GenericEvent,
    HistoryEvent,
    InstanceUpdate,
    SchedulerState,
)
from durable_host.dispatch.chains import is_of_one_chain
from durable_host.dispatch.message_rules import is_entity
from durable_host.task_hub.hub.hub import TaskHub
from durable_host.task_hub.tables.history_table import LoadedHistory
from durable_host.task_hub.tables.instance_rows import InstanceRow

__all__ = ["repair_row"]

_LAST: Final = 2  # The end is the last event but for OrchestratorCompleted.
_NOT_BEGUN: Final = ("", "Pending")
_UNDER_WAY: Final = ("Running", "Suspended")


async def repair_row(hub: TaskHub, loaded: LoadedHistory) -> None:
    """Write into the row of a history that has begun what it lacks, if anything."""
    started = next(event for event in loaded.events if isinstance(event, ExecutionStarted))
    is_of_entity = is_entity(loaded.instance_id, loaded.events, ())
    row = await hub.instances.get(loaded.instance_id, with_input=not is_of_entity)
    update = _entity_update(loaded, started, row) if is_of_entity else _update(loaded, started, row)
    if update is not None:
        await hub.instances.apply(loaded.instance_id, update, completed_at=hub.now(), moved_out=loaded.moved_out)


def _entity_update(loaded: LoadedHistory, started: ExecutionStarted, row: InstanceRow | None) -> InstanceUpdate | None:
    """Each batch of an entity is an execution, and its row shows the state that this one began with."""
    if row is not None and row.execution_id == loaded.execution_id:
        return None
    return InstanceUpdate(
        execution_id=loaded.execution_id,
        last_updated_at=loaded.events[-1].timestamp,
        custom_status=SchedulerState.parse(started.input).status_text,
        started=started,
        runtime_status="Running",
    )


def _update(loaded: LoadedHistory, started: ExecutionStarted, row: InstanceRow | None) -> InstanceUpdate | None:
    """The custom status stays: the history does not have it."""
    if row is None and started.parent is None:
        return None  # Only a sub-orchestration begins without a row; this one's was removed.
    end = next((event for event in loaded.events[-_LAST:] if isinstance(event, ExecutionCompleted)), None)
    is_of_earlier = row is not None and row.execution_id != loaded.execution_id and _is_earlier(row, loaded)
    if row is not None and not is_of_earlier:
        is_behind = row.runtime_status not in FINAL_STATUSES if end else row.runtime_status in _NOT_BEGUN
        if row.execution_id != loaded.execution_id or not is_behind:
            return None
    if end is None and any(isinstance(event, GenericEvent) for event in loaded.events):
        return None
    return InstanceUpdate(
        execution_id=loaded.execution_id,
        last_updated_at=loaded.events[-1].timestamp,
        custom_status=row.custom_status if row is not None else None,
        started=started if row is None or is_of_earlier or row.runtime_status in _NOT_BEGUN else None,
        runtime_status=end.orchestration_status if end else _status(loaded.events),
        output=end.result if end else None,
        is_completed=end is not None,
    )


def _is_earlier(row: InstanceRow, loaded: LoadedHistory) -> bool:
    """Whether the loaded execution continues that of the row, which may not have been seen to begin."""
    if row.runtime_status in _NOT_BEGUN:
        return is_of_one_chain(row.execution_id, loaded.execution_id)
    return row.runtime_status in _UNDER_WAY


def _status(history: Sequence[HistoryEvent]) -> str:
    pauses = [event for event in history if isinstance(event, ExecutionSuspended | ExecutionResumed)]
    return "Suspended" if pauses and isinstance(pauses[-1], ExecutionSuspended) else "Running"
