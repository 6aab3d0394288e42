"""The plugin and the two packages in a project of somebody else: copied alone, with pytest and the SDK."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
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
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the two packages, an app and its tests."""
    folder = tmp_path_factory.mktemp("project")
    for package in ("durable_engine", "durable_harness"):
        shutil.copytree(TESTS / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    files = {"shop_app.py": APP, "conftest.py": CONFTEST, "test_shop.py": TEST, "test_failing.py": FAILING}
    for name, text in files.items():
        folder.joinpath(name).write_text(text, encoding="utf-8")
    settings = "durable_app = shop_app:shop\ndurable_settings = local.settings.json\n"
    folder.joinpath("pytest.ini").write_text(f"[pytest]\n{settings}", encoding="utf-8")
    folder.joinpath("local.settings.json").write_text('{"Values": {"UNIT_PRICE": "3"}}', encoding="utf-8")
    return folder


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(template, tmp_path / "project")


@pytest.fixture(scope="module")
def token(template: Path) -> str:
    """The token that a failing test of the project prints."""
    found = run_pytest(template, "test_failing.py", "-k", "last_offer")
    shown = re.search(r"--durable-replay=(\S+)", found.stdout)
    assert shown is not None, found.stdout
    return shown[1]


def run_pytest(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the project's tests in a process that knows nothing of ours but what was copied."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHON"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=project,
        env=environment | {"PYTHONPATH": str(project), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_two_packages_alone_work_in_another_project_and_in_the_workers_of_xdist(project: Path) -> None:
    result = run_pytest(project, "test_shop.py", "-n", "2")

    assert "4 passed" in result.stdout, result.stdout + result.stderr


def test_a_failing_test_shows_the_timeline_and_writes_it_as_html(project: Path) -> None:
    result = run_pytest(project, "test_failing.py", "-k", "wrong", "--durable-timelines", "timelines")

    assert "timeline of orders-1" in result.stdout
    assert "1 activity" in result.stdout
    (page,) = project.joinpath("timelines").iterdir()
    assert page.name == "test_wrong-orders-1.html"
    assert "<svg" in page.read_text(encoding="utf-8")


def test_a_finding_in_the_first_episode_and_an_unused_answer_concern_their_tests_alone(project: Path) -> None:
    result = run_pytest(project, "test_failing.py", "-k", "finding or unused")

    assert "1 failed, 1 passed, 2 deselected, 1 warning" in result.stdout, result.stdout
    assert "DeterminismError: The orchestrator uses wall clock (time.time)" in result.stdout
    assert "task_hub.py" not in result.stdout  # the traceback ends in the test's own line
    assert "no timeline: 'clock_reader-1' (clock_reader) has not ended its first episode." in result.stdout
    assert "UnusedWarning: The answer for 'price' was never asked for." in result.stdout


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["here", "in a worker"])
def test_a_token_that_no_test_replays_fails_the_session(project: Path, token: str, workers: tuple[str, ...]) -> None:
    result = run_pytest(project, "test_shop.py", f"--durable-replay={token}", *workers)

    assert result.returncode == 1, result.stdout
    assert "4 passed" in result.stdout
    assert "--durable-replay: no test that ran proves anything about 'last_offer'." in result.stdout


def test_an_option_that_cannot_be_used_is_one_message(project: Path) -> None:
    result = run_pytest(project, "test_shop.py", "-odurable_schedules=nowhere.txt")

    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert "durable_schedules names" in result.stderr
    assert "nowhere.txt, which cannot be read" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_token_runs_exactly_the_failing_schedule_again(project: Path, token: str) -> None:
    again = run_pytest(project, "test_failing.py", "-k", "last_offer", f"--durable-replay={token}")

    assert "but so: Completed: a" in again.stdout
    assert "deviates 1 time." in again.stdout


def test_a_token_of_another_run_is_refused(project: Path, token: str) -> None:
    changed = FAILING.replace("lambda item: item", "{'a': 1, 'b': 2}.get").replace('== "b"', "== 2")
    project.joinpath("test_failing.py").write_text(changed, encoding="utf-8")

    again = run_pytest(project, "test_failing.py", "-k", "last_offer", f"--durable-replay={token}")

    assert "The token is of another run of 'last_offer'" in again.stdout


def test_committed_tokens_are_run_first(project: Path, token: str) -> None:
    project.joinpath("failed.txt").write_text(f"# the last offer\n{token}  # swapped\n", encoding="utf-8")
    with project.joinpath("pytest.ini").open("a", encoding="utf-8") as settings:
        settings.write("durable_schedules = failed.txt\n")

    # With a budget of one run, only the committed schedule can have shown it.
    result = run_pytest(project, "test_failing.py", "-k", "last_offer", "--durable-budget", "1")

    assert "but so: Completed: a" in result.stdout
