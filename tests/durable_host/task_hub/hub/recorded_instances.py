"""A task hub, only to be read: its live instances and their histories, from Azurite or from Azure.

Opens a hub that some host uses, without creating, leasing or changing anything of it.
Invariant: no request but reading ones is sent, so that a hub in production can be checked.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.data.tables.aio import TableClient
from azure.storage.blob.aio import ContainerClient

from durable_engine import HistoryEvent
from durable_host.clock import new_guid, now
from durable_host.task_hub.account.large_payloads import LargePayloads
from durable_host.task_hub.account.refusals import first_line
from durable_host.task_hub.account.storage import StorageAccount
from durable_host.task_hub.base.names import HubNames, check_hub_name
from durable_host.task_hub.tables.history_table import HistoryTable
from durable_host.task_hub.tables.instance_rows import InstanceQuery, InstanceRow
from durable_host.task_hub.tables.instances_table import InstancesTable

__all__ = ["HubUnreachableError", "RecordedInstances", "explained", "open_by_account_name", "open_by_connection_string"]

_PAGE: Final = 100
_READER_ROLES: Final = "Storage Table Data Reader and Storage Blob Data Reader"


class HubUnreachableError(Exception):
    """The hub cannot be read: the message says why, and what to do."""


class RecordedInstances:
    """The instances of one hub, and their histories."""

    def __init__(
        self, hub_name: str, where: str, *, instances: TableClient, history: TableClient, blobs: ContainerClient
    ) -> None:
        payloads = LargePayloads(blobs)
        self.hub_name, self.where = hub_name, where
        self._instances = InstancesTable(instances, payloads, hub=hub_name, new_guid=new_guid)
        self._history = HistoryTable(history, payloads, now=now, new_guid=new_guid)

    async def with_status(self, *statuses: str) -> AsyncIterator[InstanceRow]:
        """The orchestrations that have one of these statuses, by ascending id; entities are none."""
        query = InstanceQuery(statuses=statuses, with_input=False)
        continuation: str | None = None
        while True:
            with explained(self.hub_name, self.where):
                page = await self._instances.query(query, top=_PAGE, continuation=continuation)
            for row in page.rows:
                if not row.name.startswith("@"):
                    yield row
            continuation = page.continuation
            if continuation is None:
                return

    async def history(self, instance_id: str) -> tuple[HistoryEvent, ...]:
        """The events of an instance's current execution; none if it has not run yet."""
        with explained(self.hub_name, self.where):
            return (await self._history.load(instance_id, None)).events


@contextlib.contextmanager
def explained(hub_name: str, where: str) -> Iterator[None]:
    """Within the block, what storage refuses or does not have becomes a HubUnreachableError that says what to do."""
    try:
        yield
    except ResourceNotFoundError as error:
        raise HubUnreachableError(
            f"There is no task hub {hub_name!r} in {where}. The name is extensions.durableTask.hubName "
            "in host.json, or, without one, made from the name of the function app: give it with --task-hub."
        ) from error
    except ClientAuthenticationError as error:
        raise HubUnreachableError(
            f"{where} refuses to show task hub {hub_name!r}: {first_line(error).rstrip('.')}. Sign in ('az login') "
            f"as somebody with the roles {_READER_ROLES}, or give a connection string with a valid key."
        ) from error
    except HttpResponseError as error:
        if error.status_code == 403:
            raise HubUnreachableError(
                f"{where} refuses to show task hub {hub_name!r} (403). Give the identity the roles "
                f"{_READER_ROLES}, and let the account's network rules admit this machine."
            ) from error
        raise HubUnreachableError(f"{where} answers {error.status_code}: {first_line(error).rstrip('.')}.") from error
    except (ServiceRequestError, ServiceResponseError) as error:
        raise HubUnreachableError(
            f"{where} cannot be reached: {first_line(error).rstrip('.')}. Check the account's name or the connection "
            "string, and that the network lets you through. For Azurite, start it, or a host that does: "
            "'python -m durable_host start'."
        ) from error


@contextlib.asynccontextmanager
async def open_by_connection_string(hub_name: str, connection_string: str) -> AsyncIterator[RecordedInstances]:
    """The hub in the account of a connection string, ``UseDevelopmentStorage=true`` among them."""
    names = HubNames(hub=check_hub_name(hub_name))
    async with StorageAccount(connection_string) as account:
        yield RecordedInstances(
            hub_name,
            f"the storage account at {account.table(names.instances_table).url}",
            instances=account.table(names.instances_table),
            history=account.table(names.history_table),
            blobs=account.container(names.large_messages_container),
        )


@contextlib.asynccontextmanager
async def open_by_account_name(
    hub_name: str, account_name: str, *, suffix: str = "core.windows.net"
) -> AsyncIterator[RecordedInstances]:
    """The hub in an account in Azure, read as whoever is signed in on this machine."""
    try:
        identity = importlib.import_module("azure.identity.aio")
    except ImportError as error:
        raise HubUnreachableError(
            "--account signs in with azure-identity, which is not installed. Run 'pip install azure-identity', or give "
            "--connection-string instead."
        ) from error
    names = HubNames(hub=check_hub_name(hub_name))
    tables, blobs = (f"https://{account_name}.{service}.{suffix}" for service in ("table", "blob"))
    async with contextlib.AsyncExitStack() as opened:
        credential: Any = await opened.enter_async_context(identity.DefaultAzureCredential())
        instances = TableClient(tables, names.instances_table, credential=credential)
        history = TableClient(tables, names.history_table, credential=credential)
        container = ContainerClient(blobs, names.large_messages_container, credential=credential)
        yield RecordedInstances(
            hub_name,
            f"storage account {account_name!r}",
            instances=await opened.enter_async_context(instances),
            history=await opened.enter_async_context(history),
            blobs=await opened.enter_async_context(container),
        )
