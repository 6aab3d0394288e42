"""Who may import whom: the arrows of the architecture, checked on every file.

Keeps the layers one-way.
Invariant: an import that is not in ``ALLOWED`` fails with file, line and what may be imported instead.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests"

ALLOWED = {
    "src": set(),
    "durable_engine": set(),
    "durable_harness": {"durable_engine"},
    "recorded_pages": set(),
    "durable_host": {"durable_engine", "recorded_pages"},
}
"""What each layer may import of ours, besides itself. Suites may import all of them."""


def _layers() -> dict[str, Path]:
    return {"src": ROOT / "src", **{name: TESTS / name for name in ALLOWED if name != "src"}}


def _ours() -> set[str]:
    packages = {path.name for path in TESTS.iterdir() if path.is_dir()}
    return packages | {path.stem for path in (ROOT / "src").glob("*.py")} | {"tests"}


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}, line {node.lineno}: imports are absolute here"
            yield node.lineno, (node.module or "").partition(".")[0]


@pytest.mark.parametrize("layer", list(ALLOWED))
def test_a_layer_imports_only_what_is_below_it(layer: str) -> None:
    folder = _layers()[layer]
    own = {path.stem for path in folder.glob("*.py")} if layer == "src" else {layer}
    allowed = ALLOWED[layer] | own
    files = sorted(folder.rglob("*.py"))

    wrong = [
        f"{path.relative_to(ROOT)}, line {line}: {layer} imports {name!r}; of ours it may import {sorted(allowed)}"
        for path in files
        for line, name in _imports(path)
        if name in _ours() - allowed
    ]

    assert files, f"{folder} holds no Python file"
    assert wrong == []


def test_nothing_imports_a_top_level_tests_package() -> None:
    """The wheel of azure-functions-durable 1.7 installs one of its own."""
    wrong = [
        f"{path.relative_to(ROOT)}, line {line}"
        for path in sorted(TESTS.rglob("*.py"))
        for line, name in _imports(path)
        if name == "tests"
    ]

    assert wrong == []


def test_the_engine_reads_no_clock_and_does_no_input_or_output() -> None:
    banned = {
        "asyncio",
        "io",
        "logging",
        "os",
        "pathlib",
        "random",
        "secrets",
        "socket",
        "subprocess",
        "threading",
        "time",
    }

    wrong = [
        f"{path.relative_to(ROOT)}, line {line}: {name}"
        for path in sorted((TESTS / "durable_engine").rglob("*.py"))
        for line, name in _imports(path)
        if name in banned
    ]

    assert wrong == []


@pytest.mark.parametrize("package", [name for name in ALLOWED if name != "src"])
def test_a_package_says_what_it_offers_and_nothing_else(package: str) -> None:
    """``__init__`` holds a docstring, imports and ``__all__``: no code hides there."""
    tree = ast.parse((TESTS / package / "__init__.py").read_text(encoding="utf-8"))

    others = [
        node
        for node in tree.body
        if not isinstance(node, (ast.Import, ast.ImportFrom))
        and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        and not (isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"])
    ]

    assert ast.get_docstring(tree)
    assert [ast.unparse(node) for node in others] == []
