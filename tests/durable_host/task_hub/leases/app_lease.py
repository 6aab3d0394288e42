"""The app lease: the container lease that keeps two apps from working on one hub.

Takes and keeps the lease under an id that is made from the app's name, so that all hosts of one app share it.
Invariant: partitions are owned only while the lease is held. It is never given back: it runs out, as the real host's.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from typing import Final

from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import ContentSettings
from azure.storage.blob.aio import BlobLeaseClient, ContainerClient

from durable_host.task_hub.account.refusals import first_line
from durable_host.task_hub.base.names import fnv1a
from durable_host.task_hub.base.options import TaskHubOptions

__all__ = ["AppLease", "app_lease_id"]

_OCTETS: Final = ContentSettings(content_type="application/octet-stream")

_log = logging.getLogger(__name__)


def app_lease_id(app_name: str) -> str:
    """The lease id of an app: the hash of its name, as the first four bytes of a guid."""
    return f"{fnv1a(app_name):08x}-0000-0000-0000-000000000000"


class AppLease:
    """The lease of one hub for one app."""

    def __init__(self, container: ContainerClient, blob_name: str, options: TaskHubOptions) -> None:
        self.lease_id = app_lease_id(options.app_name)
        self._container, self._blob_name, self._options = container, blob_name, options
        self._lease = BlobLeaseClient(container, lease_id=self.lease_id)

    async def create(self) -> None:
        """Create the container and the blob that says who holds it, unless they exist."""
        with contextlib.suppress(ResourceExistsError):
            await self._container.create_container()
        with contextlib.suppress(ResourceExistsError):
            await self._container.upload_blob(self._blob_name, b"{}", overwrite=False, content_settings=_OCTETS)

    async def acquire(self) -> None:
        """Wait until the lease is ours; that it is another app's is said once."""
        is_first = True
        while not await self._try_to_acquire():
            if is_first:
                _log.warning(
                    "Another app holds the lease of container %s, so this one runs no orchestrations for now. Give "
                    "each app a task hub of its own (hubName in host.json).",
                    self._container.container_name,
                )
            is_first = False
            await asyncio.sleep(self._options.app_lease_retry_seconds)
        await self._write_owner()

    async def keep(self) -> None:
        """Renew the lease; returns when it is lost."""
        held_until = self._time() + self._options.app_lease_seconds
        while self._time() < held_until:
            await asyncio.sleep(self._options.app_lease_renew_seconds)
            try:
                await self._lease.renew()
                held_until = self._time() + self._options.app_lease_seconds
            except HttpResponseError as error:
                # 404: the container was deleted, and may be there again, without a lease.
                if error.status_code in (404, 409) and not await self._try_to_acquire():
                    break
            except AzureError as error:
                _log.warning("The app lease could not be renewed, and is tried again: %s", first_line(error))
        _log.warning("The lease of container %s was lost to another app.", self._container.container_name)

    async def _try_to_acquire(self) -> bool:
        try:
            await self._lease.acquire(lease_duration=self._options.app_lease_seconds)
        except HttpResponseError as error:
            if error.status_code == 409:
                return False
            raise
        return True

    async def _write_owner(self) -> None:
        blob = self._container.get_blob_client(self._blob_name)
        try:
            info = json.loads(await (await blob.download_blob()).readall())
        except (RecursionError, ResourceNotFoundError, ValueError):
            info = {}
        if isinstance(info, dict) and info.get("OwnerId") == self.lease_id:
            return
        text = json.dumps({"OwnerId": self.lease_id, "DesiredSwapId": None}, separators=(",", ":"))
        await blob.upload_blob(text.encode(), overwrite=True, content_settings=_OCTETS)

    @staticmethod
    def _time() -> float:
        return asyncio.get_running_loop().time()
