"""What the host's tests share: one Azurite for each worker, a hub of its own for each test, and coroutine tests.

A test that is an ``async def`` is run to its end in an event loop of its own.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator

import pytest

from durable_host.azurite import Azurite
from durable_host.clock import new_id


@pytest.fixture(scope="session")
def connection_string() -> Iterator[str]:
    """The connection string of an Azurite that keeps everything in memory, for this worker alone."""
    azurite = Azurite.start()
    yield azurite.connection_string
    azurite.stop()


@pytest.fixture
def hub_name() -> str:
    """The name of a task hub that no other test uses."""
    return f"Hub{new_id()[:16]}"


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run coroutine tests."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True
