"""The task hub on Azure Storage, in the layout of the Durable extension's own backend."""

from __future__ import annotations

from local_host.task_hub.client import TaskHubClient
from local_host.task_hub.control_queues import ControlQueue
from local_host.task_hub.errors import (
    HubNameError,
    MessageFormatError,
    PayloadMissingError,
    SplitBrainError,
    StorageAccountError,
    TaskHubError,
)
from local_host.task_hub.history_table import LoadedHistory, WrittenHistory
from local_host.task_hub.hub import TaskHub
from local_host.task_hub.instance_rows import InstancePage, InstanceQuery, InstanceRow
from local_host.task_hub.messages import MessageData
from local_host.task_hub.names import default_hub_name
from local_host.task_hub.options import TaskHubOptions
from local_host.task_hub.partitions import PartitionListener
from local_host.task_hub.poller import Poller
from local_host.task_hub.queues import HubQueue, ReceivedMessage
from local_host.task_hub.work_items import WorkItemQueue

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
]
