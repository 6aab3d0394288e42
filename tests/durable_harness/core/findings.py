"""What the harness has to say about an orchestrator that ran: faults of its code, and defects that it has met.

Collects what guards, checks and watches find, and raises it, or keeps it for the result.
Invariant: a finding changes nothing about the run, and is said once for each text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from durable_harness.core.errors import (
    DeterminismError,
    DivergenceError,
    MisuseError,
    OrchestratorError,
    ReplayMismatchError,
)
from durable_harness.core.warned import warn_test

__all__ = ["Finding", "Findings", "SdkDefectWarning"]

_ERRORS: Final[dict[str, type[OrchestratorError]]] = {
    "determinism": DeterminismError,
    "misuse": MisuseError,
    "replay": ReplayMismatchError,
    "divergence": DivergenceError,
}


class SdkDefectWarning(UserWarning):
    """The run has met a known defect of the SDK or the host: it does what Azure does, which is not what it says."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding: what kind it is of, its code, and what was found and what to do."""

    kind: str
    code: str
    text: str

    @property
    def is_warning(self) -> bool:
        """Whether the run goes on all the same."""
        return self.kind not in _ERRORS

    @property
    def error(self) -> OrchestratorError:
        """The finding as an exception."""
        return _ERRORS[self.kind](self.text, code=self.code)


@dataclass(slots=True)
class Findings:
    """The findings of one harness. ``raises`` is whether a fault ends the run at once."""

    raises: bool
    all: dict[str, Finding] = field(default_factory=dict)
    _warned: set[str] = field(default_factory=set)

    def add(self, kind: str, code: str, text: str) -> None:
        """Report a finding: a fault is raised here, where that is wanted; a warning is given when the run has ended."""
        if text in self.all:
            return
        finding = self.all[text] = Finding(kind, code, text)
        if self.raises and not finding.is_warning:
            raise finding.error

    def untold(self) -> list[str]:
        """The warnings that have not been given yet, which are taken for given from now on."""
        new = [one for one in self.all.values() if one.is_warning and one.kind != "unchecked"]
        new = [one for one in new if one.text not in self._warned]
        self._warned.update(one.text for one in new)
        return [f"{one.code}: {one.text}" for one in new]

    def warn(self) -> None:
        """Give the warnings that have not been given yet."""
        for text in self.untold():
            warn_test(text, SdkDefectWarning)
