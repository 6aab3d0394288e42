"""The durable client binding, and the URLs of the management API.

The JSON string that a ``durableClient`` parameter receives, and the URLs in the API's own answers.
Invariant: the members stand in the real host's order; the SDK's check status response copies them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, quote_plus, urlencode

from durable_host.app.index import Binding
from durable_host.clock import new_id

__all__ = ["WEBHOOK_PATH", "ClientBinding"]

WEBHOOK_PATH: Final = "/runtime/webhooks/durabletask"
"""Where the management API is served; where no keys are asked for, also where the SDK's own calls go."""

_PLACEHOLDER: Final = "INSTANCEID"
_DEFAULT_CONNECTION: Final = "Storage"


@dataclass(slots=True, kw_only=True)
class ClientBinding:
    """What URLs are made of. ``listening_on`` completes it once the port is known."""

    hub_name: str
    connection_name: str = _DEFAULT_CONNECTION
    system_key: str = field(default_factory=new_id)
    rpc_path: str = WEBHOOK_PATH
    """Where the SDK's own calls go, which carry no key."""
    host_name: str = "localhost"
    _origin: str = ""
    _rpc_origin: str = ""
    _texts: dict[tuple[str, str | None], str] = field(default_factory=dict)

    def listening_on(self, port: int) -> None:
        """The server is there: from now on there are texts."""
        self._origin = f"http://{self.host_name}:{port}"
        self._rpc_origin = f"http://127.0.0.1:{port}"
        self._texts.clear()

    @property
    def origin(self) -> str:
        """Scheme, host and port that people are told."""
        return self._origin

    def text_for(self, binding: Binding) -> str:
        """The text that a durableClient binding receives."""
        hub = str(binding.raw.get("taskHub") or self.hub_name)
        connection = binding.raw.get("connectionName")
        key = (hub, connection)
        if key not in self._texts:
            if not self._origin:
                raise RuntimeError("A durable client was asked for before the server listens: start the server first.")
            self._texts[key] = self._text(hub, connection)
        return self._texts[key]

    def management_urls(self, instance_id: str, origin: str) -> dict[str, str]:
        """The URLs of one instance, rewind included, seen from where a request came in."""
        query = self._query(self.hub_name, self.connection_name)
        return _instance_urls(f"{origin}{WEBHOOK_PATH}", instance_id, _url_encoded(instance_id), query)

    def url_of(self, path: str, pairs: Iterable[tuple[str, str]], origin: str) -> str:
        """The URL of any request to the management API; ``path`` is below the API's own."""
        own = urlencode(list(pairs), quote_via=quote)
        query = self._query(self.hub_name, self.connection_name)
        return f"{origin}{WEBHOOK_PATH}{path}?{f'{own}&' if own else ''}{query}"

    def is_connection(self, name: str) -> bool:
        """Whether a request that names a connection means this host's."""
        return _shown(name).lower() == _shown(self.connection_name).lower()

    def _query(self, hub: str, connection: str) -> str:
        return f"taskHub={_url_encoded(hub)}&connection={_url_encoded(_shown(connection))}&code={self.system_key}"

    def _text(self, hub: str, connection: str | None) -> str:
        base = f"{self._origin}{WEBHOOK_PATH}"
        key = f"code={self.system_key}"
        create = f"{base}/orchestrators/{{functionName}}[/{{instanceId}}]"
        return json.dumps(
            {
                "taskHubName": hub,
                "connectionName": connection,
                "creationUrls": {
                    "createNewInstancePostUri": f"{create}?{key}",
                    "createAndWaitOnNewInstancePostUri": (
                        f"{create}?timeout={{timeoutInSeconds}}&pollingInterval={{intervalInSeconds}}&{key}"
                    ),
                },
                "managementUrls": _instance_urls(
                    base, _PLACEHOLDER, _PLACEHOLDER, self._query(hub, connection or self.connection_name)
                ),
                "baseUrl": base,
                "requiredQueryStringParameters": key,
                "rpcBaseUrl": f"{self._rpc_origin}{self.rpc_path}/",
                "httpBaseUrl": None,
            },
            separators=(",", ":"),
        )


def _instance_urls(base: str, instance_id: str, in_url: str, query: str) -> dict[str, str]:
    one = f"{base}/instances/{in_url}"
    return {
        "id": instance_id,
        "statusQueryGetUri": f"{one}?{query}",
        "sendEventPostUri": f"{one}/raiseEvent/{{eventName}}?{query}",
        "terminatePostUri": f"{one}/terminate?reason={{text}}&{query}",
        "rewindPostUri": f"{one}/rewind?reason={{text}}&{query}",
        "purgeHistoryDeleteUri": f"{one}?{query}",
        "restartPostUri": f"{one}/restart?{query}",
        "suspendPostUri": f"{one}/suspend?reason={{text}}&{query}",
        "resumePostUri": f"{one}/resume?reason={{text}}&{query}",
    }


def _shown(connection: str) -> str:
    """A connection's name as URLs show it: the default setting loses its prefix."""
    return _DEFAULT_CONNECTION if connection.lower() == f"azurewebjobs{_DEFAULT_CONNECTION}".lower() else connection


def _url_encoded(text: str) -> str:
    """As .NET's WebUtility.UrlEncode: a space is a plus, and of the marks only these stay."""
    return quote_plus(text, safe="-_.!*()").replace("~", "%7E")
