"""Apps of the v1 model: a folder for each function, with a function.json and a script.

Invariant: scripts are imported as the worker imports them, as modules of the package ``__app__``, with which their
relative imports work.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from durable_host.app.declared import DeclaredFunction
from durable_host.app.loading import AppError, import_module_of, put_on_path
from durable_host.config.installed import sdk_problem
from durable_host.config.lenient_json import load_lenient

__all__ = ["function_folders", "import_folders"]

_PACKAGE: Final = "__app__"
_FILE: Final = "function.json"
_RETRY: Final = {
    "maxRetryCount": "max_retry_count",
    "delayInterval": "delay_interval",
    "minimumInterval": "minimum_interval",
    "maximumInterval": "maximum_interval",
}


def function_folders(script_root: Path) -> list[Path]:
    """The folders of functions, by name."""
    return sorted(path.parent for path in script_root.glob(f"*/{_FILE}"))


def import_folders(script_root: Path, folders: Sequence[Path]) -> list[DeclaredFunction]:
    """Import the functions of the folders; ``AppError`` says in one line what keeps one from running."""
    if problem := sdk_problem():
        raise AppError(problem, path=script_root)
    put_on_path(script_root)
    package = ModuleType(_PACKAGE)
    package.__path__ = [str(script_root.resolve())]
    for name in [name for name in sys.modules if name.partition(".")[0] == _PACKAGE]:
        del sys.modules[name]
    sys.modules[_PACKAGE] = package
    return [_function(script_root, folder) for folder in folders]


def _function(script_root: Path, folder: Path) -> DeclaredFunction:
    path = folder / _FILE
    declared = _read(path)
    script_file = str(declared.get("scriptFile") or "__init__.py")
    entry_point = str(declared.get("entryPoint") or "main")
    script = folder / script_file
    if not script.is_file():
        raise AppError(f"it names the script {script_file!r}, and '{script}' is not there.", path=path)
    parts = [_PACKAGE, folder.name, *([] if script.stem == "__init__" else [script.stem])]
    module = import_module_of(".".join(parts), script_root, script)
    code = getattr(module, entry_point, None)
    if not callable(code):
        raise AppError(f"there is no function {entry_point!r} in it, which {_FILE} names.", path=script)
    bindings = list(_bindings(path, folder.name, declared.get("bindings")))
    triggers = [binding["name"] for binding in bindings if str(binding["type"]).lower().endswith("trigger")]
    if len(triggers) != 1:
        raise AppError(f"a function needs one trigger, and this has {len(triggers)}.", path=path)
    retry = declared.get("retry") or {}
    return DeclaredFunction(
        name=folder.name,
        function=code,
        bindings=bindings,
        trigger_name=triggers[0],
        directory=folder.resolve(),
        script_file=script_file,
        entry_point=entry_point,
        retry={_RETRY[key]: value for key, value in retry.items() if key in _RETRY},
        is_disabled=declared.get("disabled") is True,
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        declared = load_lenient(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise AppError(f"not valid JSON ({error.msg}).", path=path, line=error.lineno) from error
    if not isinstance(declared, dict):
        raise AppError("it must hold a JSON object.", path=path)
    return declared


def _bindings(path: Path, name: str, bindings: object) -> Iterator[dict[str, Any]]:
    for binding in bindings if isinstance(bindings, list) else []:
        if not isinstance(binding, dict) or not isinstance(binding.get("name"), str) or "type" not in binding:
            raise AppError(f"a binding needs a name and a type: {binding!r}.", path=path)
        extra = {"route": name} if binding["type"] == "httpTrigger" and not binding.get("route") else {}
        yield {**binding, **extra}
