"""Operations on instances that exist: events, terminate, suspend, resume, rewind, purge.

POST ``instances/{id}/...`` and DELETE ``instances``.
Invariant: the instance's row is read first, and what it says is checked in the real host's order; a message that is
sent carries no execution id, so that it reaches whatever execution is current when it arrives.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from durable_engine import (
    FINAL_STATUSES,
    EventRaised,
    ExecutionResumed,
    ExecutionSuspended,
    ExecutionTerminated,
    HistoryEvent,
    JsonReaderError,
    compact_json,
    first_json,
)
from durable_host.clock import now
from durable_host.http.management.context import ManagementContext
from durable_host.http.management.errors import ApiError, invalid_json, invalid_operation
from durable_host.http.management.query import QueryParameters, body_text
from durable_host.http.messages import NOT_FOUND, Answer, Request, json_answer
from durable_host.task_hub.tables.instance_rows import InstanceQuery

if TYPE_CHECKING:
    from durable_host.task_hub.tables.instance_rows import InstanceRow

__all__ = ["purge", "purge_where", "raise_event", "resume", "rewind", "suspend", "terminate"]

_log = logging.getLogger("Host.Triggers.DurableTask")

_ACCEPTED = Answer(status=202)
_GONE = Answer(status=410)


async def raise_event(context: ManagementContext, request: Request, instance_id: str, name: str) -> Answer:
    """Send an external event; its body is stored as compact JSON."""
    row = await context.client.get_instance(instance_id)
    if row is None:
        return NOT_FOUND
    if row.runtime_status in FINAL_STATUSES:
        return _GONE
    if request.media_type != "application/json":
        raise ApiError(400, "Only application/json request content is supported")
    try:
        value = first_json(body_text(request))
    except JsonReaderError as error:
        raise invalid_json(error) from error
    return await _send(context, row, EventRaised(timestamp=now(), name=name, input=compact_json(value)))


async def terminate(context: ManagementContext, request: Request, instance_id: str) -> Answer:
    """End an instance; its sub-orchestrations run on."""
    row = await context.client.get_instance(instance_id)
    refusal = _refusal(row)
    if refusal is not None:
        return refusal
    return await _send(context, row, ExecutionTerminated(timestamp=now(), input=_reason(request)))


async def suspend(context: ManagementContext, request: Request, instance_id: str) -> Answer:
    """Suspend an instance; to suspend it twice is an error."""
    row = await context.client.get_instance(instance_id)
    refusal = _refusal(row)
    if refusal is not None or row is None:
        return refusal or NOT_FOUND
    if row.runtime_status == "Suspended":
        raise _wrong_state("suspend", row)
    return await _send(context, row, ExecutionSuspended(timestamp=now(), reason=_reason(request)))


async def resume(context: ManagementContext, request: Request, instance_id: str) -> Answer:
    """Resume a suspended instance; to resume another is an error."""
    row = await context.client.get_instance(instance_id)
    refusal = _refusal(row)
    if refusal is not None or row is None:
        return refusal or NOT_FOUND
    if row.runtime_status != "Suspended":
        raise _wrong_state("resume", row)
    return await _send(context, row, ExecutionResumed(timestamp=now(), reason=_reason(request)))


async def rewind(context: ManagementContext, request: Request, instance_id: str) -> Answer:
    """Run a failed instance on from before its failure."""
    row = await context.client.get_instance(instance_id)
    if row is None:
        # The dollar sign is the real host's.
        return json_answer(404, f'No orchestration with instance ID "${instance_id}" found.')
    if row.runtime_status != "Failed":
        return json_answer(
            412,
            f"This orchestration has status {row.runtime_status}, but only orchestrations in the "
            '"Failed" state can be rewound.',
        )
    await context.client.rewind(instance_id, _reason(request), now())
    context.log.rewound(instance_id, row.name, _reason(request))
    return _ACCEPTED


async def purge(context: ManagementContext, instance_id: str) -> Answer:
    """Remove everything about one instance that has ended, or about one entity."""
    row = await context.client.get_instance(instance_id)
    is_entity = instance_id.startswith("@")
    if row is None:
        return json_answer(200, {"instancesDeleted": 0}) if is_entity else NOT_FOUND
    if not is_entity and row.runtime_status not in FINAL_STATUSES:
        return json_answer(
            412,
            "Only orchestrations in a terminal state can be purged, but the orchestration with instance ID "
            f"{instance_id} has status {row.runtime_status}",
        )
    await context.client.purge(instance_id)
    return json_answer(200, {"instancesDeleted": 1})


async def purge_where(context: ManagementContext, request: Request) -> Answer:
    """Remove everything about the instances that were created in a span of time."""
    query = QueryParameters(request.query)
    created_from = query.moment("createdTimeFrom")
    if created_from is None:
        return json_answer(400, "Please provide value for 'createdTimeFrom' parameter.")
    created_to = query.moment("createdTimeTo")
    statuses = tuple(status for status in query.statuses("runtimeStatus") if status in FINAL_STATUSES)
    if not statuses:
        _log.warning(
            "A purge by filter whose runtimeStatus (%r) names no terminal status removes instances of every status, "
            "those that still run as well, here as in Azure. "
            "Ask for runtimeStatus=Completed,Failed,Terminated,Canceled to keep the others.",
            query.text("runtimeStatus"),
        )
    deleted = await context.client.purge_where(
        InstanceQuery(
            created_from=created_from,
            created_to=now() if created_to is None else created_to,
            statuses=statuses,
            id_prefix=None,
            entity_name=None,
            with_input=False,
        )
    )
    return json_answer(200, {"instancesDeleted": deleted}) if deleted else NOT_FOUND


def _refusal(row: InstanceRow | None) -> Answer | None:
    """The answer for an instance that is not there, or has ended; None for one that runs."""
    if row is None:
        return NOT_FOUND
    return _GONE if row.runtime_status in FINAL_STATUSES else None


def _wrong_state(verb: str, row: InstanceRow) -> ApiError:
    return invalid_operation(
        f"Cannot {verb} the orchestration instance {row.instance_id} because instance is in the "
        f"{row.runtime_status} state."
    )


def _reason(request: Request) -> str | None:
    return QueryParameters(request.query).text("reason")


async def _send(context: ManagementContext, row: InstanceRow | None, event: HistoryEvent) -> Answer:
    if row is None:
        return NOT_FOUND
    await context.client.send_to_instance(row.instance_id, event)
    context.log.sent_by_client(row.instance_id, row.name, event)
    return _ACCEPTED
