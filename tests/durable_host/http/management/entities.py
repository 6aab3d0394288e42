"""Entities under ``entities/{name}/{key}``: their state, their list, and signals to them.

Invariant: an entity exists while its state has a text, even where that is ``null``: a deleted entity, and one whose
first operation failed, read as ``null`` and not as absent, here as on the real host.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, Final

from durable_engine import (
    EventRaised,
    JsonReaderError,
    client_signal,
    compact_json,
    entity_instance_id,
    first_json,
    ticks_to_text,
)
from durable_host.app.index import ENTITY
from durable_host.clock import new_guid, now
from durable_host.dispatch.state_log import ENTITY as STATE_OF_ENTITY
from durable_host.http.management.context import ManagementContext
from durable_host.http.management.errors import ApiError, check_id
from durable_host.http.management.listing import page_of, token_header
from durable_host.http.management.query import QueryParameters, body_text, json_or_text, with_dates
from durable_host.http.messages import NOT_FOUND, Answer, Request, json_answer
from durable_host.task_hub.tables.instance_rows import InstanceQuery

if TYPE_CHECKING:
    from durable_host.task_hub.tables.instance_rows import InstanceRow

__all__ = ["get_state", "list_entities", "signal"]

_log = logging.getLogger("Host.Triggers.DurableTask")
_EMPTY_KEY: Final = "$"
_OPERATION: Final = "op"


async def get_state(context: ManagementContext, name: str, key: str) -> Answer:
    """Answer with an entity's state; the key ``$`` stands for the empty one."""
    row = await context.client.get_instance(entity_instance_id(name, "" if key == _EMPTY_KEY else key))
    state = _state_text(row) if row is not None else None
    return NOT_FOUND if state is None else json_answer(200, json_or_text(state))


async def list_entities(context: ManagementContext, request: Request, name: str | None) -> Answer:
    """Answer with one page of the entities that exist."""
    query = QueryParameters(request.query)
    fetch_state = query.flag("fetchState", default=False)
    instances = InstanceQuery(
        created_from=query.moment("lastOperationTimeFrom"),
        created_to=query.moment("lastOperationTimeTo"),
        id_prefix=None,
        entities_only=True,
        entity_name=name.lower() if name else None,
        with_input=fetch_state,
    )
    page, token = await page_of(context, request, query, instances)
    rows = page.rows if page is not None else ()
    shown = [_entity_json(row, fetch_state=fetch_state) for row in rows if _exists(row, fetch_state=fetch_state)]
    return json_answer(200, shown, token_header(token))


async def signal(context: ManagementContext, request: Request, name: str | None, key: str) -> Answer:
    """Send an operation to an entity, which need not exist yet."""
    if not name:
        raise ApiError(
            400, "Invalid entity id: entity name must not be a null or empty string. (Parameter 'entityName')"
        )
    if any(character in "/\\?#" or ord(character) < 32 or 127 <= ord(character) < 160 for character in key):
        # The real host passes its two arguments the wrong way round, and so the text reads like this.
        raise ApiError(400, "entityKey (Parameter 'Entity keys must not contain /, \\, #, ?, or control characters.')")
    entity = entity_instance_id(name, key)
    check_id(entity)
    context.tell(request, "SignalEntity", entity)
    operation = "delete" if request.method == "DELETE" else QueryParameters(request.query).text("op") or ""
    operand = _operand(request)
    if context.index.entity(name) is None:
        raise ApiError(400, context.index.unknown(ENTITY, name.lower()))
    event = EventRaised(timestamp=now(), name=_OPERATION, input=client_signal(operation, operand, new_guid()))
    await context.client.send_to_instance(entity, event)
    context.log.scheduled(entity, name.lower(), STATE_OF_ENTITY, f"EntitySignal:{operation}", entity)
    return Answer(status=202)


def _operand(request: Request) -> str | None:
    """The operation's input as JSON text: the body's value, or, with another content type, its text as a string."""
    if not request.body:
        return None
    text = body_text(request)
    if request.media_type != "application/json":
        return compact_json(text)
    try:
        return compact_json(first_json(text))
    except JsonReaderError as error:
        raise ApiError(400, f"Could not parse JSON content: {error}") from error


def _state_text(row: InstanceRow) -> str | None:
    """The state in the scheduler state that the row's input is; None for an entity that never came to be."""
    if row.input is None:
        return None
    try:
        scheduler = json.loads(row.input)
    except (RecursionError, ValueError) as error:
        _log.warning("Entity %r is shown as one that never was: its row holds no state. %s", row.instance_id, error)
        return None
    state = scheduler.get("state") if isinstance(scheduler, dict) else None
    return state if isinstance(state, str) else None


def _exists(row: InstanceRow, *, fetch_state: bool) -> bool:
    return _state_text(row) is not None if fetch_state else "entityExists" in (row.custom_status or "")


def _entity_json(row: InstanceRow, *, fetch_state: bool) -> dict[str, Any]:
    name, _, key = row.instance_id[1:].partition("@")
    return {
        "entityId": {"name": name, "key": key},
        # Every batch is a new execution, so that its creation is the last operation.
        "lastOperationTime": ticks_to_text(row.created_at),
        "state": with_dates(json_or_text(_state_text(row))) if fetch_state else None,
    }
