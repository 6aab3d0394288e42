"""Orchestrators run once more in interpreters of other hash seeds, where the order of a set of strings is another one.

Only code that may use a set or ``hash`` is run there, and only the interpreters are held against each other, because a
test may have changed this one. They are started when the first is needed, and end with this process. A set of two
strings has the same order in all of them one time in four, one of four strings hardly ever.
"""

from __future__ import annotations

import atexit
import base64
import dis
import json
import marshal
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import CodeType, FunctionType
from typing import Any, Final

__all__ = ["NotRunThereError", "answers_elsewhere", "may_depend_on_hashes"]

_SEEDS: Final = ("1", "2", "3")
_SECONDS: Final = 120.0
"""How long an interpreter may take to import an app and to answer."""
_SET_STEPS: Final = frozenset({"BUILD_SET", "SET_ADD", "SET_UPDATE"})
_SET_NAMES: Final = frozenset(
    {"set", "frozenset", "hash", "union", "intersection", "difference", "symmetric_difference"}
)


class NotRunThereError(Exception):
    """The code cannot be taken to another interpreter; the message says why."""


def may_depend_on_hashes(function: Callable[..., Any]) -> bool:
    """Whether a function, or one of its own module that it names, makes a set or asks for a hash."""
    return any(map(_uses_hashes, _codes(function)))


def answers_elsewhere(function: Callable[..., Any], input_type: type | None, payload: str) -> list[str]:
    """What the SDK answers to a payload in each of the other interpreters.

    Raises:
        NotRunThereError: The code, or what it closes over, cannot be sent; or its module cannot be imported there.
    """
    request = _request(function, input_type, payload)
    if not _kept:
        _kept.extend(_Interpreter(seed) for seed in _SEEDS)
    with ThreadPoolExecutor(len(_kept)) as pool:
        asked = [pool.submit(one.ask, request) for one in _kept]
        try:
            replies = [json.loads(one.result(_SECONDS)) for one in asked]
        except (TimeoutError, OSError, ValueError) as error:
            _end_all()
            raise NotRunThereError(f"another interpreter does not answer ({type(error).__name__})") from None
    failures = [reply["failure"] for reply in replies if "failure" in reply]
    if failures:
        raise NotRunThereError(failures[0])
    return [reply["answer"] for reply in replies]


class _Interpreter:
    """One more Python, which runs ``replay_elsewhere``."""

    def __init__(self, seed: str) -> None:
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "durable_harness.checks.replay_elsewhere"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            text=True,
            encoding="utf-8",
        )

    def ask(self, request: str) -> str:
        """Send a line, and wait for one."""
        if self.process.stdin is None or self.process.stdout is None:
            raise OSError("no pipes")
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def end(self) -> None:
        """End it."""
        self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self.process.wait()


_kept: Final[list[_Interpreter]] = []


def _end_all() -> None:
    while _kept:
        _kept.pop().end()


atexit.register(_end_all)


def _request(function: Callable[..., Any], input_type: type | None, payload: str) -> str:
    module = sys.modules.get(function.__module__)
    file = getattr(module, "__file__", None)
    if not isinstance(function, FunctionType) or file is None:
        raise NotRunThereError("it is no plain function of a module that has a file")
    try:
        cells = tuple(cell.cell_contents for cell in function.__closure__ or ())
        values = pickle.dumps((function.__defaults__, function.__kwdefaults__, cells, input_type))
    except Exception as error:  # whatever pickling raises
        raise NotRunThereError(f"what it closes over cannot be sent: {error}") from None
    return json.dumps(
        {
            "module": function.__module__,
            "file": file,
            "name": function.__name__,
            "code": base64.b64encode(marshal.dumps(function.__code__)).decode(),
            "values": base64.b64encode(values).decode(),
            "payload": payload,
        }
    )


def _codes(function: Callable[..., Any]) -> Iterator[CodeType]:
    """The code of a function, of those within it, and of those of its module that it names."""
    seen: set[CodeType] = set()
    todo: list[CodeType] = [function.__code__] if isinstance(function, FunctionType) else []
    names: dict[str, Any] = getattr(function, "__globals__", {})
    while todo:
        code = todo.pop()
        if code in seen:
            continue
        seen.add(code)
        yield code
        todo += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
        named = [names.get(name) for name in code.co_names]
        todo += [
            one.__code__
            for one in named
            if isinstance(one, FunctionType) and one.__module__.partition(".")[0] not in sys.stdlib_module_names
        ]


def _uses_hashes(code: CodeType) -> bool:
    return (
        not _SET_NAMES.isdisjoint(code.co_names)
        or any(isinstance(constant, frozenset) for constant in code.co_consts)
        or any(step.opname in _SET_STEPS for step in dis.get_instructions(code))
    )
