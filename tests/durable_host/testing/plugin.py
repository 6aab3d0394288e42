"""The pytest plugin for end-to-end tests: a host that serves an app, and its log in the report of a test that fails.

pytest finds it by itself where the distribution is installed. Nothing of the host is imported before a fixture is asked
for, so that it does no harm where the extra ``host`` is missing.
Invariant: every host has a free port and a task hub of its own, and is gone when its module's tests are done.
"""

from __future__ import annotations

import uuid
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from durable_host.testing.client import HostClient
    from durable_host.testing.process import HostProcess

__all__ = ["ServeApp", "durable_host", "durable_host_storage", "host_client", "pytest_addoption", "serve_app"]

_HOSTS = pytest.StashKey[list["HostProcess"]]()
_SHOWN = pytest.StashKey[dict[int, int]]()
_HUB_SETTING = "AzureFunctionsJobHost__extensions__durableTask__hubName"


class ServeApp(Protocol):
    """Starts a host of an app; it is stopped when the tests of the module are done."""

    def __call__(
        self,
        folder: str | Path,
        *,
        environment: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
    ) -> HostProcess:
        """Start it and return when it answers.

        Args:
            folder: The app's folder, absolute or from the root of the project.
            environment: Settings of the app beyond those of its local.settings.json.
            arguments: What follows on the command line of ``durable-host start``.
        """


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say which app the fixture ``durable_host`` serves."""
    parser.addini("durable_host_app", "the folder of the app that the fixture `durable_host` serves", default=".")


@pytest.fixture(scope="session")
def durable_host_storage() -> Iterator[str]:
    """The connection string of an Azurite that keeps everything in memory, for this run of pytest alone."""
    _require_extra()
    from durable_host.azurite import Azurite

    with Azurite.start() as azurite:
        yield azurite.connection_string


@pytest.fixture(scope="module")
def serve_app(request: pytest.FixtureRequest, durable_host_storage: str) -> Iterator[ServeApp]:
    """Start hosts of any app: ``serve_app("shop", environment={...})``."""
    from durable_host.testing.process import HostProcess

    hosts = request.session.stash.setdefault(_HOSTS, [])
    mine: list[HostProcess] = []

    def serve(
        folder: str | Path,
        *,
        environment: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
    ) -> HostProcess:
        own = {_HUB_SETTING: f"Test{uuid.uuid4().hex[:16]}", **(environment or {})}
        mine.append(
            HostProcess.start(
                request.config.rootpath / folder,
                connection_string=durable_host_storage,
                environment=own,
                arguments=arguments,
            )
        )
        hosts.append(mine[-1])
        return mine[-1]

    yield serve
    for host in mine:
        hosts.remove(host)
        host.stop()


@pytest.fixture(scope="module")
def durable_host(request: pytest.FixtureRequest, serve_app: ServeApp) -> HostProcess:
    """A running host of the app that the ini option ``durable_host_app`` names."""
    return serve_app(request.config.getini("durable_host_app"))


@pytest.fixture
def host_client(durable_host: HostProcess) -> Iterator[HostClient]:
    """A client of that host."""
    with durable_host.client() as client:
        yield client


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Remember how long each host's log is before the test."""
    hosts = item.session.stash.get(_HOSTS, [])
    item.stash[_SHOWN] = {id(host): len(host.log_text) for host in hosts}
    yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show in the report of a failing test what the hosts have logged meanwhile."""
    report = yield
    if report.when == "call" and report.failed:
        before = item.stash.get(_SHOWN, {})
        for host in item.session.stash.get(_HOSTS, []):
            report.sections.append((f"log of durable-host on {host.address}", host.log_text[before.get(id(host), 0) :]))
    return report


def _require_extra() -> None:
    from durable_host.config.installed import missing_extra

    if problem := missing_extra("host", "The fixture durable_host"):
        pytest.fail(problem, pytrace=False)
