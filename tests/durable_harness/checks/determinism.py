"""The guard: what an orchestrator must not read or do, caught at the line that does it.

A profile function that is set only while user code of an orchestrator runs, and sees every call that it makes.
Invariant: what ``logging``, imports and the SDK do on behalf of an orchestrator is theirs, and never reported.

Rejected: replacing ``time.time`` and the like. Types written in C cannot be patched, names imported before are missed,
and whatever else runs in the process would see the replacement.
"""

from __future__ import annotations

import dis
import gc
import linecache
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import Any, Final

from durable_harness.checks.forbidden_calls import ADVICE, FORBIDDEN_NAMES, forbidden_builtin, forbidden_function
from durable_harness.core.errors import DeterminismError

__all__ = ["Caught", "deterministic", "guarded", "profiled", "source_line", "told"]

_EXEMPT: Final = frozenset(
    {"logging", "warnings", "importlib", "_frozen_importlib", "azure", "zoneinfo", "tzdata", "traceback", "linecache"}
)
_EXEMPT_MODULE: Final = "durable_harness.worker.observed_context"

Caught = Callable[[str, str, FrameType], None]
"""Gets the kind of what was caught, its name, and the frame of the caller."""

Profile = Callable[[FrameType, str, Any], None]
"""A profile function, as ``sys.setprofile`` takes it."""


@contextmanager
def profiled(profile: Profile) -> Iterator[None]:
    """Let a profile function see the calls of a block, and put back the one that was there before.

    A profiler written in C cannot be put back: while one runs (cProfile), nothing is seen.
    """
    before: object = sys.getprofile()
    if before is not None and not callable(before):
        yield
        return
    collects = gc.isenabled()
    # What the garbage collector calls, finalizers and callbacks, is none of the orchestrator's doing.
    gc.disable()
    sys.setprofile(profile)
    try:
        yield
    finally:
        sys.setprofile(before)
        if collects:
            gc.enable()


def guarded(caught: Caught) -> AbstractContextManager[None]:
    """Report forbidden calls while a block runs; what ``caught`` raises comes out of the call."""
    return profiled(_profile(caught))


def deterministic() -> AbstractContextManager[None]:
    """Refuse, in the code of a block, whatever a replay cannot repeat: for functions that orchestrators call.

    Raises:
        DeterminismError: The code reads a clock, draws a random number, does input or output and the like.
    """
    return guarded(_refuse)


def told(kind: str, name: str, frame: FrameType) -> str:
    """What was caught, where, and what to do instead."""
    return f"The orchestrator uses {kind} ({name}) at {source_line(frame)}\n{ADVICE[kind]}"


def _refuse(kind: str, name: str, frame: FrameType) -> None:
    raise DeterminismError(told(kind, name, frame), code=kind.replace(" ", "_"))


def source_line(frame: FrameType) -> str:
    """The place of a call in user code: file, line, function, and the line's text."""
    own: FrameType | None = frame
    while own is not None and _is_library(own):
        own = own.f_back
    own = own or frame
    code = own.f_code
    text = linecache.getline(code.co_filename, own.f_lineno).strip()
    return f"{code.co_filename}:{own.f_lineno}, in {code.co_name}: {text}"


def _profile(caught: Caught) -> Profile:
    exempt: FrameType | None = None

    def profile(frame: FrameType, event: str, arg: Any) -> None:
        nonlocal exempt
        if exempt is not None:
            if event == "return" and frame is exempt:
                exempt = None
        elif event == "c_call":
            if arg.__name__ in FORBIDDEN_NAMES and (kind := forbidden_builtin(arg, _argument_count(frame))):
                caught(kind, _full_name(arg), frame)
        elif event == "call":
            module = frame.f_globals.get("__name__", "")
            if kind := forbidden_function(frame):
                caught(kind, f"{module}.{frame.f_code.co_qualname}", frame.f_back or frame)
            elif module == _EXEMPT_MODULE or module.partition(".")[0] in _EXEMPT:
                exempt = frame

    return profile


def _argument_count(frame: FrameType) -> int | None:
    """How many arguments a call of a builtin is given, by the instruction that makes it; None for ``f(*args)``."""
    code = frame.f_code.co_code
    if dis.opname[code[frame.f_lasti]] in ("CALL", "PRECALL", "CALL_KW"):
        return code[frame.f_lasti + 1]
    return None


def _full_name(function: Any) -> str:
    owner = function.__self__
    owner_name = getattr(owner, "__name__", None) or type(owner).__name__
    return f"{owner_name}.{function.__name__}"


def _is_library(frame: FrameType) -> bool:
    name = frame.f_globals.get("__name__", "")
    root = name.partition(".")[0]
    return root in sys.stdlib_module_names and root != "__main__"
