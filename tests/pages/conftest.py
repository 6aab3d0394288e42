"""What the page tests share: where the fixtures are, a local site, and a wall around the network."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from recorded_pages.local_site import LocalSite, SiteMap, site_handler

FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.fixture
def cassettes() -> Path:
    """The committed cassettes."""
    return FIXTURES / "cassettes"


@pytest.fixture(scope="session")
def site_map() -> SiteMap:
    """The pages of the local site."""
    return SiteMap.load(FIXTURES / "html")


@pytest.fixture(scope="module")
def local_site(site_map: SiteMap) -> Iterator[LocalSite]:
    """The local site, running."""
    with LocalSite(site_map.host, site_handler(site_map)) as site:
        yield site


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Forbid sockets; the list holds every attempt, so that code that hides the error is found out too."""
    attempts: list[str] = []

    def refuse(*args: object, **kwargs: object) -> NoReturn:
        attempts.append(repr(args))
        raise OSError(f"This test may not use the network: {args!r}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    return attempts
