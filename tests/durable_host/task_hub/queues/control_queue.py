"""A control queue: the messages to the instances of one partition.

A hub queue that gives unreadable messages back, with growing pauses.
Invariant: no message is ever dropped because it cannot be read: a newer host may be able to.
"""

from __future__ import annotations

import contextlib

from azure.core.exceptions import AzureError
from azure.storage.queue import QueueMessage

from durable_host.task_hub.queues.queue import MAX_ABANDON_SECONDS, HubQueue

__all__ = ["ControlQueue"]


class ControlQueue(HubQueue):
    """The queue of one partition; ``index`` says which."""

    index: int = 0

    async def on_unreadable(self, raw: QueueMessage) -> None:
        """Give it back for longer each time."""
        seconds = min(2 ** min(raw.dequeue_count or 1, 10), MAX_ABANDON_SECONDS)
        with contextlib.suppress(AzureError):  # somebody else may have it by now
            await self._client.update_message(raw.id, raw.pop_receipt, visibility_timeout=seconds)
