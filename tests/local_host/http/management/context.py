"""What every handler of the management API works with.

Role: one value that carries the task hub's client, the function index and the URLs.
Called by: all handlers. Calls nothing. Invariant: it is the same for every request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from local_host.function_index import FunctionIndex
from local_host.http.binding import ClientBinding
from local_host.http.messages import Answer, Request, json_answer

if TYPE_CHECKING:
    from local_host.task_hub.client import TaskHubClient

__all__ = ["FINISHED", "ManagementContext"]

FINISHED: Final = frozenset({"Completed", "Failed", "Terminated", "Canceled"})
"""The statuses of an instance that has come to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagementContext:
    """The task hub and the app that the API is about.

    ``replaces_running`` is host.json's ``overridableExistingInstanceStates: AnyState``.
    """

    client: TaskHubClient
    index: FunctionIndex
    binding: ClientBinding
    default_version: str | None = None
    replaces_running: bool = False

    def check_status_answer(self, request: Request, instance_id: str) -> Answer:
        """The 202 that follows a start: the instance's URLs, seen from where the request came in; no rewind."""
        urls = self.binding.management_urls(instance_id, request.origin)
        shown = {name: url for name, url in urls.items() if name != "rewindPostUri"}
        return json_answer(202, shown, [("Location", urls["statusQueryGetUri"]), ("Retry-After", "10")])
