"""host.json as this host has understood it: what ``GET /admin/host/config`` shows, and the log at start.

Invariant: names and places are the real host's; settings that mean nothing here are left out.
"""

from __future__ import annotations

from typing import Any

from durable_host.config.host_json import HostJson

__all__ = ["durable_task_config", "effective_config"]


def effective_config(settings: HostJson) -> dict[str, Any]:
    """The whole of it."""
    queues = settings.queues
    return {
        "extensions": {
            "http": {"routePrefix": settings.route_prefix},
            "durableTask": durable_task_config(settings),
            "blobs": {
                "maxDegreeOfParallelism": queues.blob_parallelism,
                "poisonBlobThreshold": queues.poison_blob_threshold,
            },
            "queues": {
                "batchSize": queues.batch_size,
                "newBatchThreshold": queues.new_batch_threshold,
                "maxPollingInterval": _span(queues.max_polling_interval_seconds),
                "maxDequeueCount": queues.max_dequeue_count,
                "visibilityTimeout": _span(queues.visibility_timeout_seconds),
                "messageEncoding": "Base64" if queues.is_base64 else "None",
            },
        }
    }


def durable_task_config(settings: HostJson) -> dict[str, Any]:
    """The Durable extension's part."""
    versions = settings.versions
    return {
        "defaultVersion": versions.default_version,
        "versionMatchStrategy": versions.match,
        "versionFailureStrategy": "Fail" if versions.fails else "Reject",
        "hubName": settings.hub_name,
        "storageProvider": {
            "connectionName": settings.connection_name,
            "partitionCount": settings.partition_count,
            "controlQueueVisibilityTimeout": _span(settings.control_visibility_seconds),
            "workItemQueueVisibilityTimeout": _span(settings.work_item_visibility_seconds),
            "maxQueuePollingInterval": _span(settings.max_polling_interval_seconds),
        },
        "maxConcurrentActivityFunctions": settings.max_activities,
        "maxConcurrentOrchestratorFunctions": settings.max_orchestrators,
        "maxConcurrentEntityFunctions": settings.max_entities,
        "overridableExistingInstanceStates": "AnyState" if settings.replaces_running else "NonRunningStates",
    }


def _span(seconds: float) -> str:
    """A time as .NET writes a TimeSpan."""
    whole, rest = divmod(seconds, 1)
    days, of_day = divmod(int(whole), 86_400)
    text = f"{of_day // 3600:02d}:{of_day // 60 % 60:02d}:{of_day % 60:02d}"
    return f"{f'{days}.' if days else ''}{text}{f'.{round(rest * 10_000_000):07d}' if rest else ''}"
