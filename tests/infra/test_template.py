"""The template passes every check, as it is, and as `azd init` would copy it."""

from __future__ import annotations

import json

import pytest

from infra.cases import CASES
from infra.checks import CHECKS, faults
from infra.compiler import HOW_TO_GET_IT
from infra.repository_checks import copied_by_azd_init
from infra.snapshots import FOLDER, digest
from infra.template import Template

TEMPLATE = Template.read()


@pytest.mark.parametrize("name", CHECKS)
def test_the_template_passes_check(name: str) -> None:
    assert list(CHECKS[name](TEMPLATE)) == []


@pytest.mark.parametrize("name", ["template", *(f"snapshots/{case}" for case in CASES)])
def test_what_the_compiler_made_was_made_from_these_sources(name: str) -> None:
    made = json.loads(TEMPLATE.files[f"{FOLDER}/{name}.json"])

    assert made["digest"] == digest(TEMPLATE.files), (
        f"infra/ has changed since {FOLDER}/{name}.json was made: run `PYTHONPATH=tests python -m infra.snapshots`, "
        f"which needs the compiler. {HOW_TO_GET_IT}"
    )


@pytest.mark.parametrize("case", CASES)
def test_a_snapshot_is_that_of_its_case(case: str) -> None:
    made = json.loads(TEMPLATE.files[f"{FOLDER}/snapshots/{case}.json"])

    assert made["environment"] == CASES[case].environment


def test_every_snapshot_has_a_case() -> None:
    kept = {path for path in TEMPLATE.files if path.startswith(f"{FOLDER}/snapshots/")}

    assert kept == {f"{FOLDER}/snapshots/{case}.json" for case in CASES}


def test_the_digest_sees_any_change_of_the_sources_but_not_how_lines_end() -> None:
    windows = {path: text.replace("\n", "\r\n") for path, text in TEMPLATE.files.items()}
    changed = TEMPLATE.changed(
        "infra/modules/storage.bicep", "allowSharedKeyAccess: false", "allowSharedKeyAccess: true"
    )

    assert digest(windows) == digest(TEMPLATE.files)
    assert digest(changed.files) != digest(TEMPLATE.files)


def test_the_copy_that_azd_init_makes_passes_every_check() -> None:
    copy = copied_by_azd_init(TEMPLATE)

    assert "CONTRIBUTING.md" not in copy.files
    assert faults(copy) == {}
