"""A storage account for each worker of the attack suite."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from durable_host.azurite import Azurite


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """An Azurite in memory."""
    with Azurite.start() as running:
        yield running
