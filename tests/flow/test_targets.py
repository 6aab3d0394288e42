"""The choice of targets: what is chosen, what is left out, and that a target which is not there fails."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from flow.target_choice import chosen_targets

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
RUN_SECONDS: Final = 120.0
# What makes a task, or an action, in SDK 1.7.
ACTIONS: Final = {
    "call_activity",
    "call_activity_with_retry",
    "call_entity",
    "call_http",
    "call_sub_orchestrator",
    "call_sub_orchestrator_with_retry",
    "continue_as_new",
    "create_timer",
    "signal_entity",
    "task_all",
    "task_any",
    "wait_for_external_event",
}


def run_flow_tests(folder: Path, *arguments: str, path: str | None = None) -> tuple[int, str]:
    """Run flow tests in a process of their own, with its cache in a folder; returns the exit code and what it said."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    if path is not None:
        environment["PATH"] = path
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", *arguments, "--color=no", "-o", f"cache_dir={folder}"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    return run.returncode, run.stdout + run.stderr


def nodes_of(folder: Path) -> list[ast.AST]:
    """Every node of the Python files in a folder."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in folder.glob("*.py")]
    return [node for tree in trees for node in ast.walk(tree)]


def test_harness_and_local_host_are_the_targets_where_none_is_given() -> None:
    choice = chosen_targets(None, None)

    assert (choice.targets, choice.is_default) == (("harness", "local"), True)


def test_url_is_a_deployed_app_with_its_key() -> None:
    choice = chosen_targets(["https://titles.example.net/", "harness"], "secret")

    assert choice.targets == ("deployed", "harness")
    assert (choice.address, choice.key) == ("https://titles.example.net", "secret")


@pytest.mark.parametrize(
    ("targets", "key", "said"),
    [
        (["locally"], None, "'locally' is none: choose harness, local, func"),
        (["https://a.example", "https://b.example"], None, "one URL"),
        (["local"], "secret", "--key goes with --target URL"),
    ],
    ids=["unknown", "two urls", "key without url"],
)
def test_wrong_choice_is_refused_with_what_to_choose(targets: list[str], key: str | None, said: str) -> None:
    with pytest.raises(pytest.UsageError, match=said):
        chosen_targets(targets, key)


@pytest.mark.long
def test_deployed_app_is_asked_for_titles_only_and_a_func_that_is_not_there_fails(
    titles_on_local: str, tmp_path: Path
) -> None:
    code, said = run_flow_tests(
        tmp_path,
        "tests/flow",
        "--target",
        titles_on_local,
        "--key",
        "any",
        "--target",
        "func",
        "-k",
        "titles",
        path="/",
    )

    passed = re.findall(r"^tests/flow/(\S+)::\S+\[(.+)\] PASSED", said, re.MULTILINE)
    assert code == 1, said
    assert len(passed) == 7
    assert {file for file, _ in passed} == {"test_titles.py"}
    assert {target.partition("-")[0] for _, target in passed} == {"deployed"}
    assert "a deployed app is the app of src: only the tests of its titles run there:" in said
    assert "there is no `func` on PATH. Install them" in said
    assert "7 errors" in said
    assert "skipped" not in said


@pytest.mark.long
def test_func_on_path_is_started_for_both_apps(tmp_path: Path) -> None:
    """A stand-in shows how ``func`` is called and what it is given: a script that starts our host in its place."""
    stand_in = tmp_path / "func"
    stand_in.write_text(
        f"#!{sys.executable}\n"
        "import os, sys\n"
        "assert sys.argv[1:3] == ['start', '--port'], sys.argv\n"
        f"os.environ['PYTHONPATH'] = {str(ROOT / 'tests')!r}\n"
        "command = [sys.executable, '-m', 'durable_host', 'start', '--script-root', '.', *sys.argv[2:]]\n"
        "os.execv(sys.executable, command)\n",
        encoding="utf-8",
    )
    stand_in.chmod(0o755)
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])

    code, said = run_flow_tests(
        tmp_path, "tests/flow", "-k", "one_after_the_other_each or default_pages", "--target", "func", path=path
    )

    assert code == 0, said
    assert "2 passed" in said


def test_app_uses_every_kind_of_action_and_each_of_its_orchestrators_is_run() -> None:
    app, tests = nodes_of(HERE / "app"), nodes_of(HERE)
    used = {node.attr for node in app if isinstance(node, ast.Attribute)}
    orchestrators = {
        node.name
        for node in app
        if isinstance(node, ast.FunctionDef)
        and any("orchestration_trigger" in ast.unparse(decorator) for decorator in node.decorator_list)
    }
    named = {node.value for node in [*app, *tests] if isinstance(node, ast.Constant)}

    assert ACTIONS - used == set()
    assert len(orchestrators) > 30
    assert orchestrators - named == set()
