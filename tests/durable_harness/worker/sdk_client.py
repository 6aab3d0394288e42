"""The SDK's client, whose requests go to a function in place of a host.

Invariant: URLs, bodies and errors are the SDK's own; only the sending is replaced.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from azure.durable_functions import DurableOrchestrationClient

from durable_engine import compact_json
from durable_harness.core import arguments
from durable_harness.worker.sdk_types import df_dumps

__all__ = ["InMemoryClient", "Respond", "client_input"]

Respond = Callable[[str, str, Any], tuple[int, Any]]
"""Answers a request: method, URL and body in, status and JSON value out."""

_BASE: Final = "http://localhost/runtime/webhooks/durabletask"
_KEY: Final = "code=in-memory"


def client_input(value: object) -> str | None:
    """The stored input of an orchestration that a Python client starts: JSON within a JSON string."""
    return None if value is None else compact_json(arguments.json_text(value, "input", df_dumps))


def _binding() -> str:
    one = f"{_BASE}/instances/INSTANCEID"
    urls = {
        "id": "INSTANCEID",
        "statusQueryGetUri": f"{one}?{_KEY}",
        "sendEventPostUri": f"{one}/raiseEvent/{{eventName}}?{_KEY}",
        "terminatePostUri": f"{one}/terminate?reason={{text}}&{_KEY}",
        "rewindPostUri": f"{one}/rewind?reason={{text}}&{_KEY}",
        "purgeHistoryDeleteUri": f"{one}?{_KEY}",
        "restartPostUri": f"{one}/restart?{_KEY}",
        "suspendPostUri": f"{one}/suspend?reason={{text}}&{_KEY}",
        "resumePostUri": f"{one}/resume?reason={{text}}&{_KEY}",
    }
    create = f"{_BASE}/orchestrators/{{functionName}}[/{{instanceId}}]?{_KEY}"
    return json.dumps(
        {
            "taskHubName": "InMemory",
            "creationUrls": {"createNewInstancePostUri": create, "createAndWaitOnNewInstancePostUri": create},
            "managementUrls": urls,
            "baseUrl": _BASE,
            "requiredQueryStringParameters": _KEY,
            "rpcBaseUrl": f"{_BASE}/",
        }
    )


class InMemoryClient(DurableOrchestrationClient):  # type: ignore[misc]  # the SDK has no type marker
    """What a starter gets as its durable client."""

    def __init__(self, respond: Respond) -> None:
        super().__init__(_binding())

        async def post(url: str, data: Any = None, *_: object, **__: object) -> list[Any]:
            return list(respond("POST", url, data))

        async def get(url: str) -> list[Any]:
            return list(respond("GET", url, None))

        async def delete(url: str) -> list[Any]:
            return list(respond("DELETE", url, None))

        self._post_async_request = post
        self._get_async_request = get
        self._delete_async_request = delete
