"""Who may import whom: the arrows of the architecture, between packages, between their rooms, and from outside.

Invariant: an import that no table here allows fails with file, line and what may be imported instead; a folder that no
table names fails too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
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

ROOMS = {
    "durable_engine": ("model", "wire", "entities", "orchestration", "histories", "checking", "timeline"),
    "durable_harness": ("core", "app", "worker", "hub", "running", "checks", "exploring"),
    "durable_host": (
        "clock",
        "task_hub",
        "config",
        "app",
        "bindings",
        "triggers",
        "azurite",
        "dispatch",
        "http",
        "dashboard",
        "host",
        "cli",
        "__main__",
        "testing",
    ),
    "durable_host/task_hub": ("base", "account", "queues", "tables", "leases", "hub"),
}
"""The rooms of a package, lowest first: a room imports from the rooms before it. What is not named stands above all."""

OWN_TESTS = {
    "durable_engine": {"engine"},
    "durable_harness": {"harness"},
    "recorded_pages": {"bench", "pages"},
    "durable_host": {"attack", "host", "dashboard", "takeover", "kill", "bench"},
}
"""The suites that may look inside a package; `bench` measures parts beside their peers."""

DOORS = {
    "durable_engine",
    "durable_harness",
    "recorded_pages",
    "durable_host",
    "durable_host.azurite",
    "durable_host.http.management",
    "durable_host.task_hub",
    "durable_host.testing",
    "durable_host.testing.plugin",
}
"""The packages whose ``__init__`` says what they offer to everybody else."""

SUITES = {
    "attack",
    "bench",
    "browser",
    "dashboard",
    "edge",
    "engine",
    "flow",
    "harness",
    "host",
    "host_apps",
    "host_process",
    "infra",
    "kill",
    "package",
    "pages",
    "properties",
    "recorded_host",
    "recorded_triggers",
    "takeover",
}


def _layers() -> dict[str, Path]:
    return {"src": ROOT / "src", **{name: TESTS / name for name in ALLOWED if name != "src"}}


def _ours() -> set[str]:
    packages = {path.name for path in TESTS.iterdir() if path.is_dir()}
    return packages | {path.stem for path in (ROOT / "src").glob("*.py")} | {"tests"}


@cache
def _modules(path: Path) -> tuple[tuple[int, str], ...]:
    return tuple(_read(path))


def _read(path: Path) -> Iterator[tuple[int, str]]:
    """The line and the dotted name of everything that a file imports, absolute or not at all."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level and "apps" in path.parts:
                continue  # An app's own: what users write is not ours to forbid.
            assert node.level == 0, f"{path}, line {node.lineno}: imports are absolute here"
            yield node.lineno, node.module or ""
            # `from package import room`: what is imported may be a module of its own.
            folder = TESTS / (node.module or "").replace(".", "/")
            for alias in node.names:
                if (folder / f"{alias.name}.py").is_file() or (folder / alias.name / "__init__.py").is_file():
                    yield node.lineno, f"{node.module}.{alias.name}"


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    yield from ((line, name.partition(".")[0]) for line, name in _modules(path))


def _suite_of(path: Path) -> str:
    return path.relative_to(TESTS).parts[0]


def test_every_folder_of_tests_is_a_layer_or_a_suite() -> None:
    folders = {path.name for path in TESTS.iterdir() if any(path.rglob("*.py"))} - {"__pycache__"}

    assert folders - {path.name for path in TESTS.glob("*.py")} == SUITES | (ALLOWED.keys() - {"src"})


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


@pytest.mark.parametrize("package", list(ROOMS))
def test_a_room_imports_only_from_rooms_below_it(package: str) -> None:
    rooms, prefix = ROOMS[package], package.replace("/", ".") + "."
    folder = TESTS / package
    wrong = []
    for path in sorted(folder.rglob("*.py")):
        room = path.relative_to(folder).with_suffix("").parts[0]
        rank = rooms.index(room) if room in rooms else len(rooms)
        for line, name in _modules(path):
            other = name.removeprefix(prefix).partition(".")[0]
            if name.startswith(prefix) and other != room and other in rooms[rank:]:
                wrong.append(f"{path.relative_to(ROOT)}, line {line}: {room} imports {name}; below it: {rooms[:rank]}")

    assert wrong == []


@pytest.mark.parametrize("package", list(ROOMS))
def test_every_room_of_a_package_has_its_place_in_the_order(package: str) -> None:
    folder = TESTS / package

    rooms = {path.parent.name for path in folder.glob("*/__init__.py")}

    assert rooms <= set(ROOMS[package]), f"put {sorted(rooms - set(ROOMS[package]))} into ROOMS[{package!r}]"


def test_only_its_own_tests_look_inside_a_package() -> None:
    """Everybody else takes what a package's ``__init__`` exports."""
    wrong = [
        f"{path.relative_to(ROOT)}, line {line}: {name}; import it from {package!r}, which exports what it offers"
        for path in sorted(TESTS.rglob("*.py"))
        for line, name in _modules(path)
        if (package := name.partition(".")[0]) in OWN_TESTS
        and _suite_of(path) not in OWN_TESTS[package] | {package}
        and name not in DOORS
    ]

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
    for init in sorted((TESTS / package).rglob("__init__.py")):
        tree = ast.parse(init.read_text(encoding="utf-8"))

        others = [
            node
            for node in tree.body
            if not isinstance(node, (ast.Import, ast.ImportFrom))
            and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
            and not (isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"])
        ]

        assert ast.get_docstring(tree), init
        assert [ast.unparse(node) for node in others] == [], init
