"""When all is over that a host does of itself when it starts, so that no scenario takes it for its own.

The kit leaves a message and a blob for the start to find, and its app has timers that run on startup.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient

from durable_host.testing import HostClient, HostProcess, wait_until

__all__ = ["wait_until_the_start_is_over"]

_SECONDS: Final = 120.0
_QUEUE: Final = "kit-text"
_CONTAINER, _BLOB = "samples", "before-start.txt"


def wait_until_the_start_is_over(host: HostProcess, client: HostClient, connection_string: str) -> None:
    """Wait for the functions that a start runs, for the orchestrations of these, and for the receipt of the blob."""
    functions = client.call("GET", "/admin/functions").json()
    expected = {name for name, trigger in _triggers(functions) if _runs_at_start(trigger)}
    has_blob = any(name in expected and trigger["type"] == "blobTrigger" for name, trigger in _triggers(functions))
    with BlobServiceClient.from_connection_string(connection_string) as blobs:

        def left() -> set[str]:
            text = host.log_text
            running = {name for name in expected if f"Executed 'Functions.{name}' (" not in text}
            instances = client.call("GET", "/runtime/webhooks/durabletask/instances").json()
            running |= {one["instanceId"] for one in instances if one["runtimeStatus"] in ("Pending", "Running")}
            if has_blob and not _has_receipt(blobs):
                running.add(f"the receipt of {_BLOB}")
            return running

        wait_until(lambda: not left(), lambda: f"the start is over; left is {left()}", seconds=_SECONDS)


def _triggers(functions: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for function in functions:
        for binding in function["config"]["bindings"]:
            if str(binding["type"]).endswith("Trigger"):
                yield function["name"], binding


def _runs_at_start(trigger: dict[str, Any]) -> bool:
    return bool(
        trigger.get("runOnStartup")
        or trigger.get("queueName") == _QUEUE
        or (trigger["type"] == "blobTrigger" and str(trigger["path"]).startswith(f"{_CONTAINER}/"))
    )


def _has_receipt(blobs: BlobServiceClient) -> bool:
    receipts = blobs.get_container_client("azure-webjobs-hosts").list_blob_names(name_starts_with="blobreceipts/")
    try:
        return any(name.endswith(f"/{_CONTAINER}/{_BLOB}") for name in receipts)
    except ResourceNotFoundError:
        return False
