"""The recorded app under a host.json of ours: the same functions, on a hub that moves on within seconds.

A script root for hosts that are killed in the middle of everything that the recorded app can do.
Invariant: the functions are the recorded app's, file by file.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Final

from host_process import HostProcess, StorageWitness
from kill.hosts import SHORT_LEASES

__all__ = ["RecordedAppHub"]

_APP: Final = Path(__file__).parents[2] / "fixtures" / "recordings" / "app" / "function_app.py"


class RecordedAppHub:
    """A task hub of the recorded app, in ``folder`` and in a storage account."""

    def __init__(self, folder: Path, *, name: str, connection_string: str, visibility_seconds: int = 3) -> None:
        self.name, self.connection_string, self._root = name, connection_string, folder / "app"
        self._root.mkdir()
        shutil.copy(_APP, self._root)
        taken_for = f"00:00:{visibility_seconds:02}"
        storage = {
            "partitionCount": 4,
            "controlQueueVisibilityTimeout": taken_for,
            "workItemQueueVisibilityTimeout": taken_for,
            "maxQueuePollingInterval": "00:00:00.5",
        }
        host_json = {
            "version": "2.0",
            "logging": {"logLevel": {"default": "Warning"}},
            "extensions": {"durableTask": {"hubName": name, "storageProvider": storage}},
        }
        (self._root / "host.json").write_text(json.dumps(host_json), encoding="utf-8")

    def start_host(self) -> HostProcess:
        """Start a host of the app on the hub."""
        return HostProcess.start(self._root, connection_string=self.connection_string, environment=SHORT_LEASES)

    def witness(self) -> StorageWitness:
        """A witness of the hub's storage."""
        return StorageWitness(self.connection_string, self.name)
