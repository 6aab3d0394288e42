"""The app that was recorded on the real engine, as a subject of the harness.

Loads ``fixtures/recordings/app`` as a module of its own, and leaves the SDK as it was.
Invariant: the app is loaded once in a process, under a name that nobody else uses.
"""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

from azure.durable_functions.entity import Entity
from azure.durable_functions.orchestrator import Orchestrator

__all__ = ["recorded_module"]

_APP = Path(__file__).parents[2] / "fixtures" / "recordings" / "app" / "function_app.py"


@cache
def recorded_module() -> ModuleType:
    """The app's module; its ``app`` is the DFApp."""
    spec = importlib.util.spec_from_file_location("recorded_function_app_of_the_harness", _APP)
    if spec is None or spec.loader is None:
        raise LookupError(f"No function app at {_APP}.")
    module = importlib.util.module_from_spec(spec)
    originals = Orchestrator.create, Entity.create
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        Orchestrator.create, Entity.create = (staticmethod(original) for original in originals)
    return module
