"""Parameters that get a client of the storage SDK in place of a value, through azurefunctions-extensions-bindings-blob.

Invariant: the extension is the app's: where it is not installed, nothing here knows of such types.
"""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace
from typing import Any

__all__ = ["deferred_value", "is_deferred"]

_BASE = "azurefunctions.extensions.base"


def is_deferred(annotation: object) -> bool:
    """Whether an annotation is such a type; the app has imported the extension then."""
    base = sys.modules.get(_BASE)
    return base is not None and isinstance(annotation, type) and issubclass(annotation, base.SdkType)


def deferred_value(annotation: Any, *, connection: str, container: str, blob: str) -> object:
    """The client that a parameter of such a type gets.

    Args:
        annotation: The extension's type.
        connection: The name of the setting that holds the connection string.
        container: The container's name.
        blob: The blob's name.
    """
    content = json.dumps({"Connection": connection, "ContainerName": container, "BlobName": blob})
    data = SimpleNamespace(
        version="1.0", source="AzureStorageBlobs", content_type="application/json", content=content.encode()
    )
    made: object = annotation(data=data).get_sdk_type()
    return made
