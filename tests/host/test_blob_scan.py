"""Looking for blobs where one container cannot be looked into: the others are, and the log says so once."""

from __future__ import annotations

import asyncio
import base64
import json
from types import SimpleNamespace
from typing import cast

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue.aio import QueueServiceClient

from durable_host.clock import new_id
from durable_host.triggers.blob import BlobListener
from durable_host.triggers.blob_scan import BlobScan, scan_queue
from host_process import soon


def listener(service: BlobServiceClient, name: str, container: str) -> BlobListener:
    """As much of a listener as the scan asks for; its container's name is not checked."""
    pattern = SimpleNamespace(container=container, match=lambda blob: {})
    return cast(BlobListener, SimpleNamespace(function=SimpleNamespace(name=name), pattern=pattern, service=service))


async def test_a_container_that_storage_refuses_is_told_once_and_stops_no_other(
    connection_string: str, caplog: pytest.LogCaptureFixture
) -> None:
    host_id, container = new_id()[:20], f"c-{new_id()}"
    async with (
        BlobServiceClient.from_connection_string(connection_string) as blobs,
        QueueServiceClient.from_connection_string(connection_string) as queues,
    ):
        await blobs.create_container(container)
        await blobs.get_blob_client(container, "one.txt").upload_blob(b"")
        # Azurite refuses a name of two letters: OutOfRangeInput.
        listeners = [listener(blobs, "refused", "v1"), listener(blobs, "fine", container)]
        scan = BlobScan(listeners, blobs, queues, host_id)
        queue = queues.get_queue_client(scan_queue(host_id))
        found: list[str] = []

        async def has_found() -> bool:
            try:
                texts = [message.content async for message in queue.receive_messages()]
            except ResourceNotFoundError:
                return False
            found.extend(json.loads(base64.b64decode(text))["BlobName"] for text in texts)
            return bool(found)

        task = asyncio.create_task(scan.run_for_ever())
        await soon(has_found, "the blob is found")
        await asyncio.sleep(1.2)  # two more looks
        task.cancel()
        await asyncio.wait([task])

    assert found == ["one.txt"]
    told = [message for message in caplog.messages if "cannot be looked for" in message]
    assert [message.partition(", which")[0] for message in told] == [
        "Blobs of container 'v1' of function 'refused' cannot be looked for"
    ]
    assert "\n" not in told[0]
