"""Finds new and changed blobs: lists the containers again and again, and puts what is new into a queue of the host.

Invariant: a version of a blob gets one message, after which a receipt says that it had one; of several hosts one looks.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob import BlobProperties
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from durable_host.bindings.making import made_when_missing
from durable_host.task_hub.account.refusals import first_line
from durable_host.triggers.blob import BlobListener
from durable_host.triggers.queue_reader import Handled
from durable_host.triggers.singleton import Singleton, host_blob

__all__ = ["POISON_QUEUE", "BlobScan", "scan_queue"]

POISON_QUEUE: Final = "webjobs-blobtrigger-poison"
_PAUSE_SECONDS: Final = 0.5
_log = logging.getLogger("Host.Startup")


def scan_queue(host_id: str) -> str:
    """The queue in which the host keeps what it has found."""
    return f"azure-webjobs-blobtrigger-{host_id}"


class BlobScan:
    """The blob functions of one app."""

    def __init__(
        self,
        listeners: Sequence[BlobListener],
        service: BlobServiceClient,
        queues: QueueServiceClient,
        host_id: str,
    ) -> None:
        self._listeners = {f"Host.Functions.{one.function.name}": one for one in listeners}
        self._service, self._host_id = service, host_id
        self._queue: QueueClient = queues.get_queue_client(scan_queue(host_id))
        self._lock = Singleton(service, host_id, "WebJobs.Internal.Blobs")
        self._away: set[str] = set()
        self._seen: set[tuple[str, str, str]] = set()
        self.on_found: Callable[[], None] = lambda: None
        """Called when a message for ``handle`` has been sent."""

    async def run_for_ever(self) -> None:
        """Look again and again."""
        await self._lock.run(self._look_again_and_again)

    async def _look_again_and_again(self) -> None:
        while True:
            for function_id, listener in self._listeners.items():
                await self._look_or_tell(function_id, listener)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def handle(self, message: QueueMessage) -> Handled:
        """Run the function that a message of the scan is for."""
        found = json.loads(base64.b64decode(message.content))
        listener = self._listeners.get(found["FunctionId"])
        if listener is None:
            return Handled(is_done=True)  # Of a function that the app has no more.
        return await listener.handle(message, found)

    async def _look_or_tell(self, function_id: str, listener: BlobListener) -> None:
        """Look into one container; one whose storage is away is told of once, and keeps no other from its blobs."""
        try:
            # A container that is not there yet may be made at any time.
            with contextlib.suppress(ResourceNotFoundError):
                await self._look(function_id, listener)
        except AzureError as error:
            if function_id not in self._away:
                self._away.add(function_id)
                where = f"container '{listener.pattern.container}' of function '{listener.function.name}'"
                _log.warning("Blobs of %s cannot be looked for, which is tried again: %s", where, first_line(error))
        else:
            self._away.discard(function_id)

    async def _look(self, function_id: str, listener: BlobListener) -> None:
        container = listener.service.get_container_client(listener.pattern.container)
        async for blob in container.list_blobs():
            key = (function_id, blob.name, str(blob.etag))
            if key in self._seen or listener.pattern.match(blob.name) is None:
                continue
            await self._tell(function_id, listener.pattern.container, blob)
            self._seen.add(key)

    async def _tell(self, function_id: str, container: str, blob: BlobProperties) -> None:
        # A listing has the ETag without the quotes that a blob's own answer has.
        etag = f'"{str(blob.etag).strip(chr(34))}"'
        receipt = await host_blob(
            self._service, f"blobreceipts/{self._host_id}/{function_id}/{etag}/{container}/{blob.name}"
        )
        if await receipt.exists():
            return
        text = json.dumps(
            {
                "Type": "BlobTrigger",
                "FunctionId": function_id,
                "BlobType": "BlockBlob",
                "ContainerName": container,
                "BlobName": blob.name,
                "ETag": etag,
            },
            indent=2,
            ensure_ascii=False,
        )
        send = partial(self._queue.send_message, base64.b64encode(text.encode()).decode())
        await made_when_missing(send, self._queue.create_queue)
        await receipt.upload_blob(b"", overwrite=True)
        self.on_found()
