"""The durable functions of an app, by the names under which orchestrations call them.

Indexes a ``DFApp``, or takes bare orchestrator functions, so that the harness can call each of them.
Invariant: an app's functions are asked for once, whatever the number of harnesses, because the SDK can say them once.
"""

from __future__ import annotations

import difflib
import json
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import azure.functions as func
from azure.durable_functions.orchestrator import Orchestrator
from azure.functions.decorators.function_app import FunctionBuilder

from durable_engine import App, KnownFunctions
from durable_harness.core.errors import UnknownNameError

__all__ = ["Activity", "AppFunctions", "OrchestratorFunction"]

_KINDS: Final = {
    "orchestrationTrigger": "orchestration",
    "activityTrigger": "activity",
    "entityTrigger": "entityName",
}
"""Trigger type to the key of its binding that overrides the durable name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrchestratorFunction:
    """An orchestrator: the user's function, the SDK's handle of it, and the input type that its decorator declares."""

    name: str
    function: Callable[[Any], Any]
    handle: Callable[[Any], str]
    input_type: type | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """An activity: the user's function, and the name of its one parameter."""

    name: str
    function: Callable[..., Any]
    parameter: str


class _AnyActivity(KnownFunctions):
    """The functions around a bare orchestrator: whatever activity or entity it calls is taken to exist."""

    __slots__ = ()

    def has_activity(self, name: str) -> bool:
        return True

    def has_entity(self, name: str) -> bool:
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class AppFunctions:
    """All durable functions, by their names in lower case."""

    orchestrators: Mapping[str, OrchestratorFunction]
    activities: Mapping[str, Activity]
    entities: Mapping[str, Callable[[Any], str]]
    known: KnownFunctions
    is_bare: bool

    @classmethod
    def of(cls, app: object) -> AppFunctions:
        """The functions of a ``DFApp``, of a list of ``Function`` objects, or of one or more orchestrator functions."""
        if isinstance(app, AppFunctions):
            return app
        if isinstance(app, func.FunctionRegister):
            found = _INDEXED.get(app)
            if found is None:
                found = _INDEXED[app] = _index(app.get_functions())
            return found
        parts: list[Any] = list(app) if isinstance(app, Iterable) else [app]
        if parts and all(isinstance(part, FunctionBuilder) for part in parts):
            return _index(part._function for part in parts)
        if parts and all(hasattr(part, "get_bindings") for part in parts):
            return _index(parts)
        if parts and all(callable(part) for part in parts):
            return _bare(parts)
        raise TypeError(
            f"A harness takes a DFApp, an orchestrator function or a list of them, not {type(app).__name__}. Pass the "
            "object that function_app.py calls `app`, or the function below the decorators."
        )

    @property
    def engine_app(self) -> App:
        """What the engine needs to run an episode."""
        return App(functions=self.known, orchestrator=self._handle_of)

    def orchestrator(self, name: object) -> OrchestratorFunction:
        """The orchestrator of a name, a function, or a decorated function."""
        text = _name_of(name)
        found = self.orchestrators.get(text.lower())
        if found is None:
            raise _unknown("orchestrator", text, [one.name for one in self.orchestrators.values()])
        return found

    def check_answerable(self, name: str) -> None:
        """Refuse an answer for something that the app does not have."""
        if not self.is_bare and name.lower() not in self.activities and name.lower() not in self.orchestrators:
            known = [*self.known.activities, *self.known.orchestrators]
            raise _unknown("activity or orchestrator", name, known)

    def check_entity(self, name: str) -> None:
        """Refuse an answer for an entity that the app does not have."""
        if not self.is_bare and name.lower() not in self.entities:
            raise _unknown("entity", name, list(self.known.entities))

    def _handle_of(self, name: str) -> Callable[[str], str]:
        return self.orchestrators[name.lower()].handle


_INDEXED: Final[weakref.WeakKeyDictionary[Any, AppFunctions]] = weakref.WeakKeyDictionary()


def _index(functions: Iterable[Any]) -> AppFunctions:
    orchestrators: dict[str, OrchestratorFunction] = {}
    activities: dict[str, Activity] = {}
    entities: dict[str, Callable[[Any], str]] = {}
    names: dict[str, list[str]] = {kind: [] for kind in _KINDS}
    for kind, name, parameter, code in _durable(functions):
        names[kind].append(name)
        if kind == "orchestrationTrigger":
            orchestrators[name.lower()] = OrchestratorFunction(
                name=name,
                function=getattr(code, "orchestrator_function", code),
                handle=code,
                input_type=getattr(code, "_df_input_type", None),
            )
        elif kind == "activityTrigger":
            activities[name.lower()] = Activity(name=name, function=code, parameter=parameter)
        else:
            entities[name.lower()] = code
    known = KnownFunctions(
        orchestrators=tuple(names["orchestrationTrigger"]),
        activities=tuple(names["activityTrigger"]),
        entities=tuple(names["entityTrigger"]),
    )
    return AppFunctions(
        orchestrators=orchestrators, activities=activities, entities=entities, known=known, is_bare=False
    )


def _durable(functions: Iterable[Any]) -> Iterator[tuple[str, str, str, Callable[..., Any]]]:
    for function in functions:
        trigger = function.get_trigger()
        kind = str(getattr(trigger, "type", ""))
        if kind not in _KINDS:
            continue
        raw = next(raw for raw in map(json.loads, function.get_raw_bindings()) if raw["type"] == kind)
        code = function.get_user_function()
        yield kind, raw.get(_KINDS[kind]) or function.get_function_name() or code.__name__, raw["name"], code


def _bare(functions: Iterable[Any]) -> AppFunctions:
    orchestrators = {}
    for function in functions:
        name = function.__name__
        handle = Orchestrator.create(function)
        orchestrators[name.lower()] = OrchestratorFunction(name=name, function=function, handle=handle)
    known = _AnyActivity(orchestrators=tuple(one.name for one in orchestrators.values()))
    return AppFunctions(orchestrators=orchestrators, activities={}, entities={}, known=known, is_bare=True)


def _name_of(what: object) -> str:
    if isinstance(what, str):
        return what
    if isinstance(what, FunctionBuilder):
        return str(what._function.get_function_name())
    return str(getattr(what, "__name__", what))


def _unknown(kind: str, name: str, known: list[str]) -> UnknownNameError:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    names = ", ".join(map(repr, known)) or "none at all"
    return UnknownNameError(f"The app has no {kind} {name!r}.{hint} It has {names}.", name=name, known=known)
