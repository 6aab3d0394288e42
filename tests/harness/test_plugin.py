"""The plugin and the two packages in a project of somebody else: copied alone, with pytest and the SDK."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
APP = """
import os

import azure.durable_functions as df

UNIT_PRICE = int(os.environ["UNIT_PRICE"])

shop = df.DFApp()


@shop.orchestration_trigger(context_name="context")
def orders(context):
    tasks = [context.call_activity("price", item) for item in context.get_input()]
    prices = yield context.task_all(tasks)
    return sum(prices)


@shop.orchestration_trigger(context_name="context")
def last_offer(context):
    left = [context.call_activity("price", item) for item in "ab"]
    while left:
        offer = yield context.task_any(left)
        left.remove(offer)
    return offer.result


@shop.activity_trigger(input_name="item")
def price(item):
    return UNIT_PRICE * len(item)
"""
CONFTEST = 'pytest_plugins = ["durable_harness.plugin"]\n'
TEST = """
import pytest
from durable_harness import Harness, UnansweredError, app_activity


def test_prices_are_added(harness):
    harness.answer("price", {"ball": 2, "net": 30}.get)

    assert harness.run("orders", ["ball", "net"]).output == 32


def test_the_apps_own_activity_runs(harness):
    harness.answer("price", app_activity)

    assert harness.run("orders", ["ball"]).output == 12


def test_an_order_does_not_depend_on_the_order(harness):
    harness.answer("price", 1)

    assert harness.assert_order_independent("orders", ["a", "b", "c"], faults=1).is_exhausted


def test_what_nobody_answers_is_said(harness):
    with pytest.raises(UnansweredError):
        harness.run("orders", ["ball"])
"""
FAILING = """
import time


def clock_reader(context):
    return (yield context.call_activity("price", time.time()))


def test_a_finding_in_the_first_episode(harness_for):
    harness_for(clock_reader).run("clock_reader")


def test_an_unused_answer(harness):
    harness.answer("price", 7)


def test_the_last_offer_wins(harness):
    harness.answer("price", lambda item: item)
    assert harness.run("last_offer").output == "b"

    harness.assert_order_independent("last_offer")


def test_wrong(harness):
    harness.answer("price", 7)

    assert harness.run("orders", ["x"]).output == 8
