"""Which functions an app has, by the names that orchestrators call them.

The lookup that the Durable extension makes before it schedules anything.
Invariant: names compare without regard to case, as the extension compares them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["KnownFunctions"]


@dataclass(frozen=True, slots=True)
class KnownFunctions:
    """The durable names of an app's functions, one tuple a kind; and the version of what they start without one."""

    orchestrators: tuple[str, ...] = ()
    activities: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    default_version: str | None = None
    _folded: dict[str, frozenset[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        folded = {kind: _fold(getattr(self, kind)) for kind in ("orchestrators", "activities", "entities")}
        object.__setattr__(self, "_folded", folded)

    def has_orchestrator(self, name: str) -> bool:
        """Whether an orchestrator of this name exists."""
        return name.upper() in self._folded["orchestrators"]

    def has_activity(self, name: str) -> bool:
        """Whether an activity of this name exists."""
        return name.upper() in self._folded["activities"]

    def has_entity(self, name: str) -> bool:
        """Whether an entity of this name exists."""
        return name.upper() in self._folded["entities"]

    def missing_orchestrator(self, name: str) -> str:
        """The host's text for an orchestrator that does not exist."""
        return _missing(name, "orchestrator", self.orchestrators)

    def missing_activity(self, name: str) -> str:
        """The host's text for an activity that does not exist."""
        return _missing(name, "activity", self.activities)

    def missing_entity(self, name: str) -> str:
        """The host's text for an entity that does not exist."""
        return _missing(name, "entity", self.entities)


def _fold(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.upper() for name in names)


def _missing(name: str, kind: str, known: tuple[str, ...]) -> str:
    article = "an" if kind[0] in "aeio" else "a"
    names = ", ".join(f"'{n}'" for n in known)
    listed = f"The following are the known {kind} functions: {names}."
    return (
        f"The function '{name}' doesn't exist, is disabled, or is not {article} {kind} function. "
        f"Additional info: {listed if known else f'No {kind} functions are currently registered!'}"
    )
