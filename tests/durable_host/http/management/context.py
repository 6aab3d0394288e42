"""What every handler of the management API works with.

One value that carries the task hub's client, the function index and the URLs.
Invariant: it is the same for every request.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol
from uuid import UUID

from durable_host.dispatch.state_log import StateLog
from durable_host.http.client_binding import ClientBinding
from durable_host.http.messages import Answer, Request, json_answer

if TYPE_CHECKING:
    from durable_host.task_hub.hub.client import TaskHubClient

__all__ = ["KnownFunctionNames", "ManagementContext"]

_INVOCATION: Final = "x-azure-functions-invocationid"


class KnownFunctionNames(Protocol):
    """What the API asks of an app: a function index, or whoever stands in for an app that is elsewhere."""

    def is_disabled(self, kind: str, name: str) -> bool:
        """Whether the app has such a durable function, switched off by a setting."""

    def entity(self, name: str) -> object | None:
        """The entity function of a name, or None."""

    def unknown(self, kind: str, name: str) -> str:
        """What the Durable extension says about a name that it does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagementContext:
    """The task hub and the app that the API is about.

    ``replaces_running`` is host.json's ``overridableExistingInstanceStates: AnyState``.
    """

    client: TaskHubClient
    index: KnownFunctionNames
    binding: ClientBinding
    default_version: str | None = None
    replaces_running: bool = False
    log: StateLog = field(default_factory=lambda: StateLog(""))

    def tell(self, request: Request, operation: str, instance_id: str) -> None:
        """Log what a function of the app asks for; of a request by anybody else, nothing."""
        invocation_id = request.headers.get(_INVOCATION, "")
        if _is_guid(invocation_id):  # whatever else somebody sends does not get into the log
            self.log.client_operation(operation, instance_id, invocation_id)

    def check_status_answer(self, request: Request, instance_id: str) -> Answer:
        """The 202 that follows a start: the instance's URLs, seen from where the request came in; no rewind."""
        urls = self.binding.management_urls(instance_id, request.origin)
        shown = {name: url for name, url in urls.items() if name != "rewindPostUri"}
        return json_answer(202, shown, [("Location", urls["statusQueryGetUri"]), ("Retry-After", "10")])


def _is_guid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
