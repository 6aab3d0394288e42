"""Azurite, the storage emulator, for the local host, the demo, the benchmarks and the tests.

``Azurite.start()`` gives a private one on free ports; ``open_development_storage()`` serves
``UseDevelopmentStorage=true``: one at the usual ports, shared by hosts.
Invariant: every Azurite listens on loopback only and reports nothing to anybody.
"""

from __future__ import annotations

from durable_host.azurite.development import DevelopmentStorage, open_development_storage
from durable_host.azurite.endpoints import DEFAULT_PORTS, Ports, free_port
from durable_host.azurite.errors import (
    AzuriteError,
    AzuriteInstallError,
    AzuritePortError,
    AzuriteStartError,
    NodeMissingError,
)
from durable_host.azurite.node import find_node
from durable_host.azurite.process import Azurite
from durable_host.azurite.program import installed_program

__all__ = [
    "DEFAULT_PORTS",
    "Azurite",
    "AzuriteError",
    "AzuriteInstallError",
    "AzuritePortError",
    "AzuriteStartError",
    "DevelopmentStorage",
    "NodeMissingError",
    "Ports",
    "find_node",
    "free_port",
    "installed_program",
    "open_development_storage",
]
