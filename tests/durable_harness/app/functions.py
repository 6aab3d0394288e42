"""The durable functions of an app, by the names under which orchestrations call them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from durable_engine import App, KnownFunctions, VersionRule
from durable_harness.core.errors import UnknownNameError

__all__ = ["Activity", "AnyActivity", "AppFunctions", "OrchestratorFunction", "Starter"]


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


class AnyActivity(KnownFunctions):
    """The functions around a bare orchestrator: whatever activity or entity it calls is taken to exist."""

    __slots__ = ()

    def has_activity(self, name: str) -> bool:
        return True

    def has_entity(self, name: str) -> bool:
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Starter:
    """A function with a durable client; ``parameter`` is where it gets it."""

    name: str
    function: Callable[..., Any]
    parameter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppFunctions:
    """All durable functions, by their names in lower case."""

    orchestrators: Mapping[str, OrchestratorFunction]
    activities: Mapping[str, Activity]
    entities: Mapping[str, Callable[[Any], str]]
    known: KnownFunctions
    is_bare: bool
    starters: Mapping[str, Starter] = field(default_factory=dict)
    versions: VersionRule = field(default_factory=VersionRule)

    @property
    def engine_app(self) -> App:
        """What the engine needs to run an episode."""
        return App(functions=self.known, orchestrator=self._handle_of, versions=self.versions)

    def with_versions(self, versions: VersionRule) -> AppFunctions:
        """The same functions in an app whose host.json has these settings."""
        known = replace(self.known, default_version=versions.default_version)
        return replace(self, known=known, versions=versions)

    def orchestrator(self, name: str) -> OrchestratorFunction:
        """The orchestrator of a name."""
        found = self.orchestrators.get(name.lower())
        if found is None:
            raise _unknown("orchestrator", name, [one.name for one in self.orchestrators.values()])
        return found

    def starter(self, name: str) -> Starter:
        """The function with a durable client of a name."""
        found = self.starters.get(name.lower())
        if found is None:
            raise _unknown("function with a durable client", name, [one.name for one in self.starters.values()])
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


def _unknown(kind: str, name: str, known: Sequence[str]) -> UnknownNameError:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    names = ", ".join(map(repr, known)) or "none at all"
    return UnknownNameError(f"The app has no {kind} {name!r}.{hint} It has {names}.", name=name, known=known)
