"""Versions of orchestrations: whether a worker of one version may run an instance of another.

host.json's ``defaultVersion`` and its two strategies decide; versions are compared as .NET compares them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["ANY_VERSION", "MATCH_STRATEGIES", "VersionRule", "compare_versions"]

MATCH_STRATEGIES: Final = ("None", "Strict", "CurrentOrOlder")
_NUMBERS: Final = re.compile(r"\d+(?:\.\d+){1,3}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRule:
    """host.json's three settings about versions.

    Args:
        default_version: The worker's own version, which new orchestrations get that name none.
        match: ``versionMatchStrategy``: CurrentOrOlder, Strict, or None for any.
        fails: ``versionFailureStrategy``: whether an instance of a version that is not run fails (Fail), rather than
            wait for a worker that runs it (Reject).
    """

    default_version: str | None = None
    match: str = "CurrentOrOlder"
    fails: bool = False

    def __post_init__(self) -> None:
        if self.match not in MATCH_STRATEGIES:
            raise ValueError(f"match is {self.match!r}, but must be one of {', '.join(MATCH_STRATEGIES)}.")

    def problem(self, version: str | None) -> str | None:
        """Why the worker does not run an instance of that version, None if it does."""
        mine, its = self.default_version or "", version or ""
        if self.match == "Strict" and its != mine:
            return f"The orchestration version '{its}' does not match the worker version '{mine}'."
        if self.match == "CurrentOrOlder" and compare_versions(its, mine) > 0:
            return f"The orchestration version '{its}' is greater than the worker version '{mine}'."
        return None


ANY_VERSION: Final = VersionRule(match="None")
"""The rule under which every instance runs."""


def compare_versions(one: str, other: str) -> int:
    """Below 0 where the first is older, 0 where they are the same, above 0 where it is newer; none is the oldest."""
    one, other = one.strip(), other.strip()
    if not one or not other:
        return bool(one) - bool(other)
    if _NUMBERS.match(one) and _NUMBERS.match(other):
        first, second = _parts(one), _parts(other)
        return (first > second) - (first < second)
    first_text, second_text = one.upper(), other.upper()
    return (first_text > second_text) - (first_text < second_text)


def _parts(version: str) -> list[int]:
    numbers = [int(part) for part in version.split(".")]
    # A part that is left out is older than a zero.
    return numbers + [-1] * (4 - len(numbers))
