"""The targets of the flow tests, and which of them are run.

Each test that takes ``flow`` or ``titles`` runs once on each chosen target: ``--target harness|local|func|URL``,
several times if need be; without it, harness and local host.
Invariant: a target that was chosen and is not there fails its tests. A host is started once for each worker of xdist.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

import pytest

import function_app as titles_app
from durable_harness import SdkDefectWarning
from durable_host.azurite import Azurite
from flow.app import function_app as flow_app
from flow.func_host import running_func, write_recorded_app
from flow.target import Flow
from flow.target_choice import DEPLOYED, Choice, chosen_targets, reason_against, summary_lines
from flow.target_harness import flow_in_harness
from flow.target_http import HttpTarget
from flow.titles import CASSETTES, Titles, TitlesInHarness, TitlesOverHttp
from flow.web_server import WebServer
from host_process import HostProcess

ROOT: Final = Path(__file__).parents[2]
FLOW_APP: Final = Path(__file__).with_name("app")
_LEFT_OUT: Final = pytest.StashKey[list[tuple[str, str]]]()
_TARGETED: Final = ("flow", "titles")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say on which targets the flow tests run."""
    group = parser.getgroup("flow", "targets of the flow tests")
    group.addoption(
        "--target",
        action="append",
        metavar="TARGET",
        help="harness, local, func, or the URL of a deployed app; may be given again (harness and local)",
    )
    group.addoption("--key", metavar="KEY", help="the function key of the deployed app")


def pytest_configure(config: pytest.Config) -> None:
    """Say what the marker means."""
    config.addinivalue_line("markers", "only_on(*targets, reason): a flow test that is bound to some targets, and why")
    config.stash[_LEFT_OUT] = []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once on each chosen target."""
    for fixture in _TARGETED:
        if fixture in metafunc.fixturenames:
            targets = _choice(metafunc.config).targets
            metafunc.parametrize(fixture, [_param(fixture, target) for target in targets], indirect=True)


def _param(fixture: str, target: str) -> Any:
    # With `--dist loadgroup`, the tests of one host go to one worker, and the host is started once.
    marks = [] if target == "harness" else [pytest.mark.xdist_group(f"{fixture} on {target}")]
    return pytest.param(target, id=target, marks=marks)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what a rule leaves out, and remember the rule."""
    choice, here = _choice(config), Path(__file__).parent
    kept, left_out = [], []
    for item in items:
        # This hook is given the tests of all suites.
        is_ours = item.path.is_relative_to(here)
        reason = reason_against(item, _target_of(item), choice) if is_ours else None
        if reason is None:
            kept.append(item)
        else:
            left_out.append(item)
            config.stash[_LEFT_OUT].append((item.nodeid.rpartition("/")[2], reason))
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


def _target_of(item: pytest.Item) -> str | None:
    callspec = getattr(item, "callspec", None)
    parameters: dict[str, Any] = callspec.params if callspec else {}
    return next((parameters[fixture] for fixture in _TARGETED if fixture in parameters), None)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of xdist tells what it has left out."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["flow_left_out"] = session.config.stash[_LEFT_OUT]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take what a worker of xdist has left out."""
    output = getattr(node, "workeroutput", {})
    node.config.stash[_LEFT_OUT] += [tuple(pair) for pair in output.get("flow_left_out", ())]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """List the tests that are bound to a target."""
    left_out = config.stash[_LEFT_OUT]
    lines = summary_lines(left_out)
    if lines:
        terminalreporter.section("flow tests that do not run on a chosen target")
        for line in lines:
            terminalreporter.write_line(line)


def _choice(config: pytest.Config) -> Choice:
    # Where all suites are run at once, this file is read too late to bring its options.
    return chosen_targets(config.getoption("--target", None), config.getoption("--key", None))


@pytest.fixture(scope="session")
def storage() -> Iterator[str]:
    """A storage account in memory, as a connection string."""
    with Azurite.start() as azurite:
        yield azurite.connection_string


@pytest.fixture(scope="session")
def flow_on_local(storage: str) -> Iterator[str]:
    """The address of a local host with the app of the flow tests."""
    with HostProcess.start(FLOW_APP, connection_string=storage) as host:
        yield host.address


@pytest.fixture(scope="session")
def titles_on_local(storage: str) -> Iterator[str]:
    """The address of a local host with the real app, on recorded pages."""
    arguments = ["--cassettes", str(CASSETTES)]
    with HostProcess.start(ROOT / "src", connection_string=storage, arguments=arguments) as host:
        yield host.address


@pytest.fixture(scope="session")
def flow_on_func(storage: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a ``func start`` with the app of the flow tests."""
    log = tmp_path_factory.mktemp("func") / "flow.log"
    with running_func(FLOW_APP, connection_string=storage, log=log) as address:
        yield address


@pytest.fixture(scope="session")
def titles_on_func(storage: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a ``func start`` with the real app, on recorded pages."""
    folder = tmp_path_factory.mktemp("recorded_app")
    environment = write_recorded_app(folder)
    with running_func(folder, connection_string=storage, log=folder / "func.log", environment=environment) as address:
        yield address


@pytest.fixture
def flow(request: pytest.FixtureRequest) -> Flow:
    """The app of the flow tests on one target."""
    if request.param == "harness":
        return Flow(flow_in_harness(flow_app.app))
    return Flow(HttpTarget(request.getfixturevalue(f"flow_on_{request.param}")))


@pytest.fixture
def titles(request: pytest.FixtureRequest) -> Titles:
    """The real app on one target."""
    if request.param == "harness":
        return TitlesInHarness(titles_app.app)
    if request.param == DEPLOYED:
        choice = _choice(request.config)
        assert choice.address is not None
        return TitlesOverHttp(choice.address, choice.key, is_recorded=False)
    return TitlesOverHttp(request.getfixturevalue(f"titles_on_{request.param}"), is_recorded=True)


@pytest.fixture
def sdk_defect(request: pytest.FixtureRequest) -> Callable[[str], AbstractContextManager[object]]:
    """Within ``sdk_defect(code)``, the harness warns of this defect of the SDK. A host says nothing."""

    def expect(code: str) -> AbstractContextManager[object]:
        if _target_of(request.node) == "harness":
            return pytest.warns(SdkDefectWarning, match=f"^{code}: ")
        return contextlib.nullcontext()

    return expect


@pytest.fixture(scope="session")
def web_server() -> Iterator[WebServer]:
    """A server on loopback that orchestrations can call."""
    with WebServer() as server:
        yield server
