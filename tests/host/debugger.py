"""An editor's half of a debugging session: the debug adapter protocol over a socket, as VS Code speaks it.

Invariant: every wait has an end, and a request that the debugger refuses raises with its reason.
"""

from __future__ import annotations

import itertools
import json
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

__all__ = ["Debugger"]

_SECONDS: Final = 60.0


class Debugger:
    """One session with a debugpy that listens. Use it in a ``with`` block."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=_SECONDS)
        self._file = self._socket.makefile("rb")
        self._serial = itertools.count(1)
        self._events: list[Mapping[str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._socket.close()

    def attach(self, breakpoints: Mapping[Path, Iterable[int]]) -> None:
        """Set the breakpoints and let the program run."""
        self._answer(self._send("initialize", {"adapterID": "debugpy", "linesStartAt1": True, "pathFormat": "path"}))
        attached = self._send("attach", {"justMyCode": True})
        self._wait_for("initialized")
        for path, lines in breakpoints.items():
            arguments = {"source": {"path": str(path)}, "breakpoints": [{"line": line} for line in lines]}
            self._answer(self._send("setBreakpoints", arguments))
        self._answer(self._send("configurationDone", {}))
        self._answer(attached)

    def wait_until_stopped(self) -> tuple[str, int, dict[str, str]]:
        """The function and line at which the program stands, and the variables there as text."""
        thread = self._wait_for("stopped")["threadId"]
        frame = self._ask("stackTrace", {"threadId": thread, "levels": 1})["stackFrames"][0]
        scopes = self._ask("scopes", {"frameId": frame["id"]})["scopes"]
        reference = next(scope["variablesReference"] for scope in scopes if scope["name"] == "Locals")
        variables = self._ask("variables", {"variablesReference": reference})["variables"]
        self._thread = thread
        return frame["name"], frame["line"], {variable["name"]: variable["value"] for variable in variables}

    def go_on(self) -> None:
        """Let the program run again."""
        self._ask("continue", {"threadId": self._thread})

    def _ask(self, command: str, arguments: Mapping[str, Any]) -> Any:
        return self._answer(self._send(command, arguments))

    def _send(self, command: str, arguments: Mapping[str, Any]) -> int:
        serial = next(self._serial)
        message = {"seq": serial, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(message).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        return serial

    def _answer(self, serial: int) -> Any:
        while True:
            message = self._read()
            if message["type"] == "event":
                self._events.append(message)
            elif message["type"] == "response" and message["request_seq"] == serial:
                if not message["success"]:
                    raise RuntimeError(f"The debugger refuses {message['command']}: {message.get('message')}")
                return message.get("body")

    def _wait_for(self, event: str) -> Any:
        while True:
            for position, message in enumerate(self._events):
                if message["event"] == event:
                    return self._events.pop(position).get("body")
            message = self._read()
            if message["type"] == "event":
                self._events.append(message)

    def _read(self) -> Any:
        length = 0
        while line := self._file.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        if not length:
            raise EOFError("The debugger has closed the connection: the program has ended.")
        return json.loads(self._file.read(length))
