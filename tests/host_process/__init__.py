"""Hosts of ours as processes of their own, what stands between a host and its storage, and a witness of the storage.

Called by: the suites ``recorded_host`` and ``kill``, the benchmarks, and whoever needs a host that can be killed.
Calls: the command line ``python -m local_host start``, as a user does; never the host's modules.
Invariant: a host that was started here is gone when its ``with`` block ends, and at the latest with this process.
"""

from __future__ import annotations

from host_process.client import Answer, HostClient, wait_until
from host_process.process import HostProcess, HostStartError
from host_process.storage_proxy import StorageProxy, StorageRequest
from host_process.storage_witness import InconsistentHistoryError, StorageWitness, StoredInstance

__all__ = [
    "Answer",
    "HostClient",
    "HostProcess",
    "HostStartError",
    "InconsistentHistoryError",
    "StorageProxy",
    "StorageRequest",
    "StorageWitness",
    "StoredInstance",
    "wait_until",
]
