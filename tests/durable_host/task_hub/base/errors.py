"""What the task hub raises on purpose.

    TaskHubError
    ├── ContinuationError     a continuation token that no list of ours has given (also a ValueError)
    ├── HubNameError          a hub name that no queue, table or container can carry (also a ValueError)
    ├── MessageFormatError    a queue message that cannot be read (also a ValueError)
    ├── PartitionLostError    an instance's partition is another worker's by now
    ├── PayloadMissingError   a blob that a message or a row refers to is gone (also a LookupError)
    ├── SplitBrainError       another worker wrote the instance's history first
    └── StorageAccountError   a connection string that names no storage account (also a ValueError)

One base for all of them.
Invariant: the message says what, which, and what to do; the facts are attributes too.
"""

from __future__ import annotations

__all__ = [
    "ContinuationError",
    "HubNameError",
    "MessageFormatError",
    "PartitionLostError",
    "PayloadMissingError",
    "SplitBrainError",
    "StorageAccountError",
    "TaskHubError",
]


class TaskHubError(Exception):
    """Base of the task hub's errors."""


class ContinuationError(TaskHubError, ValueError):
    """A continuation token that no list of ours has given."""


class HubNameError(TaskHubError, ValueError):
    """A configured task hub name that cannot be part of queue, table and container names."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"Task hub name {name!r} cannot be used: queue, table and container names are made from it. Set hubName "
            "in host.json to 3 to 45 letters and digits, starting with a letter."
        )


class MessageFormatError(TaskHubError, ValueError):
    """A queue message whose text is not a message of the Durable extension."""


class PartitionLostError(TaskHubError):
    """The partition of an instance is not ours any more, or its lease has run out: whoever owns it now may have gone on
    with the instance, and nothing more may be written of it here."""

    def __init__(self, instance_id: str) -> None:
        self.instance_id = instance_id
        super().__init__(
            f"Instance {instance_id!r}: its partition was lost during an episode; whoever owns it now goes on with it."
        )


class PayloadMissingError(TaskHubError, LookupError):
    """A large payload's blob does not exist."""

    def __init__(self, *, container: str, blob_name: str) -> None:
        self.container, self.blob_name = container, blob_name
        super().__init__(
            f"Blob {blob_name!r} is missing from container {container!r}: a message or row refers to it. It was "
            "removed by a purge or by hand; purge the instance, or restore the blob."
        )


class SplitBrainError(TaskHubError):
    """The history changed since it was loaded: nothing of this checkpoint's history was written."""

    def __init__(self, *, instance_id: str, execution_id: str, etag: str | None) -> None:
        self.instance_id, self.execution_id, self.etag = instance_id, execution_id, etag
        super().__init__(
            f"Instance {instance_id!r}, execution {execution_id!r}: the history was written by another worker since "
            f"it was loaded (its ETag then: {etag or 'none, the instance was new'}). Abandon the episode's messages: "
            "their redelivery loads the history as it is now."
        )


class StorageAccountError(TaskHubError, ValueError):
    """A connection string that cannot be used."""
