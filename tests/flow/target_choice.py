"""Which tests run on which targets, decided by rules, and said in the summary.

Role: ``--target`` and ``--key``, the marker ``only_on``, and the list of what was left out and why.
Invariant: a test that does not run on a chosen target is deselected by a rule that is printed; nothing is skipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import pytest

__all__ = ["DEFAULT_TARGETS", "DEPLOYED", "Choice", "chosen_targets", "reason_against", "summary_lines"]

DEFAULT_TARGETS: Final = ("harness", "local")
DEPLOYED: Final = "deployed"
_KNOWN: Final = (*DEFAULT_TARGETS, "func")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The chosen targets; ``address`` and ``key`` are those of a deployed app."""

    targets: tuple[str, ...]
    is_default: bool
    address: str | None = None
    key: str | None = None


def chosen_targets(given: Sequence[str] | None, key: str | None) -> Choice:
    """What the options say."""
    targets: list[str] = []
    address: str | None = None
    for target in given or DEFAULT_TARGETS:
        if target.startswith(("https://", "http://")):
            if address is not None:
                raise pytest.UsageError("--target takes one URL. Run the tests once for each deployed app.")
            address, target = target.rstrip("/"), DEPLOYED
        elif target not in _KNOWN:
            raise pytest.UsageError(
                f"--target {target!r} is none: choose {', '.join(_KNOWN)}, or the URL of a deployed app."
            )
        if target not in targets:
            targets.append(target)
    if key is not None and address is None:
        raise pytest.UsageError("--key goes with --target URL: it is the function key of a deployed app.")
    return Choice(targets=tuple(targets), is_default=not given, address=address, key=key)


def reason_against(item: pytest.Item, target: str | None, choice: Choice) -> str | None:
    """Why this test does not run on this target, None where it does; ``target`` is None for a test that has none."""
    if target is None:
        return None if choice.is_default else "it tests the choice of targets itself: only without --target"
    if target == DEPLOYED and "titles" not in getattr(item, "fixturenames", ()):
        return "a deployed app is the app of src: only the tests of its titles run there"
    marker = item.get_closest_marker("only_on")
    if marker is None or target in marker.args:
        return None
    if not marker.kwargs.get("reason"):
        raise pytest.UsageError(f"{item.nodeid}: the marker only_on needs a reason.")
    return f"only on {' and '.join(marker.args)}: {marker.kwargs['reason']}"


def summary_lines(left_out: Iterable[tuple[str, str]]) -> list[str]:
    """The list of tests that a rule has left out, each rule once."""
    by_reason: dict[str, list[str]] = {}
    for test, reason in sorted(set(left_out)):
        by_reason.setdefault(reason, []).append(test)
    lines = []
    for reason, tests in by_reason.items():
        lines.append(f"{reason}:")
        lines += [f"    {test}" for test in tests] if len(tests) <= 8 else [f"    {len(tests)} tests"]
    return lines
