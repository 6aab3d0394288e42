"""The list of functions that a start prints, as ``func start`` prints it.

Text only.
Invariant: every function of the app is in the list, HTTP functions first, each with the URL that calls it.
"""

from __future__ import annotations

from collections.abc import Callable

from durable_host.app.index import HTTP, FunctionIndex, IndexedFunction

__all__ = ["functions_text"]


def functions_text(index: FunctionIndex, origin: str, route_of: Callable[[IndexedFunction], str]) -> str:
    """The list; ``origin`` is scheme, host and port, ``route_of`` gives an HTTP function's route with its prefix."""
    http = [f for f in index.functions if f.kind == HTTP]
    others = [f for f in index.functions if f.kind != HTTP]
    lines = [f"{f.name}: {_methods(f)}{origin}/{route_of(f)}" for f in http if not f.is_disabled]
    lines += [f"{f.name}: {f.kind}" for f in others if not f.is_disabled]
    disabled = [f"{f.name}: {f.kind} (disabled)" for f in index.functions if f.is_disabled]
    text = "".join(f"\n        {line}\n" for line in [*lines, *disabled])
    return f"\nFunctions:\n{text}"


def _methods(function: IndexedFunction) -> str:
    methods = function.trigger.raw.get("methods")
    return f"[{','.join(methods)}] " if methods else ""
