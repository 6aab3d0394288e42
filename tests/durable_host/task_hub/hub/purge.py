"""Purge: everything that is known of an instance is removed.

Deletes an instance's history, row and blobs; nothing is checked, and messages that are under way stay, to be dropped
when their receiver is not found.
Invariant: only blobs of the instance itself are removed. The real host removes those of every instance whose id begins
with the purged one's; that is not repeated here.
"""

from __future__ import annotations

import asyncio

from durable_host.task_hub.account.large_payloads import LargePayloads
from durable_host.task_hub.base.names import escape_key
from durable_host.task_hub.tables.history_table import HistoryTable
from durable_host.task_hub.tables.instance_rows import InstanceQuery
from durable_host.task_hub.tables.instances_table import InstancesTable

__all__ = ["purge_instance", "purge_matching"]

PAGE = 100


async def purge_instance(
    instance_id: str, *, history: HistoryTable, instances: InstancesTable, payloads: LargePayloads
) -> None:
    """Remove one instance. Messages' blobs are named after the id, properties' blobs after the escaped one."""
    await asyncio.gather(
        history.delete_all(instance_id),
        instances.delete(instance_id),
        payloads.delete_all_of({f"{instance_id}/", f"{escape_key(instance_id)}/"}),
    )


async def purge_matching(
    query: InstanceQuery, *, history: HistoryTable, instances: InstancesTable, payloads: LargePayloads
) -> int:
    """Remove all instances that the query finds, whatever their status unless it says; returns how many."""
    count, continuation = 0, None
    while True:
        page = await instances.query(query, top=PAGE, continuation=continuation)
        for row in page.rows:
            await purge_instance(row.instance_id, history=history, instances=instances, payloads=payloads)
        count += len(page.rows)
        continuation = page.continuation
        if continuation is None:
            return count
