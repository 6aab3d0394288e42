"""The task hub on Azure Storage, in the layout of the Durable extension's own backend."""

from __future__ import annotations

from durable_host.task_hub.base.errors import (
    HubNameError,
    MessageFormatError,
    PayloadMissingError,
    SplitBrainError,
    StorageAccountError,
    TaskHubError,
)
from durable_host.task_hub.base.names import default_hub_name
from durable_host.task_hub.base.options import TaskHubOptions
from durable_host.task_hub.hub.client import TaskHubClient
from durable_host.task_hub.hub.hub import TaskHub
from durable_host.task_hub.leases.partitions import PartitionListener
from durable_host.task_hub.queues.control_queue import ControlQueue
from durable_host.task_hub.queues.messages import MessageData
from durable_host.task_hub.queues.poller import Poller
from durable_host.task_hub.queues.queue import HubQueue, ReceivedMessage
from durable_host.task_hub.queues.work_item_queue import WorkItemQueue
from durable_host.task_hub.tables.history_rows import event_to_row, sentinel_row
from durable_host.task_hub.tables.history_table import LoadedHistory, WrittenHistory
from durable_host.task_hub.tables.instance_rows import InstancePage, InstanceQuery, InstanceRow

__all__ = [
    "ControlQueue",
    "HubNameError",
    "HubQueue",
    "InstancePage",
    "InstanceQuery",
    "InstanceRow",
    "LoadedHistory",
    "MessageData",
    "MessageFormatError",
    "PartitionListener",
    "PayloadMissingError",
    "Poller",
    "ReceivedMessage",
    "SplitBrainError",
    "StorageAccountError",
    "TaskHub",
    "TaskHubClient",
    "TaskHubError",
    "TaskHubOptions",
    "WorkItemQueue",
    "WrittenHistory",
    "default_hub_name",
    "event_to_row",
    "sentinel_row",
]
