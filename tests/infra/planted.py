"""Mistakes that are planted in a copy of the template, one at a time, and who has to notice each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from infra.cases import CASES
from infra.checks import faults
from infra.compiler import Compiler, RefusedDeploymentError
from infra.snapshots import written
from infra.template import ROOT, Template

__all__ = ["COMPILER", "MISTAKES", "Mistake", "messages"]

COMPILER = "compiler"
_OF_THE_OUTLINE = frozenset({"order", "outputs", "parameters"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """What is wrong, who has to notice and what is then said, and the change that makes it so."""

    what: str
    by: str
    says: str
    path: str
    old: str
    new: str
    case: str = "default"

    @property
    def needs_compiler(self) -> bool:
        """Answer whether nobody but the compiler can tell what the change leads to."""
        return self.path.endswith(".bicep")


MISTAKES = tuple(
    Mistake(**entry) for entry in yaml.safe_load((ROOT / "fixtures/infra/planted_mistakes.yaml").read_text("utf-8"))
)


def messages(mistake: Mistake, template: Template, compiler: Compiler | None, folder: Path) -> list[str]:
    """Answer what is said of a planted mistake by whoever has to notice it.

    Args:
        mistake: The mistake.
        template: The template without it.
        compiler: The running compiler; None where the mistake does not need it.
        folder: An empty folder.
    """
    planted = template.changed(mistake.path, mistake.old, mistake.new)
    if mistake.needs_compiler:
        assert compiler is not None
        if mistake.by == COMPILER:
            written(planted.files, folder)
            found = [str(each) for each in compiler.diagnostics(folder, mistake.path)]
            return found or _refusal(planted, mistake, compiler, folder)
        if mistake.by in _OF_THE_OUTLINE:
            planted = planted.with_outline(compiler, folder)
        else:
            planted = planted.with_snapshot(compiler, folder, CASES[mistake.case])
    return faults(planted, mistake.by).get(mistake.by, [])


def _refusal(planted: Template, mistake: Mistake, compiler: Compiler, folder: Path) -> list[str]:
    """Answer why the case cannot be worked out, where no text of a file is wrong by itself."""
    try:
        planted.with_snapshot(compiler, folder, CASES[mistake.case])
    except RefusedDeploymentError as refused:
        return [str(refused)]
    return []
