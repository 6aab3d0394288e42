"""A hub that others run: looked at, and sent messages to, without creating, leasing or owning anything of it.

Opens it by a connection string, or by the account's name as whoever is signed in.
Invariant: opening sends no request but a list of its control queues, and that only where messages are to be sent.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, Self

from azure.data.tables.aio import TableClient
from azure.storage.blob.aio import ContainerClient
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from durable_host.task_hub.account.large_payloads import LargePayloads
from durable_host.task_hub.account.storage import StorageAccount, full_connection_string
from durable_host.task_hub.base.names import HubNames, check_hub_name
from durable_host.task_hub.base.options import TaskHubOptions
from durable_host.task_hub.hub.creation import HubClients
from durable_host.task_hub.hub.hub import TaskHub
from durable_host.task_hub.hub.recorded_instances import HubUnreachableError, explained

__all__ = ["AttachedHub", "attach_by_account_name", "attach_by_connection_string"]

_SERVICES: Final = ("table", "queue", "blob")


class AttachedHub(TaskHub):
    """A hub of somebody else. ``where`` names its account for people."""

    def __init__(self, hub_name: str, where: str, payloads: LargePayloads, clients: HubClients) -> None:
        super().__init__("UseDevelopmentStorage=true", TaskHubOptions(hub_name=hub_name))
        self.where = where
        self._adopt(payloads, clients)

    async def __aenter__(self) -> Self:
        return self

    async def open(self) -> None:
        """There is nothing to open: the account's clients came with the hub, and go with who made them."""

    async def check(self) -> None:
        """Read a little of it; raises HubUnreachableError where that fails."""
        with explained(self.names.hub, self.where):
            async for _ in self.instances.summaries():
                return


@contextlib.asynccontextmanager
async def attach_by_connection_string(
    hub_name: str, connection_string: str, *, sends: bool
) -> AsyncIterator[AttachedHub]:
    """The hub in the account of a connection string; ``sends`` is whether messages are to be sent."""
    check_hub_name(hub_name)
    text = full_connection_string(connection_string)
    async with StorageAccount(text) as account, QueueServiceClient.from_connection_string(text) as queues:
        yield await _attached(hub_name, account.table, account.queue, account.container, queues if sends else None)


@contextlib.asynccontextmanager
async def attach_by_account_name(
    hub_name: str, account_name: str, *, sends: bool, suffix: str = "core.windows.net"
) -> AsyncIterator[AttachedHub]:
    """The hub in an account in Azure, as whoever is signed in on this machine."""
    check_hub_name(hub_name)
    try:
        identity = importlib.import_module("azure.identity.aio")
    except ImportError as error:
        raise HubUnreachableError(
            "--account signs in with azure-identity, which is not installed. Run 'pip install azure-identity', or give "
            "--connection-string instead."
        ) from error
    tables, queues, blobs = (f"https://{account_name}.{service}.{suffix}" for service in _SERVICES)
    async with contextlib.AsyncExitStack() as opened:
        credential: Any = await opened.enter_async_context(identity.DefaultAzureCredential())
        service = await opened.enter_async_context(QueueServiceClient(queues, credential=credential))
        made: list[Any] = []

        def kept(client: Any) -> Any:
            made.append(client)
            return client

        try:
            yield await _attached(
                hub_name,
                lambda name: kept(TableClient(tables, name, credential=credential)),
                lambda name: kept(QueueClient(queues, name, credential=credential)),
                lambda name: kept(ContainerClient(blobs, name, credential=credential)),
                service if sends else None,
            )
        finally:
            for client in made:
                await client.close()


async def _attached(
    hub_name: str,
    table: Callable[[str], TableClient],
    queue: Callable[[str], QueueClient],
    container: Callable[[str], ContainerClient],
    service: QueueServiceClient | None,
) -> AttachedHub:
    names = HubNames(hub=hub_name)
    instances = table(names.instances_table)
    where = f"the storage account at {instances.url.partition('/' + names.instances_table)[0]}"
    control_queues: list[str] = []
    if service is not None:
        prefix = names.control_queue(0).removesuffix("00")
        with explained(hub_name, where):
            # Their number is the number of partitions, whichever version of the extension keeps the leases.
            control_queues = sorted([one.name async for one in service.list_queues(name_starts_with=prefix)])
        if not control_queues:
            raise HubUnreachableError(
                f"There is no task hub {hub_name!r} in {where}: it has no control queue. Give its name with --task-hub."
            )
    clients = HubClients(
        history=table(names.history_table),
        instances=instances,
        partitions=table(names.partitions_table),
        work_items=queue(names.work_item_queue),
        control_queues=tuple(map(queue, control_queues)),
    )
    return AttachedHub(hub_name, where, LargePayloads(container(names.large_messages_container)), clients)
