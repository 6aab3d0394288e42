"""Every kind of mistake, planted in memory, is caught by the check that is there for it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import yaml

from infra.checks import CHECKS, faults
from infra.template import MAIN, ROOT, Template

TEMPLATE = Template.read()
PLANTED = ROOT / "fixtures/infra/planted_mistakes.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """What is wrong, the check that has to notice, and the change that makes it so."""

    what: str
    check: str
    path: str
    old: str
    new: str


MISTAKES = [Mistake(**entry) for entry in yaml.safe_load(PLANTED.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.what.replace(" ", "-"))
def test_a_planted_mistake_is_caught_by_its_check(mistake: Mistake) -> None:
    planted = TEMPLATE.changed(mistake.path, mistake.old, mistake.new)

    assert faults(planted, mistake.check).keys() == {mistake.check}


def test_every_check_has_a_planted_mistake() -> None:
    assert {mistake.check for mistake in MISTAKES} == set(CHECKS)


def test_a_mistake_whose_place_is_gone_fails_rather_than_passes() -> None:
    with pytest.raises(ValueError, match="has lost its place"):
        TEMPLATE.changed(MAIN, "no such text", "")
