"""The blob binding: a blob read for a parameter, or written from what a function gave.

Invariant: a blob that is not there reads as None; what is written makes its container where there is none.
"""

from __future__ import annotations

from functools import partial

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.functions.meta import Datum
from azure.storage.blob import ContentSettings
from azure.storage.blob.aio import BlobServiceClient

from durable_host.app.trigger import BindingError
from durable_host.bindings.making import made_when_missing

__all__ = ["read_blob", "split_path", "write_blob"]

_PARENT = "AzureWebJobsParentId"
_CONTENT = ContentSettings(content_type="application/octet-stream")


def split_path(path: str) -> tuple[str, str]:
    """Container and blob of a path."""
    container, slash, blob = path.lstrip("/").partition("/")
    if not (container and slash and blob):
        raise BindingError(
            f"Invalid blob path specified : '{path}'. Blob identifiers must be in the format 'container/blob'."
        )
    return container, blob


async def read_blob(service: BlobServiceClient, path: str, *, is_binary: bool) -> Datum | None:
    """A blob's content; as text unless it is asked for as bytes, as the real host sends it."""
    container, blob = split_path(path)
    client = service.get_blob_client(container, blob)
    try:
        content: bytes = await (await client.download_blob()).readall()
    except ResourceNotFoundError:
        return None
    return Datum(content, "bytes") if is_binary else Datum(content.decode("utf-8", "replace"), "string")


async def write_blob(service: BlobServiceClient, path: str, datum: Datum, invocation_id: str) -> None:
    """Write a blob, in place of an older one."""
    container, blob = split_path(path)
    content = datum.value if isinstance(datum.value, bytes) else str(datum.value).encode("utf-8")
    client = service.get_blob_client(container, blob)
    metadata = {_PARENT: invocation_id}
    upload = partial(client.upload_blob, content, overwrite=True, content_settings=_CONTENT, metadata=metadata)
    try:
        await made_when_missing(upload, partial(service.create_container, container))
    except HttpResponseError as error:
        raise BindingError(f"The blob '{path}' cannot be written: {error.reason or error.message}") from error
