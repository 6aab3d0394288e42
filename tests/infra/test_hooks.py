"""The hooks, run as azd runs them: as scripts, with the azd environment in theirs."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from infra.template import ROOT

OUTPUTS = {
    "AZURE_FUNCTION_NAME": "func-x",
    "AZURE_RESOURCE_GROUP": "rg-x",
    "AZURE_STORAGE_ACCOUNT_NAME": "stx",
    "SERVICE_API_URI": "https://func-x.example",
}
# Stands in for the real command, which tests/host covers: here only its exit code and its arguments count.
STAND_IN = "import sys\nprint('asked for', *sys.argv[1:])\nsys.exit({code})\n"


def run(root: Path, script: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a hook of a copy of the repository, with no variable but those given."""
    return subprocess.run(
        [sys.executable, "-I", str(root / "infra" / "hooks" / script)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "infra" / "hooks", tmp_path / "infra" / "hooks")
    (tmp_path / "src").mkdir()
    shutil.copy(ROOT / "src" / "host.json", tmp_path / "src")
    return tmp_path


@pytest.fixture
def before_deploy() -> ModuleType:
    path = ROOT / "infra" / "hooks" / "before_deploy.py"
    spec = importlib.util.spec_from_file_location("before_deploy", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def keep_hub_in_scheduler(root: Path) -> None:
    """Change host.json as the README tells."""
    path = root / "src" / "host.json"
    host = json.loads(path.read_text(encoding="utf-8"))
    host["extensions"]["durableTask"]["storageProvider"] = {"type": "azureManaged"}
    path.write_text(json.dumps(host), encoding="utf-8")


def test_after_up_prints_the_url_and_how_to_get_the_key() -> None:
    done = run(ROOT, "after_up.py", OUTPUTS)

    assert done.returncode == 0
    assert "https://func-x.example/api/FetchOrchestration_HttpStart" in done.stdout
    assert 'az functionapp keys list --resource-group "rg-x" --name "func-x"' in done.stdout


def test_after_up_says_what_is_missing() -> None:
    done = run(ROOT, "after_up.py", {})

    assert done.returncode == 1
    assert "No SERVICE_API_URI, AZURE_FUNCTION_NAME, AZURE_RESOURCE_GROUP in the environment" in done.stderr


def test_before_deploy_says_nothing_unless_it_is_asked_to_replay() -> None:
    done = run(ROOT, "before_deploy.py", OUTPUTS)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_before_deploy_stops_when_host_json_keeps_the_hub_elsewhere(copy: Path) -> None:
    ahead = run(copy, "before_deploy.py", OUTPUTS | {"DURABLE_TASK_SCHEDULER_ENABLED": "true"})
    keep_hub_in_scheduler(copy)
    behind = run(copy, "before_deploy.py", OUTPUTS)
    agreed = run(copy, "before_deploy.py", OUTPUTS | {"DURABLE_TASK_SCHEDULER_ENABLED": "true"})

    assert [each.returncode for each in (ahead, behind, agreed)] == [1, 1, 0]
    assert "azd env set DURABLE_TASK_SCHEDULER_ENABLED false" in ahead.stderr
    assert "azd env set DURABLE_TASK_SCHEDULER_ENABLED true" in behind.stderr


def test_before_deploy_cannot_replay_a_hub_in_the_scheduler(copy: Path) -> None:
    keep_hub_in_scheduler(copy)

    done = run(
        copy,
        "before_deploy.py",
        OUTPUTS | {"DURABLE_TASK_SCHEDULER_ENABLED": "true", "REPLAY_BEFORE_DEPLOY": "true"},
    )

    assert done.returncode == 1
    assert "cannot be replayed" in done.stderr


def test_before_deploy_needs_the_outputs_to_replay() -> None:
    done = run(ROOT, "before_deploy.py", {"REPLAY_BEFORE_DEPLOY": "true"})

    assert done.returncode == 1
    assert "Run `azd provision` first" in done.stderr


def test_before_deploy_says_so_when_it_is_outside_of_the_network(before_deploy: ModuleType) -> None:
    with pytest.raises(before_deploy.StopDeployment, match="in its virtual network\nonly"):
        before_deploy.check_way_in({}, "stx", ["20.60.1.1"])


def test_before_deploy_says_so_when_the_account_does_not_resolve(before_deploy: ModuleType) -> None:
    with pytest.raises(before_deploy.StopDeployment, match="does not resolve"):
        before_deploy.check_way_in({"VNET_ENABLED": "false"}, "stx", [])


def test_before_deploy_has_a_way_in_from_the_network_or_without_one(before_deploy: ModuleType) -> None:
    before_deploy.check_way_in({}, "stx", ["10.0.0.36"])
    before_deploy.check_way_in({"VNET_ENABLED": "false"}, "stx", ["20.60.1.1"])


@pytest.mark.parametrize(
    ("code", "message"), [(0, None), (1, "would break the running instances"), (2, "could not be replayed")]
)
def test_before_deploy_goes_by_what_the_replay_says(
    before_deploy: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int, message: str | None
) -> None:
    (tmp_path / "tests" / "durable_host").mkdir(parents=True)
    (tmp_path / "tests" / "durable_host" / "__main__.py").write_text(STAND_IN.format(code=code), encoding="utf-8")
    monkeypatch.setattr(before_deploy, "ROOT", tmp_path)

    if message is None:
        before_deploy.replay("TitlesHub", "stx", {})
    else:
        with pytest.raises(before_deploy.StopDeployment, match=message):
            before_deploy.replay("TitlesHub", "stx", {})


def test_before_deploy_asks_for_the_hub_and_the_account(
    before_deploy: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tests" / "durable_host").mkdir(parents=True)
    (tmp_path / "tests" / "durable_host" / "__main__.py").write_text(STAND_IN.format(code=0), encoding="utf-8")
    monkeypatch.setattr(before_deploy, "ROOT", tmp_path)

    before_deploy.replay("TitlesHub", "stx", {})

    assert "asked for replay --script-root src --task-hub TitlesHub --account stx" in capfd.readouterr().out
