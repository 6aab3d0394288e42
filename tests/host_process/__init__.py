"""Hosts of ours as processes of their own, what stands between a host and its storage, and a witness of the storage.

Invariant: a host that was started here is gone when its ``with`` block ends, and at the latest with this process.
"""

from __future__ import annotations

from durable_host.testing import Answer, HostClient, HostProcess, HostStartError, soon, wait_until
from host_process.storage_proxy import Fault, StorageProxy, StorageRequest
from host_process.storage_witness import InconsistentHistoryError, StorageWitness, StoredInstance

__all__ = [
    "Answer",
    "Fault",
    "HostClient",
    "HostProcess",
    "HostStartError",
    "InconsistentHistoryError",
    "StorageProxy",
    "StorageRequest",
    "StorageWitness",
    "StoredInstance",
    "soon",
    "wait_until",
]
