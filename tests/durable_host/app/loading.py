"""Importing the user's app, and saying in one line what is wrong with it.

From a script root to the app's functions as azure-functions built them, or an ``AppError`` with file and line.
Invariant: whatever the app does wrong while it is imported becomes an ``AppError`` that names a line of the app.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from durable_engine import read_function
from durable_host.app.declared import DeclaredFunction
from durable_host.app.exits import exits_contained
from durable_host.config.installed import sdk_problem

if TYPE_CHECKING:
    from azure.functions import FunctionRegister
    from azure.functions.decorators.function_app import Function

__all__ = [
    "DEFAULT_SCRIPT_FILE",
    "AppError",
    "check_host_json_for_sdk",
    "import_functions",
    "import_module_of",
    "line_of",
    "put_on_path",
]

DEFAULT_SCRIPT_FILE = "function_app.py"

_SCRIPT_FILE_NAME = re.compile(r"^[a-zA-Z0-9_][a-zA-Z0-9_\-]*\.py$")


class AppError(Exception):
    """The app cannot be run: one line that says where, what, and what to do."""

    def __init__(self, problem: str, *, path: Path, line: int | None = None) -> None:
        self.path, self.line = path, line
        where = f"{path}, line {line}" if line else f"{path}"
        super().__init__(f"{where}: {problem}")


def import_functions(script_root: Path, script_file: str) -> list[DeclaredFunction]:
    """The functions of the app in ``script_root``, built and validated by azure-functions."""
    path = script_root / script_file
    if not _SCRIPT_FILE_NAME.match(script_file):
        raise AppError(
            f"PYTHON_SCRIPT_FILE_NAME is '{script_file}': it must be a file name of letters, digits, _ and - that "
            "ends in .py.",
            path=path,
        )
    if not path.is_file():
        raise AppError(
            "there is no such file. An app of the Python v2 model has its functions in it; give its folder with "
            "--script-root. An app of the v1 model has a folder with a function.json for each of them.",
            path=path,
        )
    if problem := sdk_problem():
        raise AppError(problem, path=path)
    module = _import(script_root, path)
    app = _only_app(module, path)
    try:
        # The second call of get_functions on one app always fails, so the answer is kept by the index.
        return [_declared(function, path) for function in app.get_functions()]
    except Exception as error:
        raise AppError(_text(error), path=path, line=_line_of_named(path, str(error))) from error


def _declared(function: Function, path: Path) -> DeclaredFunction:
    read = read_function(function)
    return DeclaredFunction(
        name=read.name,
        function=read.code,
        bindings=read.bindings,
        trigger_name=read.trigger["name"],
        directory=path.parent.resolve(),
        script_file=path.name,
        entry_point=read.name,
        retry=function.get_settings_dict("retry_policy") or {},
    )


def line_of(function: Callable[..., Any], path: Path) -> tuple[Path, int | None]:
    """Where user code defines a function, through the SDK's and functools' wrappers."""
    for _ in range(20):
        inner = next(
            (
                getattr(function, name)
                for name in ("orchestrator_function", "entity_function", "client_function", "__wrapped__")
                if hasattr(function, name)
            ),
            None,
        )
        if inner is None:
            break
        function = inner
    code = getattr(function, "__code__", None)
    return (Path(code.co_filename), code.co_firstlineno) if code else (path, None)


def put_on_path(script_root: Path) -> None:
    """Let the app import its own modules, and what is installed beside it in ``.python_packages``."""
    root = script_root.resolve()
    for folder in (root / ".python_packages" / "lib" / "site-packages", root):
        if folder.is_dir() and str(folder) not in sys.path:
            sys.path.insert(0, str(folder))


def import_module_of(name: str, script_root: Path, path: Path) -> ModuleType:
    """Import a module of the app; whatever is wrong with it is an AppError that names a line of the app."""
    importlib.invalidate_caches()
    try:
        with exits_contained():
            return importlib.import_module(name)
    except SyntaxError as error:
        raise AppError(
            f"SyntaxError: {error.msg}. Correct that line.", path=Path(error.filename or path), line=error.lineno
        ) from error
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and _is_ours(error):
            raise  # Ctrl+C
        where, line = _place(error, script_root, path)
        advice = "" if isinstance(error, Exception) else " An app must not end the process while it is imported."
        if isinstance(error, ImportError):
            advice = " Install what the app's requirements.txt lists into the environment that runs this host."
        raise AppError(f"{_text(error)}.{advice}", path=where, line=line) from error


def check_host_json_for_sdk(script_root: Path) -> None:
    """Refuse a host.json that the SDK cannot read, for an app that uses the SDK: in Azure such an app does not load."""
    path = script_root / "host.json"
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    except json.JSONDecodeError as error:
        raise AppError(
            f"{_text(error)}. The host takes comments and a comma after the last entry in this file, but "
            "azure-functions-durable reads it too when it is imported, and takes none, in Azure as here: remove them.",
            path=path,
            line=error.lineno,
        ) from error


def _import(script_root: Path, path: Path) -> ModuleType:
    put_on_path(script_root)
    known = sys.modules.get(path.stem)
    if known is not None and Path(getattr(known, "__file__", None) or ".").resolve() != path.resolve():
        del sys.modules[path.stem]
    return import_module_of(path.stem, script_root, path)


def _place(error: BaseException, script_root: Path, path: Path) -> tuple[Path, int | None]:
    """The app's own line that is nearest to where the error was raised."""
    root = script_root.resolve()
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if file.is_absolute() and file.resolve().is_relative_to(root) and "site-packages" not in file.parts:
            return file, frame.lineno
    return path, None


def _is_ours(error: BaseException) -> bool:
    """Whether it was raised by this host, and not by the app or what the app calls."""
    frames = traceback.extract_tb(error.__traceback__)
    return Path(frames[-1].filename).resolve().is_relative_to(Path(__file__).resolve().parents[1])


def _only_app(module: ModuleType, path: Path) -> FunctionRegister:
    # azure.functions is imported late: the app's own import of it is what should fail first when it is missing.
    from azure.functions import FunctionRegister

    names = [name for name in module.__dir__() if isinstance(getattr(module, name, None), FunctionRegister)]
    apps: list[FunctionRegister] = [getattr(module, name) for name in names]
    if not apps:
        raise AppError(
            f"Could not find top level function app instances in {path.name}. Define one, such as app = df.DFApp().",
            path=path,
        )
    if len(apps) > 1:
        raise AppError(
            f"More than one {type(apps[0]).__name__} or other top level function app instances are defined: "
            f"{' and '.join(names)}. Keep one, and make the others Blueprints that it registers with "
            "app.register_functions.",
            path=path,
            line=_line_of_name(path, names[1]),
        )
    return apps[0]


def _line_of_name(path: Path, name: str) -> int | None:
    """The top level statement that gives a name its value."""
    for node in _parsed(path).body:
        targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return node.lineno
    return None


def _line_of_named(path: Path, message: str) -> int | None:
    """The last function definition whose name a message of azure-functions mentions."""
    words = set(re.findall(r"\w+", message))
    lines = [
        node.lineno
        for node in ast.walk(_parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in words
    ]
    return max(lines, default=None)


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes(), filename=str(path))


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(".: ")
