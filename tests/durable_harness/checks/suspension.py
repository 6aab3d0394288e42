"""What an orchestrator does when it is suspended: in Azure the generator is closed after every episode.

Steps an execution to the place where it was suspended, closes its generator, and sees what runs.
Invariant: nothing of the run itself is touched: a worker of its own is closed.
"""

from __future__ import annotations

from types import FrameType, GeneratorType
from typing import Any, Final

from durable_engine import HistoryEvent
from durable_harness.app.functions import AppFunctions
from durable_harness.checks.determinism import profiled, source_line
from durable_harness.hub.instance import HubInstance
from durable_harness.worker.sdk_events import sdk_at_work
from durable_harness.worker.sdk_worker import LiveWorker, NotLiveError
from durable_harness.worker.suspension import close_quietly
from durable_harness.worker.user_code import Watch

__all__ = ["place_of", "runs_at_suspension"]

_HARMLESS: Final = frozenset({"azure", "contextlib", "durable_harness", "_weakrefset", "abc"})


def place_of(code: GeneratorType[Any, Any, Any]) -> tuple[object, ...]:
    """Where a generator stands, those that it yields from included."""
    place: list[object] = []
    inner: Any = code
    while isinstance(inner, GeneratorType) and inner.gi_frame is not None:
        place += [inner.gi_code, inner.gi_frame.f_lasti]
        inner = inner.gi_yieldfrom
    return tuple(place)


def runs_at_suspension(app: AppFunctions, instance: HubInstance, seen: list[HistoryEvent]) -> tuple[str, str] | None:
    """Code and text of what the orchestrator does when it is closed after this much of its history."""
    if instance.started is None:
        return None
    try:
        with sdk_at_work():
            worker = LiveWorker(app.orchestrator(instance.name), instance.started, seen, new_from=0, watch=Watch())
    except (NotLiveError, LookupError):
        return None
    code = worker.code.generator
    where = source_line(code.gi_frame) if code.gi_frame else ""
    calls: list[str] = []

    def profile(frame: FrameType, event: str, arg: Any) -> None:
        caller = frame if event == "c_call" else frame.f_back
        if event not in ("call", "c_call") or caller is None or arg is code.close:
            return
        callee = getattr(arg, "__module__", None) or "" if event == "c_call" else frame.f_globals.get("__name__", "")
        if callee.partition(".")[0] in _HARMLESS or caller.f_globals.get("__name__", "").startswith("durable_harness."):
            return
        if caller.f_globals.get("__name__", "").partition(".")[0] not in _HARMLESS:
            calls.append(source_line(caller))

    try:
        with profiled(profile):
            code.close()
    except RuntimeError:
        close_quietly(code)
        return "yield_at_suspension", (
            f"{instance.name!r} yields in a `finally`, or after catching GeneratorExit, when it is suspended at "
            f"{where}\nIn Azure every episode ends so, and each prints 'generator ignored GeneratorExit'. Write "
            "`except Exception` and yield there, or yield after the block."
        )
    if not calls:
        return None
    return "effect_at_suspension", (
        f"{instance.name!r} runs code when it is suspended at {where}\n"
        + "\n".join(dict.fromkeys(calls[:5]))
        + "\nIn Azure the generator is closed at the end of every episode, and `finally` and `with` blocks around a "
        "yield run each time, not once at the end. Do such things in an activity, or after the block."
    )
