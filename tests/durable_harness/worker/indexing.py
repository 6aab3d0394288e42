"""Reads an app into ``AppFunctions``: a ``DFApp``, decorated functions, bare orchestrators, handles of the v1 model.

Invariant: an app's functions are asked for once, whatever the number of harnesses, because the SDK can say them once.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import azure.functions as func
from azure.durable_functions import Orchestrator
from azure.functions.decorators.function_app import FunctionBuilder

from durable_engine import (
    ACTIVITY_TRIGGER,
    ENTITY_TRIGGER,
    ORCHESTRATION_TRIGGER,
    KnownFunctions,
    SdkFunction,
    durable_name,
    read_function,
)
from durable_harness.app.functions import Activity, AnyActivity, AppFunctions, OrchestratorFunction, Starter
from durable_harness.core.errors import WrongArgumentError

__all__ = ["functions_of", "handle_of", "name_of"]

_INDEXED: Final[weakref.WeakKeyDictionary[Any, AppFunctions]] = weakref.WeakKeyDictionary()


def functions_of(app: object) -> AppFunctions:
    """The durable functions of an app.

    Args:
        app: A ``DFApp``; an orchestrator function, decorated or not; what ``Orchestrator.create`` returns; a list of
            such, or of ``azure.functions`` ``Function`` objects.

    Raises:
        WrongArgumentError: It is none of these.
    """
    if isinstance(app, AppFunctions):
        return app
    if isinstance(app, func.FunctionRegister):
        found = _INDEXED.get(app)
        if found is None:
            found = _INDEXED[app] = _index(app.get_functions())
        return found
    parts: list[Any] = list(app) if isinstance(app, Iterable) and not isinstance(app, (str, bytes)) else [app]
    if parts and all(isinstance(part, FunctionBuilder) for part in parts):
        return _index(part.build() for part in parts)
    if parts and all(hasattr(part, "get_bindings") for part in parts):
        return _index(parts)
    if parts and all(callable(part) and not isinstance(part, type) for part in parts):
        return _bare(parts)
    raise WrongArgumentError(
        f"A harness takes a DFApp, an orchestrator function or a list of them, not {_kind(app)}. Pass the object that "
        "function_app.py calls `app`, or the function below the decorators."
    )


def name_of(orchestrator: object) -> str:
    """The name of an orchestrator that is given by name, as a function, or as a decorated function.

    Raises:
        WrongArgumentError: It is none of these.
    """
    if isinstance(orchestrator, str):
        return orchestrator
    if isinstance(orchestrator, FunctionBuilder):
        for _, name, _, _ in _durable([read_function(orchestrator.build())]):
            return name  # it may be another one than the function's
    own_name = getattr(getattr(orchestrator, "orchestrator_function", orchestrator), "__name__", None)
    if not isinstance(own_name, str):
        raise WrongArgumentError(
            f"An orchestrator is given by its name or its function, not as {_kind(orchestrator)}: "
            'harness.run("my_orchestrator", input).'
        )
    return own_name


def handle_of(function: Callable[[Any], Any], input_type: type | None) -> Callable[[str], str]:
    """The SDK's handle of an orchestrator function, as its decorator would make it."""
    handle: Any = Orchestrator.create(function)
    if input_type is not None:
        handle._df_input_type = input_type
    found: Callable[[str], str] = handle
    return found


def _index(functions: Iterable[Any]) -> AppFunctions:
    read = [read_function(function) for function in functions]
    orchestrators: dict[str, OrchestratorFunction] = {}
    activities: dict[str, Activity] = {}
    entities: dict[str, Callable[[Any], str]] = {}
    names: dict[str, list[str]] = {ORCHESTRATION_TRIGGER: [], ACTIVITY_TRIGGER: [], ENTITY_TRIGGER: []}
    for kind, name, parameter, code in _durable(read):
        names[kind].append(name)
        if kind == ORCHESTRATION_TRIGGER:
            orchestrators[name.lower()] = _orchestrator(name, code)
        elif kind == ACTIVITY_TRIGGER:
            activities[name.lower()] = Activity(name=name, function=code, parameter=parameter)
        else:
            entities[name.lower()] = code
    known = KnownFunctions(
        orchestrators=tuple(names[ORCHESTRATION_TRIGGER]),
        activities=tuple(names[ACTIVITY_TRIGGER]),
        entities=tuple(names[ENTITY_TRIGGER]),
    )
    return AppFunctions(
        orchestrators=orchestrators,
        activities=activities,
        entities=entities,
        known=known,
        is_bare=False,
        starters={one.name.lower(): one for one in _starters(read)},
    )


def _starters(functions: Iterable[SdkFunction]) -> Iterator[Starter]:
    for function in functions:
        for raw in function.bindings:
            if raw["type"] == "durableClient":
                # The SDK's decorator makes a client of the host's text; what it has wrapped takes one.
                inner = getattr(function.code, "client_function", function.code)
                yield Starter(name=function.name, function=inner, parameter=raw["name"])


def _durable(functions: Iterable[SdkFunction]) -> Iterator[tuple[str, str, str, Callable[..., Any]]]:
    for function in functions:
        trigger = function.trigger
        name = durable_name(trigger, function.name)
        if name is not None:
            yield trigger["type"], name, trigger["name"], function.code


def _bare(functions: Iterable[Any]) -> AppFunctions:
    found = [_orchestrator(name_of(function), _handle_of(function)) for function in functions]
    known = AnyActivity(orchestrators=tuple(one.name for one in found))
    orchestrators = {one.name.lower(): one for one in found}
    return AppFunctions(orchestrators=orchestrators, activities={}, entities={}, known=known, is_bare=True)


def _handle_of(function: Any) -> Callable[[Any], str]:
    """The SDK's handle of a bare orchestrator; in the v1 model of Functions, the app has made it itself."""
    handle: Callable[[Any], str] = (
        function if hasattr(function, "orchestrator_function") else Orchestrator.create(function)
    )
    return handle


def _orchestrator(name: str, handle: Any) -> OrchestratorFunction:
    return OrchestratorFunction(
        name=name,
        function=getattr(handle, "orchestrator_function", handle),
        handle=handle,
        input_type=getattr(handle, "_df_input_type", None),
    )


def _kind(what: object) -> str:
    return f"the {type(what).__name__} {what!r:.60}"
