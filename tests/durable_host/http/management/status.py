"""The status of one instance.

GET ``instances/{id}``, and the JSON object of an instance that lists show as well.
Invariant: an instance that has not ended is a 202 that says where and when to ask again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from durable_engine import FINAL_STATUSES, ticks_to_seconds_text
from durable_host.http.management.context import ManagementContext
from durable_host.http.management.errors import argument_error
from durable_host.http.management.query import QueryParameters, json_or_text
from durable_host.http.management.status_history import DuplicateEventError, history_view
from durable_host.http.messages import NOT_FOUND, Answer, Request, json_answer

if TYPE_CHECKING:
    from durable_host.task_hub.tables.instance_rows import InstanceRow

__all__ = ["get_status", "status_json"]


async def get_status(context: ManagementContext, request: Request, instance_id: str) -> Answer:
    """Answer with the instance's status, and its history where that is asked for."""
    query = QueryParameters(request.query)
    row = await context.client.get_instance(instance_id)
    if row is None:
        return NOT_FOUND
    show_input = query.flag("showInput", default=True)
    body = status_json(row, show_input=show_input)
    if query.flag("showHistory", default=False) and row.runtime_status != "Pending":
        events = await context.client.get_history(instance_id)
        try:
            body["historyEvents"] = history_view(
                events, show_input=show_input, show_output=query.flag("showHistoryOutput", default=False)
            )
        except DuplicateEventError as error:
            raise argument_error(str(error)) from error
    if row.runtime_status not in FINAL_STATUSES:
        return json_answer(202, body, [("Location", request.url), ("Retry-After", "5")])
    is_error = row.runtime_status == "Failed" and query.flag("returnInternalServerErrorOnFailure", default=False)
    return json_answer(500 if is_error else 200, body)


def status_json(row: InstanceRow, *, show_input: bool) -> dict[str, Any]:
    """The members of a status in their order, without history."""
    parent = {} if row.parent_instance_id is None else {"parentInstanceId": row.parent_instance_id}
    return {
        "name": row.name,
        "instanceId": row.instance_id,
        **parent,
        "runtimeStatus": row.runtime_status,
        "input": json_or_text(row.input) if show_input else None,
        "customStatus": json_or_text(row.custom_status),
        "output": json_or_text(row.output),
        "createdTime": ticks_to_seconds_text(row.created_at),
        "lastUpdatedTime": ticks_to_seconds_text(row.last_updated_at),
    }
