"""Creating a hub: its tables, its queues, and the rows of its partitions.

Makes what there is not of a hub, and gives out the clients of it.
Invariant: what exists stays as it is, as at every start of the real host, and the order is the recorded one: tables,
then the work-item queue, then control queues and partitions. The app lease's container was created before them all.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass

from azure.core.exceptions import ResourceExistsError
from azure.data.tables.aio import TableClient
from azure.storage.queue.aio import QueueClient

from durable_host.task_hub.account.storage import StorageAccount
from durable_host.task_hub.base.names import HubNames
from durable_host.task_hub.base.options import MAX_PARTITIONS, TaskHubOptions
from durable_host.task_hub.leases.partition_leases import fresh_row

__all__ = ["HubClients", "create_hub"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class HubClients:
    """The storage clients of one hub whose partition count is known."""

    history: TableClient
    instances: TableClient
    partitions: TableClient
    work_items: QueueClient
    control_queues: tuple[QueueClient, ...]


async def create_hub(account: StorageAccount, names: HubNames, options: TaskHubOptions) -> HubClients:
    """Create tables and queues, as the real host does at every start: what exists already stays."""
    partitions = account.table(names.partitions_table, is_for_leases=True)
    history, instances = account.table(names.history_table), account.table(names.instances_table)
    is_new, _, _ = await asyncio.gather(*(_create_table(table) for table in (partitions, history, instances)))
    count = options.partition_count if is_new else await _partition_count(partitions, names, options)
    work_items = account.queue(names.work_item_queue)
    control_queues = tuple(account.queue(names.control_queue(index)) for index in range(count))
    await _create_queue(work_items)
    await asyncio.gather(
        *(_create_queue(queue) for queue in control_queues),
        *(_create_lease(partitions, queue.queue_name) for queue in control_queues),
    )
    return HubClients(
        history=history,
        instances=instances,
        partitions=partitions,
        work_items=work_items,
        control_queues=control_queues,
    )


async def _partition_count(partitions: TableClient, names: HubNames, options: TaskHubOptions) -> int:
    """An existing hub's number of partitions: another number would send messages to other queues than before."""
    known = {names.control_queue(index) for index in range(MAX_PARTITIONS)}
    rows = partitions.list_entities(select=["PartitionKey", "RowKey"])
    count = len([row async for row in rows if row["PartitionKey"] == "" and row["RowKey"] in known])
    if count and count != options.partition_count:
        _log.warning(
            "Task hub %r has %d partitions and keeps them; partitionCount %d in host.json is only for a new hub.",
            names.hub,
            count,
            options.partition_count,
        )
    return count or options.partition_count


async def _create_table(table: TableClient) -> bool:
    try:
        await table.create_table()
    except ResourceExistsError:
        return False
    return True


async def _create_queue(queue: QueueClient) -> None:
    with contextlib.suppress(ResourceExistsError):
        await queue.create_queue()


async def _create_lease(partitions: TableClient, queue_name: str) -> None:
    with contextlib.suppress(ResourceExistsError):
        await partitions.create_entity(fresh_row(queue_name))
