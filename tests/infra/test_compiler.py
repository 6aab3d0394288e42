"""What the real compiler says of infra/: no fault, the committed snapshots, and no to what Azure does not have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.cases import CASES, Case
from infra.compiler import Compiler, RefusedDeploymentError
from infra.name_checks import AWKWARD_NAMES, names_faults
from infra.snapshots import FOLDER, MAIN, outline
from infra.template import ROOT, Template

TEMPLATE = Template.read()
BICEP_FILES = sorted(path for path in TEMPLATE.files if path.endswith(".bicep"))
STALE = "the committed one was made by bicep {made}, this is {here}: run `PYTHONPATH=tests python -m infra.snapshots`"

pytestmark = [pytest.mark.bicep, pytest.mark.xdist_group("bicep")]


def deploy(compiler: Compiler, folder: Path, environment: dict[str, str]) -> Template:
    """Work out what `azd provision` deploys with these variables."""
    named = {"AZURE_ENV_NAME": "titles", "AZURE_LOCATION": "swedencentral"}
    return TEMPLATE.with_snapshot(compiler, folder, Case(name="default", environment={**named, **environment}))


@pytest.mark.parametrize("path", BICEP_FILES)
def test_the_compiler_and_every_rule_of_its_linter_are_content_with(compiler: Compiler, path: str) -> None:
    assert [str(each) for each in compiler.diagnostics(ROOT, path)] == []


@pytest.mark.parametrize("path", BICEP_FILES)
def test_the_formatter_would_change_nothing_in(compiler: Compiler, path: str) -> None:
    assert compiler.format(ROOT / path) == TEMPLATE.files[path]


def test_the_committed_outline_is_what_the_compiler_gives(compiler: Compiler) -> None:
    kept = json.loads(TEMPLATE.files[f"{FOLDER}/template.json"])
    made = outline(compiler, ROOT / MAIN)

    assert made == {name: kept[name] for name in made}, STALE.format(made=kept["bicep"], here=compiler.version())


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_the_committed_snapshot_is_what_the_compiler_gives(compiler: Compiler, tmp_path: Path, case: Case) -> None:
    kept = json.loads(TEMPLATE.files[f"{FOLDER}/snapshots/{case.name}.json"])
    made = json.loads(TEMPLATE.with_snapshot(compiler, tmp_path, case).files[f"{FOLDER}/snapshots/{case.name}.json"])

    assert made == {name: kept[name] for name in made}, STALE.format(made=kept["bicep"], here=compiler.version())


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AZURE_LOCATION", "eastus2euap"),
        ("FUNCTION_PYTHON_VERSION", "3.10"),
        ("INSTANCE_MEMORY_MB", "1024"),
        ("MAXIMUM_INSTANCE_COUNT", "1001"),
        ("DURABLE_ALWAYS_READY", "-1"),
        ("VNET_ENABLED", "perhaps"),
        ("STORAGE_ACCOUNT_NAME", "x" * 25),
    ],
)
def test_a_value_that_azure_does_not_have_is_refused(
    compiler: Compiler, tmp_path: Path, variable: str, value: str
) -> None:
    with pytest.raises(RefusedDeploymentError):
        deploy(compiler, tmp_path, {variable: value})


def test_a_region_without_the_scheduler_is_refused_with_what_to_do_instead(compiler: Compiler, tmp_path: Path) -> None:
    in_germany = {"AZURE_LOCATION": "germanywestcentral", "DURABLE_TASK_SCHEDULER_ENABLED": "true"}

    with pytest.raises(RefusedDeploymentError, match=r"germanywestcentral\. Set DURABLE_TASK_SCHEDULER_LOCATION"):
        deploy(compiler, tmp_path, in_germany)


@pytest.mark.parametrize("value", ["", "true", "1"])
def test_an_empty_variable_gives_the_default_and_azds_other_words_for_true_count(
    compiler: Compiler, tmp_path: Path, value: str
) -> None:
    deployment = deploy(compiler, tmp_path, {"VNET_ENABLED": value}).deployment("default")

    assert len(deployment.of_type("Microsoft.Network/virtualNetworks")) == 1


@pytest.mark.parametrize("name", AWKWARD_NAMES)
def test_every_name_is_legal_whatever_the_environment_is_called(compiler: Compiler, tmp_path: Path, name: str) -> None:
    asked, other_case = (
        deploy(compiler, tmp_path, {"AZURE_ENV_NAME": each}).deployment("default") for each in (name, name.swapcase())
    )

    assert list(names_faults(asked)) == []
    assert [each.name for each in asked.resources] == [each.name for each in other_case.resources], (
        "upper and lower case share a resource group in Azure, so they have to share the names in it"
    )
