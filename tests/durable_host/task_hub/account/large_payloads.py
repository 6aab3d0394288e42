"""Large payloads: the blobs that hold what a queue message or a table cell cannot.

Says what is too large, names the blobs, writes, reads and deletes them.
Invariant: a blob is written before anything refers to it, under a name that nothing else has, so that readers never
find a half of one. Blobs hold gzipped UTF-8, without a content encoding, as the Durable extension writes them.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from collections.abc import Collection
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import ContentSettings
from azure.storage.blob.aio import ContainerClient

from durable_host.task_hub.base.errors import PayloadMissingError

__all__ = ["LargePayloads", "is_large_message", "is_large_property", "message_blob_name", "property_blob_name"]

# 45 KiB keeps a message below the queue's 64 KiB in Base64 too; 60 KiB in UTF-16 keeps a cell below the table's 64.
MAX_MESSAGE_BYTES: Final = 45 * 1024
MAX_PROPERTY_UNITS: Final = 30 * 1024


def is_large_message(text: str) -> bool:
    """Whether a message's text goes to a blob."""
    return len(text) > MAX_MESSAGE_BYTES or len(text.encode("utf-8")) > MAX_MESSAGE_BYTES


def is_large_property(text: str) -> bool:
    """Whether a property's text goes to a blob; what counts is its length in UTF-16."""
    if not MAX_PROPERTY_UNITS < 2 * len(text) <= 2 * MAX_PROPERTY_UNITS:
        return len(text) > MAX_PROPERTY_UNITS
    return len(text.encode("utf-16-le", "surrogatepass")) > 2 * MAX_PROPERTY_UNITS


def message_blob_name(instance_id: str, activity_id: str, event_type: str) -> str:
    """The blob of a message to this instance."""
    return f"{instance_id}/message-{activity_id.replace('-', '')}-{event_type}.json.gz"


def property_blob_name(partition_key: str, row_key: str, event_type: str, property_name: str, *, guid: str) -> str:
    """The blob of one property; eight digits of the guid make each writing of it another blob."""
    return f"{partition_key}/history-{row_key}-{event_type}-{guid[:8].upper()}-{property_name}.json.gz"


class LargePayloads:
    """The blobs of one hub."""

    def __init__(self, container: ContainerClient) -> None:
        self._container = container
        self._is_created = False

    async def write(self, blob_name: str, text: str) -> None:
        """Write one blob. The container is created before the first one of this process."""
        if not self._is_created:
            with contextlib.suppress(ResourceExistsError):
                await self._container.create_container()
            self._is_created = True
        try:
            await self._upload(blob_name, text)
        except ResourceNotFoundError:
            # The container was deleted meanwhile.
            await self._container.create_container()
            await self._upload(blob_name, text)

    async def _upload(self, blob_name: str, text: str) -> None:
        await self._container.upload_blob(
            blob_name,
            gzip.compress(text.encode("utf-8", "surrogatepass"), compresslevel=6, mtime=0),
            overwrite=True,
            content_settings=ContentSettings(content_type="application/octet-stream"),
        )

    async def read(self, blob_name: str) -> str:
        """The text of one blob."""
        try:
            download = await self._container.download_blob(blob_name)
            return gzip.decompress(await download.readall()).decode("utf-8", "surrogatepass")
        except ResourceNotFoundError as error:
            raise PayloadMissingError(container=self._container.container_name, blob_name=blob_name) from error

    async def delete(self, blob_names: Collection[str]) -> None:
        """Delete blobs; one that is gone already is fine."""
        await asyncio.gather(*(self._delete(name) for name in blob_names))

    async def delete_all_of(self, prefixes: Collection[str]) -> None:
        """Delete all blobs whose names begin with one of these."""
        for prefix in prefixes:
            try:
                names = [name async for name in self._container.list_blob_names(name_starts_with=prefix)]
            except ResourceNotFoundError:
                return  # no container: nothing large was ever written
            await self.delete(names)

    async def _delete(self, blob_name: str) -> None:
        with contextlib.suppress(ResourceNotFoundError):
            await self._container.delete_blob(blob_name)

    def url_of(self, blob_name: str) -> str:
        """The URL under which other rows refer to a blob."""
        return f"{self._container.url}/{quote(blob_name)}"

    def name_in(self, text: str) -> str | None:
        """The name of the blob that a text is the URL of; None for any other text.

        Only the path counts: whoever wrote the URL may have reached the same account under another address.
        """
        if not text.startswith(("http://", "https://")):
            return None
        _, found, path = urlsplit(text).path.partition(f"/{self._container.container_name}/")
        return unquote(path) if found and path.endswith(".json.gz") else None
