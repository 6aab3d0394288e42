"""The routes of the management API.

Finds the handler of a request and turns what it raises into an answer.
Invariant: an unknown route or method is an empty 404, decided before anything is read; nothing raises out of here.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final
from urllib.parse import unquote_plus

from durable_engine import entity_instance_id
from durable_host.http.management import entities, listing, operations, start, status
from durable_host.http.management.context import ManagementContext
from durable_host.http.management.errors import (
    ApiError,
    invalid_operation,
    refused_by_storage,
    unexpected,
)
from durable_host.http.management.query import QueryParameters
from durable_host.http.messages import NOT_FOUND, Answer, Request, json_answer
from durable_host.task_hub.account.refusals import is_refusal

__all__ = ["ManagementApi"]

Handler = Callable[[], Awaitable[Answer]]

_log = logging.getLogger("Host.Triggers.DurableTask")

_ON_ONE_INSTANCE: Final = {
    "terminate": (operations.terminate, "Terminate"),
    "suspend": (operations.suspend, "Suspend"),
    "resume": (operations.resume, "Resume"),
    "rewind": (operations.rewind, "Rewind"),
    "restart": (start.restart, "Restart"),
}
"""The handler of an operation on one instance, and what the log calls it."""


class ManagementApi:
    """The API over one task hub."""

    def __init__(self, context: ManagementContext) -> None:
        self._context = context

    async def answer(self, request: Request, path: str) -> Answer:
        """Answer a request; ``path`` is the part of its decoded path below the API's own."""
        # The real host decodes once more before it splits: an escaped slash makes two segments, and + is a space.
        segments = unquote_plus(path).removeprefix("/").rstrip("/").split("/")
        handler = self._handler(request, segments) if all(segments) else None
        if handler is None:
            return NOT_FOUND
        try:
            is_list = request.method == "GET" and (len(segments) == 1 or segments[0].lower() == "entities")
            return self._of_another_hub(request, segments[0].lower(), is_list=is_list) or await handler()
        except ApiError as error:
            return error.answer()
        except Exception as error:
            if is_refusal(error):
                return refused_by_storage(error).answer()
            _log.exception("%s %s failed", request.method, request.path)
            return unexpected(error).answer()

    def _handler(self, request: Request, segments: list[str]) -> Handler | None:
        context, method, rest = self._context, request.method, segments[1:]
        match segments[0].lower(), len(rest):
            case "orchestrators", 1 | 2 if method == "POST":
                return partial(start.start, context, request, rest[0], rest[1] if len(rest) == 2 else None)
            case "entities", 2 if method == "GET":
                context.tell(request, "GetEntity", entity_instance_id(rest[0], rest[1]))
                return partial(entities.get_state, context, rest[0], rest[1])
            case "entities", 0 | 1 if method == "GET":
                context.tell(request, "QueryEntities", "")
                return partial(entities.list_entities, context, request, rest[0] if rest else None)
            case "entities", 0 | 1 | 2 if method in ("POST", "DELETE"):
                key = rest[1] if len(rest) == 2 else ""
                return partial(entities.signal, context, request, rest[0] if rest else None, key)
            case "instances", 0 if method == "GET":
                context.tell(request, "QueryInstances", "")
                return partial(listing.list_instances, context, request)
            case "instances", 0 if method == "DELETE":
                context.tell(request, "PurgeInstances", "(filter)")
                return partial(operations.purge_where, context, request)
            case "instances", 1 if method == "GET":
                context.tell(request, "GetInstance", rest[0])
                return partial(status.get_status, context, request, rest[0])
            case "instances", 1 if method == "DELETE":
                context.tell(request, "PurgeInstances", rest[0])
                return partial(operations.purge, context, rest[0])
            case "instances", 2 if method == "POST" and rest[1].lower() in _ON_ONE_INSTANCE:
                handle, operation = _ON_ONE_INSTANCE[rest[1].lower()]
                context.tell(request, operation, rest[0])
                return partial(handle, context, request, rest[0])
            case "instances", 3 if method == "POST" and rest[1].lower() == "raiseevent":
                context.tell(request, "RaiseEvent", rest[0])
                return partial(operations.raise_event, context, request, rest[0], rest[2])
            case "makeprimary", 0:
                return _make_primary
        return None

    def _of_another_hub(self, request: Request, route: str, *, is_list: bool) -> Answer | None:
        """The answer to a request that names another store: only this host's own hub is served."""
        query = QueryParameters(request.query)
        hub = (query.text("taskHub") or "").strip()
        connection = (query.text("connection") or "").strip()
        if connection and not self._context.binding.is_connection(connection):
            raise invalid_operation(f"Unable to resolve the Azure Storage connection named '{connection}'.")
        own = self._context.binding.hub_name
        if not hub or hub.lower() == own.lower():
            return None
        if request.method == "POST" and route in ("orchestrators", "entities"):
            raise ApiError(
                501, f"This host serves the task hub '{own}' only: start a host on '{hub}' for this request."
            )
        return json_answer(200, []) if is_list else NOT_FOUND


async def _make_primary() -> Answer:
    return Answer(status=200)
