"""Raw clients of the storage that a host of these tests serves: what is sent, and what comes out."""

from __future__ import annotations

import base64
import contextlib

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from durable_host.testing import wait_until

__all__ = ["received", "send", "upload"]


def send(queues: QueueServiceClient, name: str, text: str, *, is_base64: bool = True, later: int = 0) -> None:
    """Put a message; base64 is the default encoding. ``later`` is in seconds."""
    queue = queues.get_queue_client(name)
    with contextlib.suppress(ResourceExistsError):
        queue.create_queue()
    content = base64.b64encode(text.encode()).decode() if is_base64 else text
    queue.send_message(content, visibility_timeout=later)


def received(queues: QueueServiceClient, name: str, count: int = 1, *, is_base64: bool = True) -> list[str]:
    """Take the texts of a queue, once there are so many."""
    found: list[str] = []

    def are_there() -> bool:
        try:
            found.extend(message.content for message in queues.get_queue_client(name).receive_messages(max_messages=32))
        except ResourceNotFoundError:
            return False
        return len(found) >= count

    wait_until(are_there, f"{count} messages are in queue {name}")
    return [base64.b64decode(text).decode() for text in found] if is_base64 else found


def upload(blobs: BlobServiceClient, container: str, name: str, text: str) -> None:
    """Write a blob; its container is made."""
    with contextlib.suppress(ResourceExistsError):
        blobs.create_container(container)
    blobs.get_blob_client(container, name).upload_blob(text, overwrite=True)
