"""What runs in another interpreter: reads requests, one a line, and answers each with what the SDK answers there."""

from __future__ import annotations

import base64
import importlib.util
import json
import marshal
import os
import pickle
import sys
from collections.abc import Callable
from types import CellType, FunctionType, ModuleType
from typing import Any

from durable_harness.worker.indexing import handle_of

__all__ = ["main"]


def main() -> None:
    """Answer until there is no more request."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what an app prints is no answer
    for line in sys.stdin:
        answers.write(json.dumps(_reply(json.loads(line))) + "\n")
        answers.flush()


def _reply(request: dict[str, Any]) -> dict[str, str]:
    try:
        handle = _handle(request)
    except BaseException as error:  # whatever importing an app raises, an exit included
        return {"failure": f"its module cannot be imported there: {type(error).__name__}: {error}"}
    try:
        return {"answer": handle(request["payload"])}
    except Exception as error:
        return {"answer": f"{type(error).__name__}: {error}"}


def _handle(request: dict[str, Any]) -> Callable[[str], str]:
    module = _module(request["module"], request["file"])
    defaults, keyword_defaults, values, input_type = pickle.loads(base64.b64decode(request["values"]))
    code = marshal.loads(base64.b64decode(request["code"]))
    cells = tuple(CellType(value) for value in values)
    function = FunctionType(code, vars(module), request["name"], defaults, cells or None)
    function.__kwdefaults__ = keyword_defaults
    return handle_of(function, input_type)


def _module(name: str, file: str) -> ModuleType:
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) == file:
        return known
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python file")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
