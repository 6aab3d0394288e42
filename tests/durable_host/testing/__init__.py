"""End-to-end tests of an app: the host as a process of its own, and a client of its HTTP API.

The pytest plugin beside it gives both as fixtures.
"""

from durable_host.testing.client import Answer, HostClient
from durable_host.testing.process import HostProcess, HostStartError
from durable_host.testing.waiting import soon, wait_until

__all__ = ["Answer", "HostClient", "HostProcess", "HostStartError", "soon", "wait_until"]
