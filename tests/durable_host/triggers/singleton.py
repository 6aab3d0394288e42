"""Of several hosts of one app, the one that does what must be done once: it holds the lease of a blob.

Invariant: a host whose lease has run out finds out before it does anything more in its name.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, Final

from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError
from azure.storage.blob.aio import BlobClient, BlobLeaseClient, BlobServiceClient

__all__ = ["CONTAINER", "LockLostError", "Singleton", "host_blob"]

CONTAINER: Final = "azure-webjobs-hosts"
_LEASE_SECONDS: Final = 15
_RENEW_SECONDS: Final = 5.0
_IS_LEASED: Final = 409


class LockLostError(Exception):
    """Another host has taken the lock: this one was silent for too long."""


async def host_blob(service: BlobServiceClient, name: str) -> BlobClient:
    """A blob of the host's own container, which is made if it is not there."""
    with contextlib.suppress(ResourceExistsError):
        await service.create_container(CONTAINER)
    return service.get_blob_client(CONTAINER, name)


class Singleton:
    """One lock of the hosts of an app."""

    def __init__(self, service: BlobServiceClient, host_id: str, name: str) -> None:
        self._service, self._name = service, f"locks/{host_id}/{name}.Listener"

    async def run(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Wait until the lock is this host's, then do the work for as long as it is.

        Raises:
            LockLostError: Another host has the lock now; the work was cancelled.
        """
        blob = await host_blob(self._service, self._name)
        with contextlib.suppress(ResourceExistsError):
            await blob.upload_blob(b"", overwrite=False)
        lease = await self._acquire(blob)
        tasks = [asyncio.create_task(work()), asyncio.create_task(self._keep(lease))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            with contextlib.suppress(AzureError):  # it runs out by itself
                await lease.release()

    async def _acquire(self, blob: BlobClient) -> BlobLeaseClient:
        while True:
            try:
                return await blob.acquire_lease(lease_duration=_LEASE_SECONDS)
            except HttpResponseError as error:
                if error.status_code != _IS_LEASED:
                    raise
            await asyncio.sleep(_RENEW_SECONDS)

    async def _keep(self, lease: BlobLeaseClient) -> None:
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            try:
                await lease.renew()
            except AzureError as error:
                raise LockLostError(f"The lock '{self._name}' was lost to another host.") from error