"""


pytestmark = pytest.mark.xdist_group("project of somebody else")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two packages alone; what Python has compiled of them in one session serves the next."""
    folder = tmp_path_factory.mktemp("packages")
    for package in ("durable_engine", "durable_harness"):
        shutil.copytree(TESTS / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@dataclass(frozen=True, slots=True)
class Project:
    """A project with an app and its tests, in a folder of its own."""

    folder: Path
    packages: Path

    def run_pytest(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the project's tests in a process that knows nothing of ours but what was copied."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHON"))}
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
            cwd=self.folder,
            env=environment
            | {
                "COLUMNS": "120",
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # what else is installed here, the project does not use
                "PYTHONPATH": os.pathsep.join(map(str, (self.folder, self.packages))),
            },
            capture_output=True,
            text=True,
            check=False,
        )


def _project(folder: Path, packages: Path) -> Project:
    settings = "durable_app = shop_app:shop\ndurable_settings = local.settings.json\n"
    files = {
        "shop_app.py": APP,
        "conftest.py": CONFTEST,
        "test_shop.py": TEST,
        "test_failing.py": FAILING,
        "pytest.ini": f"[pytest]\n{settings}",
        "local.settings.json": '{"Values": {"UNIT_PRICE": "3"}}',
    }
    for name, text in files.items():
        folder.joinpath(name).write_text(text, encoding="utf-8")
    return Project(folder, packages)


@pytest.fixture
def project(packages: Path, tmp_path: Path) -> Project:
    """A project whose files a test may change."""
    return _project(tmp_path, packages)


@pytest.fixture(scope="module")
def failed(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What a session with failing tests says, and the folder of the timelines that it has written."""
    project = _project(tmp_path_factory.mktemp("failing"), packages)
    result = project.run_pytest("test_failing.py", "--durable-timelines", "timelines")
    assert result.returncode == pytest.ExitCode.TESTS_FAILED, result.stdout + result.stderr
    return result.stdout, project.folder / "timelines"


@pytest.fixture(scope="module")
def token(failed: tuple[str, Path]) -> str:
    """The token that a failing test of the project prints."""
    shown = re.search(r"--durable-replay=(\S+)", failed[0])
    assert shown is not None, failed[0]
    return shown[1]


@pytest.mark.long
def test_the_two_packages_alone_work_in_another_project_and_in_a_worker_of_xdist(project: Project, token: str) -> None:
    result = project.run_pytest("test_shop.py", "-p", "xdist", "-n", "1", f"--durable-replay={token}")

    assert "4 passed" in result.stdout, result.stdout + result.stderr
    _fails_for_a_token_that_no_test_replays(result)


def test_a_token_that_no_test_replays_fails_the_session(project: Project, token: str) -> None:
    result = project.run_pytest("test_shop.py", "-k", "added", f"--durable-replay={token}")

    assert "1 passed" in result.stdout, result.stdout + result.stderr
    _fails_for_a_token_that_no_test_replays(result)


def _fails_for_a_token_that_no_test_replays(result: subprocess.CompletedProcess[str]) -> None:
    assert result.returncode == pytest.ExitCode.TESTS_FAILED, result.stdout
    assert "--durable-replay: no test that ran proves anything about 'last_offer'." in result.stdout


def test_a_failing_test_shows_the_timeline_and_writes_it_as_html(failed: tuple[str, Path]) -> None:
    shown, timelines = failed

    assert "timeline of orders-1" in shown
    assert "1 activity" in shown
    page = timelines / "test_wrong-orders-1.html"
    assert "<svg" in page.read_text(encoding="utf-8")


def test_a_finding_in_the_first_episode_and_an_unused_answer_concern_their_tests_alone(
    failed: tuple[str, Path],
) -> None:
    shown, _ = failed

    assert "3 failed, 1 passed, 1 warning" in shown, shown
    assert "DeterminismError: The orchestrator uses wall clock (time.time)" in shown
    assert "task_hub.py" not in shown  # the traceback ends in the test's own line
    assert "no timeline: 'clock_reader-1' (clock_reader) has not ended its first episode." in shown
    assert "UnusedWarning: The answer for 'price' was never asked for." in shown


def test_the_timeline_of_the_failing_schedule_comes_before_those_of_other_runs(failed: tuple[str, Path]) -> None:
    shown, _ = failed

    (section,) = re.findall(r"_ test_the_last_offer_wins _.*?(?=\n_+ test_)", shown, re.S)
    outputs = re.findall(r'timeline of last_offer-1 .*?\noutput "(.)"', section, re.S)
    assert outputs == ["a", "b"]


def test_an_option_that_cannot_be_used_is_one_message(project: Project) -> None:
    result = project.run_pytest("test_shop.py", "-odurable_schedules=nowhere.txt")

    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert "durable_schedules names" in result.stderr
    assert "nowhere.txt, which cannot be read" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_token_runs_exactly_the_failing_schedule_again_and_no_other_run(project: Project, token: str) -> None:
    changed = FAILING.replace("lambda item: item", "{'a': 1, 'b': 2}.get").replace('== "b"', "== 2")
    project.folder.joinpath("test_changed.py").write_text(changed, encoding="utf-8")

    again = project.run_pytest("test_failing.py", "test_changed.py", "-k", "last_offer", f"--durable-replay={token}")

    assert "2 failed" in again.stdout, again.stdout + again.stderr
    assert "but so: Completed: a" in again.stdout
    assert "deviates 1 time." in again.stdout
    assert "BadTokenError: The token is of another run of 'last_offer'" in again.stdout


def test_committed_tokens_are_run_first(project: Project, token: str) -> None:
    project.folder.joinpath("failed.txt").write_text(f"# the last offer\n{token}  # swapped\n", encoding="utf-8")

    # With a budget of one run, only the committed schedule can have shown it.
    result = project.run_pytest(
        "test_failing.py", "-k", "last_offer", "--durable-budget", "1", "-odurable_schedules=failed.txt"
    )

    assert "but so: Completed: a" in result.stdout
