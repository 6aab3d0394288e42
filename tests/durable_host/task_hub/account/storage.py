"""The storage account of a hub: one aiohttp session, and clients of the three services that share it.

Turns a connection string into the official asyncio clients, all set up alike; leases have a session of their own.
Invariant: closing the account closes every connection, and clients never close one that others use.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import aiohttp
from azure.core.pipeline.transport import AioHttpTransport
from azure.data.tables.aio import TableClient
from azure.storage.blob.aio import ContainerClient
from azure.storage.queue.aio import QueueClient

from durable_host.task_hub.account.batch_client import QuickBatchTableClient
from durable_host.task_hub.base.errors import StorageAccountError

__all__ = ["StorageAccount", "full_connection_string"]

# The newest that Azurite 3.35 knows; newer ones it refuses unless told not to check.
API_VERSION: Final = "2025-11-05"
MISSING: Final = frozenset({"QueueNotFound", "TableNotFound", "ContainerNotFound"})
# As many as keep Azurite busy, which does one thing at a time. More would only be a longer line before it, in which
# what cannot wait, such as the renewal of a lease, stands as well.
CONNECTIONS: Final = 24
LEASE_CONNECTIONS: Final = 4
# Azurite, being a Node.js server, closes a connection after 5 idle seconds. A batch sent on one that is just being
# closed is not repeated, because it may have been carried out; so we let go of idle connections first.
IDLE_SECONDS: Final = 4.0
# The clients' own pauses begin with 15 s; ours are about one. Connection errors and answers from 500 up are repeated.
RETRIES: Final[dict[str, Any]] = {
    "initial_backoff": 0.25,
    "increment_base": 1,
    "random_jitter_range": 0.25,
    "retry_total": 3,
}

_DEVELOPMENT_ACCOUNT: Final = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
    # Azurite's well-known key, the same on every machine.
    "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
    "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;"
    "TableEndpoint=http://127.0.0.1:10002/devstoreaccount1;"
)


def full_connection_string(text: str) -> str:
    """The connection string with ``UseDevelopmentStorage=true`` spelled out, which not every client understands."""
    settings = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
    if settings.get("UseDevelopmentStorage", "").lower() == "true":
        return _DEVELOPMENT_ACCOUNT
    if "AccountName" not in settings and "SharedAccessSignature" not in settings:
        raise StorageAccountError(
            "The storage connection string names no account. It must be UseDevelopmentStorage=true, or hold "
            "AccountName and AccountKey (or a SharedAccessSignature and the endpoints), separated by semicolons."
        )
    return text


class StorageAccount:
    """The clients of one storage account. It must be made while an event loop runs, and closed.

    ``on_missing`` is called with the code of each answer that says that a queue, table or container is not there.
    """

    def __init__(self, connection_string: str, on_missing: Callable[[str], None] = lambda code: None) -> None:
        self._connection_string = full_connection_string(connection_string)
        self._session = self._open(CONNECTIONS)
        self._lease_session = self._open(LEASE_CONNECTIONS)
        self._transport = _Transport(self._session, on_missing)
        self._lease_transport = _Transport(self._lease_session, on_missing)

    def queue(self, name: str) -> QueueClient:
        """The client of one queue; messages are plain text."""
        return QueueClient.from_connection_string(
            self._connection_string, name, api_version=API_VERSION, transport=self._transport, **RETRIES
        )

    def table(self, name: str, *, is_for_leases: bool = False) -> TableClient:
        """The client of one table; one with leases has connections of its own."""
        transport = self._lease_transport if is_for_leases else self._transport
        return QuickBatchTableClient.from_connection_string(
            self._connection_string, name, transport=transport, retry_total=3, retry_backoff_factor=0.4
        )

    def container(self, name: str, *, is_for_leases: bool = False) -> ContainerClient:
        """The client of one container; one with a lease has connections of its own."""
        # Only the lease's container is always there: the other one is made when something large is to be written.
        transport = self._lease_transport if is_for_leases else _Transport(self._session)
        return ContainerClient.from_connection_string(
            self._connection_string, name, api_version=API_VERSION, transport=transport, **RETRIES
        )

    def _open(self, connections: int) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=IDLE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            # Asking the environment for a proxy takes a thread for each request; on this machine there is none.
            trust_env=not _is_on_this_machine(self._connection_string),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()
        await self._lease_session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class _Transport(AioHttpTransport):  # type: ignore[misc]  # azure-core loads the class when it is asked for
    """azure-core's transport, which also says when a queue, table or container is not there."""

    def __init__(self, session: aiohttp.ClientSession, on_missing: Callable[[str], None] = lambda code: None) -> None:
        super().__init__(session=session, session_owner=False, use_env_settings=False)
        self._on_missing = on_missing

    async def send(self, request: Any, **config: Any) -> Any:
        """Send one request."""
        response = await super().send(request, **config)
        if response.status_code == 404:
            code = response.headers.get("x-ms-error-code", "")
            if code in MISSING:
                self._on_missing(code)
        return response


def _is_on_this_machine(connection_string: str) -> bool:
    settings = dict(part.split("=", 1) for part in connection_string.split(";") if "=" in part)
    host = urlsplit(settings.get("QueueEndpoint", "")).hostname
    return host in ("127.0.0.1", "localhost", "::1")
