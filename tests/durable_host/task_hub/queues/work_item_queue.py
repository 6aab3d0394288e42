"""The work-item queue: activities that wait to be run, by any host of the app.

A hub queue that leaves unreadable messages until their time runs out.
Invariant: as for control queues, no message is dropped because it cannot be read.
"""

from __future__ import annotations

from durable_engine import TaskScheduled
from durable_host.task_hub.base.errors import MessageFormatError
from durable_host.task_hub.queues.messages import MessageData
from durable_host.task_hub.queues.queue import HubQueue

__all__ = ["WorkItemQueue"]


class WorkItemQueue(HubQueue):
    """The queue of activities, shared by all partitions."""

    def check(self, data: MessageData) -> None:
        """Only activities are work items."""
        event = data.message.event
        if not isinstance(event, TaskScheduled):
            raise MessageFormatError(f"A work item holds a {event.kind} where a TaskScheduled belongs.")
