"""Lists of instances, page by page.

GET ``instances``, and the page handling that the list of entities shares.
Invariant: the continuation token is opaque, comes as a response header, and goes back as a request header.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from durable_host.http.management.context import ManagementContext
from durable_host.http.management.errors import ApiError
from durable_host.http.management.query import QueryParameters
from durable_host.http.management.status import status_json
from durable_host.http.messages import Answer, Request, json_answer
from durable_host.task_hub.base.errors import ContinuationError
from durable_host.task_hub.tables.instance_rows import InstanceQuery

if TYPE_CHECKING:
    from durable_host.task_hub.tables.instance_rows import InstancePage

__all__ = ["list_instances", "page_of", "token_header"]

_TOKEN: Final = "x-ms-continuation-token"
_DEFAULT_PAGE: Final = 100
# Nothing was read for a page of nothing, so its token can only say: begin where you stood.
_FROM_THE_START: Final = "from-the-start"


async def list_instances(context: ManagementContext, request: Request) -> Answer:
    """Answer with one page of instances, entities among them."""
    query = QueryParameters(request.query)
    show_input = query.flag("showInput", default=True)
    instances = InstanceQuery(
        created_from=query.moment("createdTimeFrom"),
        created_to=query.moment("createdTimeTo"),
        statuses=tuple(query.statuses("runtimeStatus")),
        id_prefix=query.text("instanceIdPrefix"),
        entity_name=None,
        with_input=show_input,
    )
    page, token = await page_of(context, request, query, instances)
    rows = page.rows if page is not None else ()
    return json_answer(200, [status_json(row, show_input=show_input) for row in rows], token_header(token))


async def page_of(
    context: ManagementContext, request: Request, query: QueryParameters, instances: InstanceQuery
) -> tuple[InstancePage | None, str | None]:
    """The page that a request asks for, and the token of the one after it; no page where ``top`` is 0."""
    top = query.whole("top", default=_DEFAULT_PAGE)
    sent = request.headers.get(_TOKEN) or None
    if top < 0:
        # The real host passes it on to the storage, and answers 500.
        raise ApiError(400, f"'top' is {top}: ask for 1 instance or more on a page, or leave it out.")
    if top == 0:
        return None, sent or _FROM_THE_START
    continuation = None if sent == _FROM_THE_START else sent
    try:
        page = await context.client.list_instances(instances, top=top, continuation=continuation)
    except ContinuationError as error:
        raise ApiError(400, str(error)) from error
    return page, page.continuation


def token_header(token: str | None) -> list[tuple[str, str]]:
    """The response header for a token; none at the end."""
    return [(_TOKEN, token)] if token else []
