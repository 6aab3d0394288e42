"""Tells a forbidden call from a harmless one of the same name.
Invariant: what is named here is forbidden in every orchestrator; a seeded ``random.Random`` of its own is not.
"""

from __future__ import annotations

import asyncio
import builtins
import datetime
import os
import platform
import random  # noqa: TID251 - to know its functions, not to call them
import socket
import subprocess
import threading
import time
import uuid
from types import CodeType, FrameType
from typing import Any, Final

__all__ = ["ADVICE", "FORBIDDEN_NAMES", "forbidden_builtin", "forbidden_function"]

ADVICE: Final = {
    "wall clock": "Every replay reads another time. Use context.current_utc_datetime, which is the same in each.",
    "random numbers": "Every replay draws another number. Draw it in an activity, or seed a random.Random with "
    "something from the input or context.new_uuid().",
    "a new id": "Every replay makes another id. Use context.new_uuid(), or make it in an activity.",
    "environment": "Settings may have changed by the next replay, and other workers may have others. Read them in an "
    "activity, or pass them in with the input.",
    "a file": "It may be another one by the next replay. Do I/O in an activity, whose result is recorded.",
    "the network": "Every replay calls again, and gets another answer. Do I/O in an activity, or use "
    "context.call_http.",
    "a blocking sleep": "It holds up the worker in every replay, and no time passes for the orchestration. Use "
    "context.create_timer.",
    "a thread": "Its results come in an order of their own, and it outlives the episode. Use context.task_all.",
    "a subprocess": "Every replay starts it again. Do it in an activity.",
    "an event loop": "An orchestrator cannot await. Use `yield`, and do async work in an activity.",
    "the process": "Another worker replays in another process. Ask for it in an activity.",
    "the machine": "Another worker replays on another machine. Ask for it in an activity.",
    "the local time zone": "Another worker has another zone. Give the zone: moment.astimezone(ZoneInfo(...)), or stay "
    "with UTC.",
    "standard input": "Nobody is there to type. Wait for an external event.",
}
"""What is wrong with each kind, and what to do instead."""

_CLOCK: Final = {
    "time",
    "time_ns",
    "monotonic",
    "monotonic_ns",
    "perf_counter",
    "perf_counter_ns",
    "process_time",
    "process_time_ns",
    "localtime",
    "gmtime",
    "ctime",
}
_TODAY: Final = {"now", "utcnow", "today"}
_DRAW: Final = {"random", "getrandbits", "randbytes"}
_FILES: Final = {
    "open",
    "listdir",
    "scandir",
    "stat",
    "lstat",
    "mkdir",
    "remove",
    "unlink",
    "rename",
    "replace",
    "rmdir",
    "getcwd",
    "access",
}
_MACHINE: Final = {"cpu_count", "uname", "getloadavg", "getppid", "getlogin", "getuid", "sched_getaffinity"}
_LOCAL: Final = {"astimezone": 0, "fromtimestamp": 1, "strftime": 1, "mktime": None}
"""What reads the local time zone, or the clock, when it gets no more than so many arguments; None is always."""
_NETWORK: Final = {"connect", "connect_ex", "getaddrinfo", "gethostname", "gethostbyname", "sendto"}
_THREADS: Final = {"start_new_thread", "start_joinable_thread"}
_PROCESSES: Final = {"fork_exec", "system", "fork", "posix_spawn"}
FORBIDDEN_NAMES: Final = frozenset(
    {"sleep", "urandom", "input", "getpid", "putenv", "generate_time_safe"}
    | _CLOCK
    | _TODAY
    | _DRAW
    | _FILES
    | _NETWORK
    | _MACHINE
    | _LOCAL.keys()
    | _THREADS
    | _PROCESSES
)
"""The bare names of all forbidden builtins: most calls are let through by this alone."""

_OS: Final = os.stat.__self__  # type: ignore[attr-defined]  # a builtin's module
_FUNCTIONS: Final[dict[CodeType, str]] = {
    uuid.uuid1.__code__: "a new id",  # noqa: TID251 - to know it
    uuid.uuid4.__code__: "a new id",  # noqa: TID251 - to know it
    type(os.environ).__getitem__.__code__: "environment",
    type(os.environ).__iter__.__code__: "environment",
    threading.Thread.start.__code__: "a thread",
    subprocess.Popen.__init__.__code__: "a subprocess",
    socket.create_connection.__code__: "the network",
    platform.uname.__code__: "the machine",
    asyncio.run.__code__: "an event loop",
    asyncio.new_event_loop.__code__: "an event loop",
}
_SEED: Final = random.Random.seed.__code__


def forbidden_builtin(function: Any, arguments: int | None = None) -> str | None:
    """The kind of a builtin function that must not be called, None if it may.

    ``arguments`` is how many it is given, None where that is not known.
    """
    name, owner = function.__name__, function.__self__
    if name in _LOCAL:
        return _of_local_zone(name, owner, arguments)
    if owner is time:
        return "a blocking sleep" if name == "sleep" else ("wall clock" if name in _CLOCK else None)
    if name in _TODAY:
        return "wall clock" if isinstance(owner, type) and issubclass(owner, datetime.date) else None
    if name in _DRAW:
        return "random numbers" if owner is random._inst else None
    if owner is _OS:
        return _of_os(name)
    if function is builtins.open:
        return "a file"
    if name in _NETWORK:
        is_socket = isinstance(owner, socket.SocketType) or getattr(owner, "__name__", "") == "_socket"
        return "the network" if is_socket else None
    if name in _THREADS:
        return "a thread"
    if name == "fork_exec":
        return "a subprocess"
    if function is builtins.input:
        return "standard input"
    return "a new id" if name == "generate_time_safe" else None


def _of_local_zone(name: str, owner: Any, arguments: int | None) -> str | None:
    most = _LOCAL[name]
    is_short = most is None or (arguments is not None and arguments <= most)
    if owner is time:
        return {"strftime": "wall clock", "mktime": "the local time zone"}.get(name) if is_short else None
    is_of_date = isinstance(owner, (datetime.date, type)) and name in ("astimezone", "fromtimestamp")
    return "the local time zone" if is_of_date and is_short else None


def _of_os(name: str) -> str | None:
    if name == "urandom":
        return "random numbers"
    if name == "getpid":
        return "the process"
    if name == "putenv":
        return "environment"
    if name in _PROCESSES:
        return "a subprocess"
    if name in _MACHINE:
        return "the machine"
    return "a file" if name in _FILES else None


def forbidden_function(frame: FrameType) -> str | None:
    """The kind of a Python function that must not be called, None if it may."""
    kind = _FUNCTIONS.get(frame.f_code)
    if kind is None and frame.f_code is _SEED and frame.f_locals.get("a") is None:
        return "random numbers"
    return kind
