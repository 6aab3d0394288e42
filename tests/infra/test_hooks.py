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
    "AZURE_STORAGE_TABLE_HOST": "stx.table.core.windows.net",
    "SERVICE_API_URI": "https://func-x.example",
}
# Stands in for the real command, which tests/host covers: here only its exit code and its arguments count.
STAND_IN = "import sys\nprint('asked for', *sys.argv[1:])\nsys.exit({code})\n"


def run(root: Path, script: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a hook of a copy of the repository, with no variable but those given."""
    return subprocess.run(
        [sys.executable, "-E", "-s", str(root / "infra" / "hooks" / script)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "infra", tmp_path / "infra", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "src").mkdir()
    shutil.copy(ROOT / "src" / "host.json", tmp_path / "src")
    return tmp_path


@pytest.fixture
def before_deploy(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The hook as a module; azd runs it as a script, with its folder on the path."""
    folder = ROOT / "infra" / "hooks"
    monkeypatch.syspath_prepend(folder)
    spec = importlib.util.spec_from_file_location("before_deploy", folder / "before_deploy.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def storage_provider(root: Path) -> dict[str, object]:
    """Read from host.json who keeps the task hub."""
    host = json.loads((root / "src" / "host.json").read_text(encoding="utf-8"))
    provider: dict[str, object] = host["extensions"]["durableTask"]["storageProvider"]
    return provider


def test_after_up_prints_the_url_and_how_to_get_the_key() -> None:
    done = run(ROOT, "after_up.py", OUTPUTS)

    assert done.returncode == 0
    assert "https://func-x.example/api/FetchOrchestration_HttpStart" in done.stdout
    assert 'az functionapp keys list --resource-group "rg-x" --name "func-x"' in done.stdout


def test_after_up_says_what_is_missing() -> None:
    done = run(ROOT, "after_up.py", {})

    assert done.returncode == 1
    assert "No SERVICE_API_URI, AZURE_FUNCTION_NAME, AZURE_RESOURCE_GROUP in the environment" in done.stderr


@pytest.mark.parametrize("unset", [{}, {"REPLAY_BEFORE_DEPLOY": ""}, {"REPLAY_BEFORE_DEPLOY": "false"}])
def test_before_deploy_says_nothing_unless_it_is_asked_to_replay(unset: dict[str, str]) -> None:
    done = run(ROOT, "before_deploy.py", OUTPUTS | unset)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("unset", [{}, {"DURABLE_TASK_SCHEDULER_ENABLED": ""}])
def test_the_package_has_the_storage_account_unless_the_scheduler_is_switched_on(
    copy: Path, unset: dict[str, str]
) -> None:
    before = (copy / "src" / "host.json").read_bytes()

    done = [run(copy, script, unset) for script in ("before_package.py", "after_package.py")]

    assert [(each.returncode, each.stdout, each.stderr) for each in done] == [(0, "", "")] * 2
    assert (copy / "src" / "host.json").read_bytes() == before


def test_the_package_has_the_scheduler_when_it_is_switched_on_and_the_folder_has_not_afterwards(copy: Path) -> None:
    before = (copy / "src" / "host.json").read_bytes()
    own = json.loads(before)

    run(copy, "before_package.py", {"DURABLE_TASK_SCHEDULER_ENABLED": "true"})
    packed = json.loads((copy / "src" / "host.json").read_text(encoding="utf-8"))
    run(copy, "after_package.py", {"DURABLE_TASK_SCHEDULER_ENABLED": "true"})

    assert packed["extensions"]["durableTask"].pop("storageProvider") == {
        "type": "azureManaged",
        "connectionStringName": "DURABLE_TASK_SCHEDULER_CONNECTION_STRING",
    }
    del own["extensions"]["durableTask"]["storageProvider"]
    assert packed == own, "all other settings are one place's, src/host.json's"
    assert (copy / "src" / "host.json").read_bytes() == before
    assert not (copy / ".azure" / "host.json.kept").exists()


def test_an_interrupted_packaging_is_put_right_by_the_next_one(copy: Path) -> None:
    before = (copy / "src" / "host.json").read_bytes()
    run(copy, "before_package.py", {"DURABLE_TASK_SCHEDULER_ENABLED": "true"})

    again = run(copy, "before_package.py", {"DURABLE_TASK_SCHEDULER_ENABLED": "false"})

    assert again.returncode == 0, again.stderr
    assert (copy / "src" / "host.json").read_bytes() == before


def test_a_host_json_that_was_changed_since_is_not_overwritten(copy: Path) -> None:
    run(copy, "before_package.py", {"DURABLE_TASK_SCHEDULER_ENABLED": "true"})
    (copy / "src" / "host.json").write_text('{"version": "2.0"}', encoding="utf-8")

    done = [run(copy, script, {}) for script in ("after_package.py", "before_package.py")]

    assert [each.returncode for each in done] == [1, 1]
    assert all(".azure/host.json.kept" in each.stderr for each in done)
    assert (copy / "src" / "host.json").read_text(encoding="utf-8") == '{"version": "2.0"}'


def test_a_host_json_that_names_the_scheduler_by_itself_is_refused(copy: Path) -> None:
    run(copy, "before_package.py", {"DURABLE_TASK_SCHEDULER_ENABLED": "true"})
    (copy / ".azure" / "host.json.kept").unlink()

    done = run(copy, "before_package.py", {})

    assert storage_provider(copy)["type"] == "azureManaged"
    assert done.returncode == 1
    assert "azd env set DURABLE_TASK_SCHEDULER_ENABLED true" in done.stderr


def test_before_deploy_cannot_replay_a_hub_in_the_scheduler() -> None:
    switched = {"DURABLE_TASK_SCHEDULER_ENABLED": "true", "REPLAY_BEFORE_DEPLOY": "true"}

    done = run(ROOT, "before_deploy.py", OUTPUTS | switched)

    assert done.returncode == 1
    assert "cannot be replayed" in done.stderr


@pytest.mark.parametrize("word", ["1", "t", "TRUE"])
def test_before_deploy_knows_every_word_that_azd_takes_for_true(word: str) -> None:
    done = run(ROOT, "before_deploy.py", {"REPLAY_BEFORE_DEPLOY": word})

    assert "Run `azd provision`" in done.stderr


def test_before_deploy_needs_the_outputs_to_replay() -> None:
    done = run(ROOT, "before_deploy.py", {"REPLAY_BEFORE_DEPLOY": "true"})

    assert done.returncode == 1
    assert "Run `azd provision`\nfirst" in done.stderr


def test_before_deploy_says_that_the_replay_knows_the_public_cloud_only() -> None:
    elsewhere = {"REPLAY_BEFORE_DEPLOY": "true", "AZURE_STORAGE_TABLE_HOST": "stx.table.core.usgovcloudapi.net"}

    done = run(ROOT, "before_deploy.py", OUTPUTS | elsewhere)

    assert done.returncode == 1
    assert "public cloud only" in done.stderr


def test_before_deploy_says_so_when_it_is_outside_of_the_network(before_deploy: ModuleType) -> None:
    with pytest.raises(before_deploy.StopDeployment, match=r"stx\.table\.example answers in its virtual network\nonly"):
        before_deploy.check_way_in({"VNET_ENABLED": ""}, "stx.table.example", ["20.60.1.1"])


def test_before_deploy_says_so_when_the_account_does_not_resolve(before_deploy: ModuleType) -> None:
    with pytest.raises(before_deploy.StopDeployment, match="does not resolve"):
        before_deploy.check_way_in({"VNET_ENABLED": "false"}, "stx.table.example", [])


def test_before_deploy_has_a_way_in_from_the_network_or_without_one(before_deploy: ModuleType) -> None:
    before_deploy.check_way_in({}, "stx.table.example", ["10.0.0.36"])
    before_deploy.check_way_in({"VNET_ENABLED": "false"}, "stx.table.example", ["20.60.1.1"])


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
