"""The work-item queue: activities that wait to be run, by any host of the app.

Role: a hub queue that leaves unreadable messages until their time runs out.
Called by: ``hub`` and the dispatcher. Calls: ``queues``.
Invariant: as for control queues, no message is dropped because it cannot be read.
"""

from __future__ import annotations

from local_host.task_hub.queues import HubQueue

__all__ = ["WorkItemQueue"]


class WorkItemQueue(HubQueue):
    """The queue of activities, shared by all partitions."""
