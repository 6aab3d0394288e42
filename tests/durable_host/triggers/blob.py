"""Blob triggers: from a blob to what the function's parameter gets, and what goes with it.

Invariant: a function sees the blob as it is now; one that has changed since it was found comes again by itself.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from azure.core.exceptions import ResourceNotFoundError
from azure.functions.meta import Datum
from azure.storage.blob import BlobProperties
from azure.storage.blob.aio import BlobServiceClient
from azure.storage.queue import QueueMessage

from durable_host.app.deferred import is_deferred
from durable_host.app.index import IndexedFunction
from durable_host.app.trigger import BindingError, Trigger
from durable_host.app.worker import Worker
from durable_host.bindings.blob import split_path
from durable_host.bindings.values import StorageBindings
from durable_host.triggers.blob_pattern import BlobPattern
from durable_host.triggers.queue_reader import Handled

__all__ = ["BlobListener"]

_BY_HAND: Final = "This function was programmatically called via the host APIs."
_NEVER: Final = "0001-01-01T00:00:00+00:00"


class BlobListener:
    """One blob function."""

    def __init__(
        self,
        function: IndexedFunction,
        pattern: BlobPattern,
        worker: Worker,
        service: BlobServiceClient,
        bindings: StorageBindings,
    ) -> None:
        self.function, self.pattern, self.service = function, pattern, service
        self._worker, self._bindings = worker, bindings

    async def handle(self, message: QueueMessage, found: Mapping[str, str]) -> Handled:
        """Run the function on the blob that a message of the scan names."""
        path = f"{found['ContainerName']}/{found['BlobName']}"
        properties = await _properties(self.service, path)
        if properties is None or properties.etag != found["ETag"]:
            return Handled(is_done=True)  # It is gone, or its new version has a message of its own.
        inserted = message.inserted_on
        details = (
            f"MessageId: {message.id}, DequeueCount: {message.dequeue_count}, InsertedOn: {_moment(inserted)}, "
            f"BlobCreated: {_moment(properties.creation_time)}, BlobLastModified: {_moment(properties.last_modified)}"
        )
        reason = f"New blob detected(LogsAndContainerScan): {path}"
        names = self.pattern.match(found["BlobName"]) or {}
        try:
            trigger = await self._trigger(path, properties, names, reason, details)
        except ResourceNotFoundError:
            return Handled(is_done=True)  # It has gone meanwhile.
        outcome = await self._worker.run_with_retries(self.function, trigger)
        return Handled(is_done=outcome.raised is None)

    async def _trigger(
        self, path: str, properties: BlobProperties, names: Mapping[str, str], reason: str, details: str | None
    ) -> Trigger:
        container, blob = split_path(path)
        client = self.service.get_blob_client(container, blob)
        annotation = self.function.signature.annotations.get(self.function.trigger.name)
        if is_deferred(annotation):
            data: Any = self._bindings.deferred(annotation, self.function.trigger, path)
        else:
            data = Datum(await (await client.download_blob()).readall(), "bytes")
        known = {"BlobTrigger": path, "Uri": client.url, "Metadata": dict(properties.metadata or {})}
        metadata = {
            **{name: Datum(value, "string") for name, value in names.items()},
            "BlobTrigger": Datum(path, "string"),
            "Uri": Datum(json.dumps(client.url), "json"),
            "Metadata": Datum(_json(known["Metadata"]), "json"),
            "Properties": Datum(_json(_dotnet_properties(properties)), "json"),
        }
        return Trigger(data=data, metadata=metadata, names={**known, **names}, reason=reason, details=details)

    async def by_hand(self, text: str | None) -> Trigger:
        """What a call of the admin API gives to this function: the blob of a path, whatever the pattern says."""
        parameter = self.function.trigger.name
        outer = f"Exception binding parameter '{parameter}'"
        if text is None:
            return _failing(BindingError(outer, "Unable to convert trigger to BlobBaseClient."))
        try:
            container, blob = split_path(text)
        except BindingError as error:
            return _failing(BindingError(outer, *error.causes))
        properties = await _properties(self.service, f"{container}/{blob}")
        if properties is None:
            return _failing(BindingError(outer, "Service request failed."))
        names = self.pattern.match(blob) or {}
        trigger = await self._trigger(f"{container}/{blob}", properties, names, _BY_HAND, None)
        return replace(trigger, metadata={**trigger.metadata, parameter: Datum(text, "string")})


def _failing(failure: BindingError) -> Trigger:
    return Trigger(data=Datum("", "string"), reason=_BY_HAND, failure=failure)


async def _properties(service: BlobServiceClient, path: str) -> BlobProperties | None:
    container, blob = split_path(path)
    try:
        return await service.get_blob_client(container, blob).get_blob_properties()
    except ResourceNotFoundError:
        return None


def _dotnet_properties(properties: BlobProperties) -> dict[str, Any]:
    """The members of .NET's BlobProperties, in its order."""
    settings = properties.content_settings
    md5 = settings.content_md5
    return {
        "LastModified": _offset(properties.last_modified),
        "CreatedOn": _offset(properties.creation_time),
        "Metadata": dict(properties.metadata or {}),
        "ObjectReplicationDestinationPolicyId": None,
        "ObjectReplicationSourceProperties": None,
        "BlobType": 0,
        "CopyCompletedOn": _NEVER,
        "CopyStatusDescription": None,
        "CopyId": None,
        "CopyProgress": None,
        "CopySource": None,
        "CopyStatus": 0,
        "BlobCopyStatus": None,
        "IsIncrementalCopy": False,
        "DestinationSnapshot": None,
        "LeaseDuration": 0,
        "LeaseState": 0,
        "LeaseStatus": 1,
        "ContentLength": properties.size,
        "ContentType": settings.content_type,
        "ETag": {},
        "ContentHash": base64.b64encode(bytes(md5)).decode() if md5 else None,
        "ContentEncoding": settings.content_encoding,
        "ContentDisposition": settings.content_disposition,
        "ContentLanguage": settings.content_language,
        "CacheControl": settings.cache_control,
        "BlobSequenceNumber": 0,
        "AcceptRanges": "bytes",
        "BlobCommittedBlockCount": 0,
        "IsServerEncrypted": True,
        "EncryptionKeySha256": None,
        "EncryptionScope": None,
        "AccessTier": properties.blob_tier,
        "AccessTierInferred": True,
        "ArchiveStatus": None,
        "AccessTierChangedOn": _offset(properties.blob_tier_change_time or properties.last_modified),
        "SmartAccessTier": None,
        "VersionId": None,
        "IsLatestVersion": False,
        "TagCount": 0,
        "ExpiresOn": _NEVER,
        "IsSealed": False,
        "RehydratePriority": None,
        "LastAccessed": _NEVER,
        "ImmutabilityPolicy": {"ExpiresOn": None, "PolicyMode": None},
        "HasLegalHold": False,
    }


def _offset(moment: datetime | None) -> str:
    return _NEVER if moment is None else f"{moment:%Y-%m-%dT%H:%M:%S}+00:00"


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%dT%H:%M:%S}.000+00:00"


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
