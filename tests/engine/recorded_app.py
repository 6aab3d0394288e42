"""The app that was recorded, loaded once, as a module under a name of its own.

Gives the real SDK's handles of its orchestrators and entities, and the names of its functions.
Invariant: the SDK is left as it was: the app puts its own recorders into ``Orchestrator.create`` and
``Entity.create``.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType

import azure.functions as func
from azure.durable_functions.entity import Entity
from azure.durable_functions.orchestrator import Orchestrator

from durable_engine.model.functions import KnownFunctions
from engine.recordings import RECORDINGS

__all__ = ["RecordedApp", "recorded_app"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedApp:
    """The app's module, the SDK's handle of each orchestrator and entity by name, and all functions' names."""

    module: ModuleType
    handles: dict[str, Callable[[str], str]]
    functions: KnownFunctions


@cache
def recorded_app() -> RecordedApp:
    """Load the app."""
    spec = importlib.util.spec_from_file_location("recorded_function_app", RECORDINGS / "app" / "function_app.py")
    if spec is None or spec.loader is None:
        raise LookupError(f"No function_app.py in {RECORDINGS / 'app'}.")
    module = importlib.util.module_from_spec(spec)
    originals = Orchestrator.create, Entity.create
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
        functions: list[func.Function] = module.app.get_functions()
    finally:
        Orchestrator.create, Entity.create = (staticmethod(original) for original in originals)
    names: dict[str, list[str]] = {}
    handles = {}
    for function in functions:
        trigger, name = function.get_trigger(), function.get_function_name()
        assert trigger is not None, "every function of the app has a trigger"
        names.setdefault(str(trigger.type), []).append(str(name))
        if trigger.type in ("orchestrationTrigger", "entityTrigger"):
            handles[str(name)] = function.get_user_function()
    return RecordedApp(
        module=module,
        handles=handles,
        functions=KnownFunctions(
            orchestrators=tuple(names["orchestrationTrigger"]),
            activities=tuple(names["activityTrigger"]),
            entities=tuple(names["entityTrigger"]),
        ),
    )
