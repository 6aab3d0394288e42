"""The pytest plugin: the fixture ``harness``, a factory for other apps, and the options of exploration.

pytest finds it by itself where the distribution is installed; where the packages
are used from their folder, a top-level conftest.py says ``pytest_plugins = ["durable_harness.plugin"]``.
Invariant: no state outlives a test, and none is shared between the workers of pytest-xdist.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from durable_harness.core.errors import BadTokenError, HarnessError, UnusedWarning
from durable_harness.exploring.kept_schedules import kept_schedules
from durable_harness.exploring.token import ScheduleToken
from durable_harness.harness import Harness
from durable_harness.options import Options
from durable_harness.reporting import sections
from durable_harness.settings_file import SettingsFileError, settings_of

_HARNESSES = pytest.StashKey[list[Harness]]()
_OPTIONS = pytest.StashKey[Options]()
_MATCHED = pytest.StashKey[set[str]]()

__all__ = ["durable_app", "harness", "harness_for", "pytest_addoption", "pytest_configure"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say which app the fixture ``harness`` takes, and how far exploration goes."""
    group = parser.getgroup("durable", "orders of events of durable orchestrations")
    group.addoption("--durable-replay", action="append", metavar="TOKEN", help="run exactly the schedule of this token")
    group.addoption("--durable-seed", type=int, default=0, metavar="N", help="the seed of drawn schedules (0)")
    group.addoption("--durable-budget", type=_runs, default=5_000, metavar="N", help="runs of one exploration (5000)")
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
    """Say what the marker means, read the options, and let the environment have the app's settings."""
    config.addinivalue_line("markers", "durable_app(app): the app of the fixture `harness` in this test")
    settings = ExitStack()
    kept = config.getini("durable_schedules")
    try:
        config.stash[_OPTIONS] = Options(
            budget=config.getoption("--durable-budget"),
            seed=config.getoption("--durable-seed"),
            replay=tuple(map(ScheduleToken.parse, config.getoption("--durable-replay") or ())),
            regressions=kept_schedules(config.rootpath / kept) if kept else (),
        )
        name = config.getini("durable_settings")
        if name:
            settings.enter_context(settings_of(config.rootpath / name))
    except (BadTokenError, SettingsFileError, ValueError) as error:
        raise pytest.UsageError(str(error)) from None
    config.add_cleanup(settings.close)
    config.stash[_MATCHED] = set()
    _hide_own_frames()


def _hide_own_frames() -> None:
    """Let the traceback of an error that the harness raises on purpose end in the test's own line."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in ("durable_harness", "durable_engine"):
            vars(module)["__tracebackhide__"] = _is_on_purpose


def _is_on_purpose(error: pytest.ExceptionInfo[BaseException]) -> bool:
    return isinstance(error.value, HarnessError)


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
def harness_for(request: pytest.FixtureRequest) -> Iterator[Callable[..., Harness]]:
    """Make a harness for any app or orchestrator function: ``harness_for(app, strict=False)``.

    When the test has passed, it warns of answers that no orchestration has asked for.
    """
    options = request.config.stash[_OPTIONS]
    made: list[Harness] = request.node.stash.setdefault(_HARNESSES, [])

    def make(app: object, **settings: Any) -> Harness:
        made.append(Harness(app, options=options, **settings))
        return made[-1]

    yield make
    request.config.stash[_MATCHED].update(token for harness in made for token in harness.matched_tokens)
    if not request.node.stash.get(_FAILED, False):
        for text in [text for harness in made for text in harness.unused()]:
            warnings.warn(text, UnusedWarning, stacklevel=1)


_FAILED = pytest.StashKey[bool]()


def _runs(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} runs explore nothing: say a number from 1 on")
    return number


@pytest.fixture
def harness(durable_app: Any, harness_for: Callable[..., Harness]) -> Harness:
    """A harness for the app."""
    return harness_for(durable_app)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show in the report of a failing test what its orchestrations did."""
    report = yield
    if report.when == "call" and report.failed:
        item.stash[_FAILED] = True
        error = call.excinfo.value if call.excinfo else None
        folder = item.config.getoption("--durable-timelines")
        made: list[Harness] = item.stash.get(_HARNESSES, [])
        report.sections += sections(item.name, made, error, folder)
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a session that was asked to replay a token, and has no test that it fits."""
    config = session.config
    matched = config.stash.get(_MATCHED, set())
    output = getattr(config, "workeroutput", None)
    if output is not None:  # a worker of xdist tells the session that has started it
        output["durable_matched"] = sorted(matched)
        return
    if _unmatched(config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take from a worker of xdist which tokens it has found a test for."""
    node.config.stash[_MATCHED].update(getattr(node, "workeroutput", {}).get("durable_matched", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which tokens no test has replayed."""
    for token in _unmatched(config):
        terminalreporter.write_line(
            f"--durable-replay: no test that ran proves anything about {token.orchestrator!r}. Run the test that "
            f"printed the token {token.text}.",
            red=True,
        )


def _unmatched(config: pytest.Config) -> list[ScheduleToken]:
    options = config.stash.get(_OPTIONS, None)
    matched = config.stash.get(_MATCHED, set())
    return [token for token in options.replay if token.text not in matched] if options else []
