"""The template passes every check, as it is, and as `azd init` would copy it."""

from __future__ import annotations

import json
import re

import pytest

from infra.checks import CHECKS, faults
from infra.repository_checks import copied_by_azd_init
from infra.template import Template

TEMPLATE = Template.read()


@pytest.mark.parametrize("name", CHECKS)
def test_the_template_passes_check(name: str) -> None:
    assert list(CHECKS[name](TEMPLATE)) == []


def test_every_combination_of_the_switches_is_worked_out() -> None:
    settings = [str(setting) for setting, _ in TEMPLATE.deployments]

    assert len(set(settings)) == 2 * 2 * 2 * 3


def test_the_copy_that_azd_init_makes_passes_every_check() -> None:
    copy = copied_by_azd_init(TEMPLATE)

    assert "CONTRIBUTING.md" not in copy.files
    assert faults(copy) == {}


def test_the_other_host_json_of_the_readme_fits_the_template() -> None:
    (told,) = re.findall(r"```json\n(\{\n  \"hubName\".*?)```", TEMPLATE.files["README.md"], re.S)
    host = json.loads(TEMPLATE.files["src/host.json"])
    host["extensions"]["durableTask"] = json.loads(told)

    switched = TEMPLATE.with_file("src/host.json", json.dumps(host))

    assert faults(switched, "package") == {}
