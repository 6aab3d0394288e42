"""The storage accounts that bindings name, each with one client for blobs, queues and tables.

Invariant: one client for each account and service as long as the host lives; all are closed with it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from azure.data.tables.aio import TableServiceClient
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue.aio import QueueServiceClient

from durable_host.config.settings import IdentityConnectionError, SettingsError, storage_connection
from durable_host.task_hub.account.refusals import first_line

__all__ = ["Accounts", "UnknownConnectionError"]

_DEFAULT = "AzureWebJobsStorage"


class UnknownConnectionError(Exception):
    """A binding names a connection that is no setting, or one that cannot be used."""


class Accounts:
    """The accounts of one host. ``development`` is what ``UseDevelopmentStorage=true`` stands for."""

    def __init__(self, development: str, environment: Mapping[str, str] = os.environ) -> None:
        self._development, self._environment = development, environment
        self._clients: dict[tuple[str, str], Any] = {}
        self._resources = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._resources.aclose()

    def connection_string(self, name: str | None) -> str:
        """The connection string of a binding's ``connection``; none is the host's own account.

        Raises:
            UnknownConnectionError: There is no such setting, or it is for an identity.
        """
        try:
            found = storage_connection(self._environment, name or _DEFAULT)
        except IdentityConnectionError as error:
            raise UnknownConnectionError(str(error)) from error
        except SettingsError as error:
            shown = name if (name or "").startswith("AzureWebJobs") else f"AzureWebJobs{name}"
            unknown = UnknownConnectionError(
                f"Storage account connection string '{shown}' does not exist. Make sure that it is a defined App "
                "Setting."
            )
            unknown.add_note(
                f"Set {name or _DEFAULT} under Values in local.settings.json, or in the environment, to a connection "
                "string or to UseDevelopmentStorage=true."
            )
            raise unknown from error
        return self._development if found.is_development_storage else found.connection_string

    async def blobs(self, name: str | None) -> BlobServiceClient:
        """The client for an account's blobs."""
        client: BlobServiceClient = await self._client("blob", name, BlobServiceClient.from_connection_string)
        return client

    async def queues(self, name: str | None) -> QueueServiceClient:
        """The client for an account's queues; bodies are texts as they are in storage."""
        client: QueueServiceClient = await self._client("queue", name, QueueServiceClient.from_connection_string)
        return client

    async def tables(self, name: str | None) -> TableServiceClient:
        """The client for an account's tables."""
        client: TableServiceClient = await self._client("table", name, TableServiceClient.from_connection_string)
        return client

    async def _client(self, service: str, name: str | None, make: Callable[[str], Any]) -> Any:
        text = self.connection_string(name)
        key = (service, text)
        if key not in self._clients:
            try:
                self._clients[key] = make(text)
            except ValueError as error:
                raise UnknownConnectionError(
                    f"The connection string of '{name or _DEFAULT}' cannot be used: {first_line(error)} Copy it from "
                    "the storage account's access keys, or set it to UseDevelopmentStorage=true."
                ) from error
            await self._resources.enter_async_context(self._clients[key])
        return self._clients[key]
