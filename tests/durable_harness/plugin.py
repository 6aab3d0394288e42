"""The pytest plugin: the fixture ``harness``, a factory for other apps, and the options of exploration.

Gives each test a harness of its own. pytest finds it by itself where the distribution is installed; where the packages
are used from their folder, a top-level conftest.py says ``pytest_plugins = ["durable_harness.plugin"]``.
Invariant: no state outlives a test, and none is shared between the workers of pytest-xdist.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from durable_harness.exploring.token import ScheduleToken
from durable_harness.harness import Harness
from durable_harness.options import Options
from durable_harness.running.run_result import Run
from durable_harness.settings_file import SettingsFileError, settings_of

_HARNESSES = pytest.StashKey[list[Harness]]()
_MOST_TIMELINES = 5

__all__ = ["durable_app", "harness", "harness_for", "pytest_addoption", "pytest_configure"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say which app the fixture ``harness`` takes, and how far exploration goes."""
    group = parser.getgroup("durable", "orders of events of durable orchestrations")
    group.addoption("--durable-replay", action="append", metavar="TOKEN", help="run exactly the schedule of this token")
    group.addoption("--durable-seed", type=int, default=0, metavar="N", help="the seed of drawn schedules (0)")
    group.addoption("--durable-budget", type=int, default=5_000, metavar="N", help="runs of one exploration (5000)")
    group.addoption(
        "--durable-timelines", metavar="FOLDER", help="write the timelines of failing tests there, as HTML files"
    )
    parser.addini("durable_schedules", "a file with tokens of schedules that failed once, one a line", default="")
    parser.addini(
        "durable_settings",
        "a local.settings.json whose Values the app reads when it is imported; the environment's own come first",
        default="",
    )
    parser.addini("durable_app", "the app of the fixture `harness`, as module:attribute", default="function_app:app")


def pytest_configure(config: pytest.Config) -> None:
    """Say what the marker means, and let the environment have the app's settings."""
    config.addinivalue_line("markers", "durable_app(app): the app of the fixture `harness` in this test")
    name = config.getini("durable_settings")
    if name:
        settings = settings_of(config.rootpath / name)
        try:
            settings.__enter__()
        except SettingsFileError as error:
            raise pytest.UsageError(str(error)) from None
        config.add_cleanup(lambda: settings.__exit__(None, None, None))


@pytest.fixture
def durable_app(request: pytest.FixtureRequest) -> Any:
    """The app of the fixture ``harness``: of the test's marker, else of the ini file. Override it where you like."""
    marker = request.node.get_closest_marker("durable_app")
    app = marker.args[0] if marker else request.config.getini("durable_app")
    if not isinstance(app, str):
        return app
    module, _, attribute = app.partition(":")
    return getattr(importlib.import_module(module), attribute or "app")


@pytest.fixture
def harness_for(request: pytest.FixtureRequest) -> Callable[..., Harness]:
    """Make a harness for any app or orchestrator function: ``harness_for(app, strict=False)``."""
    config = request.config
    options = Options(
        budget=config.getoption("--durable-budget"),
        seed=config.getoption("--durable-seed"),
        replay=tuple(map(ScheduleToken.parse, config.getoption("--durable-replay") or ())),
        regressions=tuple(_regressions(config)),
    )
    made: list[Harness] = request.node.stash.setdefault(_HARNESSES, [])

    def make(app: object, **settings: Any) -> Harness:
        made.append(Harness(app, options=options, **settings))
        return made[-1]

    return make


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show in the report of a failing test what its orchestrations did."""
    report = yield
    if report.when == "call" and report.failed:
        for run in [run for harness in item.stash.get(_HARNESSES, []) for run in harness.runs()][:_MOST_TIMELINES]:
            report.sections.append((f"timeline of {run.instance_id}", str(run.timeline())))
            folder = item.config.getoption("--durable-timelines")
            if folder:
                _write(Path(folder), item, run)
    return report


def _write(folder: Path, item: pytest.Item, run: Run) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^\w.-]+", "_", f"{item.name}-{run.instance_id}")
    folder.joinpath(f"{name}.html").write_text(run.timeline().html(), encoding="utf-8")


def _regressions(config: pytest.Config) -> Iterator[ScheduleToken]:
    name = config.getini("durable_schedules")
    if not name:
        return
    for line in (config.rootpath / name).read_text(encoding="utf-8").splitlines():
        token = line.partition("#")[0].strip()
        if token:
            yield ScheduleToken.parse(token)


@pytest.fixture
def harness(durable_app: Any, harness_for: Callable[..., Harness]) -> Harness:
    """A harness for the app."""
    return harness_for(durable_app)
