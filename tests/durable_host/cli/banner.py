"""The list of functions that a start prints, as ``func start`` prints it.

Text only.
Invariant: every function of the app is in the list, HTTP functions first, each with the URL that calls it; those that
do not run come last, and say so.
"""

from __future__ import annotations

from collections.abc import Callable, Container

from durable_host.app.index import HTTP, FunctionIndex, IndexedFunction

__all__ = ["functions_text"]


def functions_text(
    index: FunctionIndex, origin: str, route_of: Callable[[IndexedFunction], str], problems: Container[str] = ()
) -> str:
    """The list; ``origin`` is scheme, host and port, ``route_of`` gives an HTTP function's route with its prefix, and
    ``problems`` has the names of the functions in error."""
    running = [f for f in index.functions if not f.is_disabled and f.name not in problems]
    lines = [f"{f.name}: {_methods(f)}{origin}/{route_of(f)}" for f in running if f.kind == HTTP]
    lines += [f"{f.name}: {f.kind}" for f in running if f.kind != HTTP]
    lines += [f"{f.name}: {f.kind} (in error)" for f in index.functions if f.name in problems and not f.is_disabled]
    lines += [f"{f.name}: {f.kind} (disabled)" for f in index.functions if f.is_disabled]
    text = "".join(f"\n        {line}\n" for line in lines)
    return f"\nFunctions:\n{text}"


def _methods(function: IndexedFunction) -> str:
    methods = function.trigger.raw.get("methods")
    return f"[{','.join(methods)}] " if methods else ""
