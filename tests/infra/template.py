"""The template as the checks see it: the text of its files, and what the compiler made of it.

A check sees nothing but a ``Template``, so that a planted mistake is checked exactly as the real files are.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.cases import CASES, Case
from infra.compiler import Compiler
from infra.deployment import Deployment
from infra.snapshots import FOLDER, MAIN, PARAMETERS, outline, snapshot, written

__all__ = ["MAIN", "PARAMETERS", "ROOT", "Template"]

ROOT = Path(__file__).resolve().parents[2]

_OUTLINE = f"{FOLDER}/template.json"
_READ = ("infra/**/*", "src/*", f"{FOLDER}/**/*.json", ".github/**/*", ".devcontainer/*", ".vscode/*", "*")


@dataclass(frozen=True, kw_only=True)
class Template:
    """The files of the template by path; a file that is not text is there with no text."""

    files: Mapping[str, str] = field(repr=False)

    @classmethod
    def read(cls, root: Path = ROOT) -> Template:
        """Read the files that the checks look at."""
        paths = sorted({path for pattern in _READ for path in root.glob(pattern) if _is_ours(path)})
        return cls(files={path.relative_to(root).as_posix(): _text(path) for path in paths})

    def changed(self, path: str, old: str, new: str) -> Template:
        """Answer the template with the one place that reads ``old`` reading ``new``."""
        found = self.files[path].count(old)
        if found != 1:
            raise ValueError(f"{path} has {old!r} {found} times, not once: the planted mistake has lost its place")
        return self.with_file(path, self.files[path].replace(old, new))

    def with_file(self, path: str, text: str) -> Template:
        """Answer the template with a file added or written anew."""
        return dataclasses.replace(self, files={**self.files, path: text})

    def with_outline(self, compiler: Compiler, folder: Path) -> Template:
        """Answer the template with its outline made anew by the compiler, in an empty folder."""
        made = outline(compiler, written(self.files, folder))
        return self.with_file(_OUTLINE, json.dumps(made))

    def with_snapshot(self, compiler: Compiler, folder: Path, case: Case) -> Template:
        """Answer the template with the snapshot of one case made anew by the compiler, in an empty folder."""
        main = written(self.files, folder)
        made = snapshot(compiler, main, self.files[PARAMETERS], self.outline["parameters"], case.environment)
        return self.with_file(_place_of(case.name), json.dumps(made))

    @property
    def outline(self) -> Mapping[str, Any]:
        """Answer the template's parameters, outputs and modules."""
        document: Mapping[str, Any] = json.loads(self.files[_OUTLINE])
        return document

    @property
    def deployments(self) -> Iterator[tuple[Case, Deployment]]:
        """Answer every case with what it deploys."""
        for case in CASES.values():
            yield case, self.deployment(case.name)

    def deployment(self, case: str) -> Deployment:
        """Answer what one case deploys."""
        return Deployment.from_json(json.loads(self.files[_place_of(case)]))


def _place_of(case: str) -> str:
    return f"{FOLDER}/snapshots/{case}.json"


def _is_ours(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""
