"""A shop to look at: the app in ``app`` on a host and an Azurite of its own, and orders of every kind.

What the suites, the pictures and the browser share.
Invariant: every instance has an id that says what it shows.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from durable_host.azurite import Azurite
from host_process import HostClient, HostProcess

__all__ = ["HOSTILE", "Shop", "open_shop", "order"]

APP: Final = Path(__file__).with_name("app")
HOSTILE: Final = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">'\"&{{7*7}}"
"""What an id, a name, an input, an output and an error may hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A running host of the app, its client, and where its pages are."""

    host: HostProcess
    client: HostClient
    pages: str
    connection_string: str
    hub: str


@contextlib.contextmanager
def open_shop(hub: str = "Shop") -> Iterator[Shop]:
    """A shop, until the block ends."""
    environment = {"DASHBOARD_HUB": hub}
    with (
        Azurite.start() as azurite,
        HostProcess.start(APP, connection_string=azurite.connection_string, environment=environment) as host,
        host.client() as client,
    ):
        yield Shop(
            host=host,
            client=client,
            pages=f"http://localhost:{host.port}/durable",
            connection_string=azurite.connection_string,
            hub=hub,
        )


def order(number: int, *, seconds: float = 0.05, failures: int = 0) -> Mapping[str, Any]:
    """The input of an order whose items take this long, and more."""
    items = [{"name": name, "seconds": seconds * share} for name, share in (("lamp", 2), ("desk", 4), ("rug", 3))]
    to = {"name": "Ada Byron", "city": "London", "lines": ["12 St James's Square", "Westminster"]}
    return {"number": number, "seconds": 2 * seconds, "items": items, "failures": failures, "to": to}
