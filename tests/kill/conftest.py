"""A storage account for each worker, and a task hub of its own for each test.

Invariant: what is random comes from pytest-randomly's seed, which every run prints and ``--randomly-seed`` sets.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from durable_host.azurite import Azurite
from kill.hosts import TestHub


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """An Azurite in memory, which outlives the hosts of this suite."""
    with Azurite.start() as running:
        yield running


@pytest.fixture
def hub(azurite: Azurite, tmp_path: Path) -> TestHub:
    """A task hub that no other test has."""
    name = f"Kill{uuid.uuid4().hex[:12]}"
    return TestHub(name=name, connection_string=azurite.connection_string, folder=tmp_path)


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> str:
    """What this test's random choices are made from: new in each run, and the same again with the run's seed."""
    return f"{request.config.getoption('randomly_seed')}/{request.node.name}"


@pytest.fixture
def choices(seed: str) -> random.Random:
    """The random choices of this test."""
    return random.Random(seed)
