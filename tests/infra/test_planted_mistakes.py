"""Every kind of mistake, planted in a copy, is noticed by the compiler or by the check that is there for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.checks import CHECKS
from infra.compiler import Compiler
from infra.planted import COMPILER, MISTAKES, Mistake, messages
from infra.template import MAIN, Template

TEMPLATE = Template.read()


def named(mistake: Mistake) -> str:
    return mistake.what.replace(" ", "-")


@pytest.mark.parametrize("mistake", [each for each in MISTAKES if not each.needs_compiler], ids=named)
def test_a_planted_mistake_is_noticed(mistake: Mistake, tmp_path: Path) -> None:
    assert mistake.says in "\n".join(messages(mistake, TEMPLATE, None, tmp_path))


@pytest.mark.bicep
@pytest.mark.xdist_group("bicep")
@pytest.mark.parametrize("mistake", [each for each in MISTAKES if each.needs_compiler], ids=named)
def test_a_mistake_planted_in_bicep_is_noticed(mistake: Mistake, compiler: Compiler, tmp_path: Path) -> None:
    assert mistake.says in "\n".join(messages(mistake, TEMPLATE, compiler, tmp_path))


def test_everyone_who_has_to_notice_has_a_planted_mistake() -> None:
    assert {mistake.by for mistake in MISTAKES} == {*CHECKS, COMPILER}


def test_no_planted_mistake_goes_without_words_to_look_for() -> None:
    assert all(mistake.says for mistake in MISTAKES)


def test_a_mistake_whose_place_is_gone_fails_rather_than_passes() -> None:
    with pytest.raises(ValueError, match="has lost its place"):
        TEMPLATE.changed(MAIN, "no such text", "")
