"""Hosts on one task hub that are killed, frozen and started again, cheaply enough for a thousand kills.

Each is a process of its own, forked from one that has imported what a host needs: what a kill costs is a start without
the imports. (Where nothing can be forked it is a start with them.)
Invariant: all of them are gone when the ``with`` block ends.
"""

from __future__ import annotations

import contextlib
import http.client
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from durable_host.azurite import free_port

__all__ = ["Army", "Ask", "ask"]

_METHOD: Final = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
_NEEDED: Final = [
    "attack.army",
    "azure.durable_functions",
    "durable_host.app.index",
    "durable_host.cli.start",
    "durable_host.host",
]
_READY_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 10.0

Ask = tuple[int, bytes]
"""An answer: status and body. Status 0: it was not sent; -1: it was, and no answer came."""


@dataclass(slots=True)
class _Soldier:
    """One host: its process, and where it listens."""

    process: BaseProcess
    port: int
    was_ready: bool = False
    is_frozen: bool = False


@dataclass(slots=True)
class Army:
    """So many hosts of the app in ``script_root``. Its counts are of what was done to them."""

    script_root: Path
    folder: Path
    environment: Mapping[str, str]
    size: int
    kills: int = 0
    freezes: int = 0
    failed_starts: int = 0
    late_stops: int = 0
    _soldiers: dict[int, _Soldier] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        for number in range(self.size):
            self.start(number)
        for number in range(self.size):
            self.wait_until_ready(number)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for soldier in self._soldiers.values():
            if soldier.process.is_alive():
                soldier.process.kill()
            soldier.process.join()

    @property
    def ports(self) -> list[int]:
        """Where hosts listen that are not frozen; they may be starting, or die any moment."""
        with self._lock:
            return [soldier.port for soldier in self._soldiers.values() if not soldier.is_frozen]

    @property
    def pids(self) -> list[int]:
        """The hosts' processes."""
        return [soldier.process.pid or 0 for soldier in self._soldiers.values()]

    def start(self, number: int) -> None:
        """Start a host, and return at once."""
        context = multiprocessing.get_context(_METHOD)
        if _METHOD == "forkserver":
            context.set_forkserver_preload(_NEEDED)
        port = free_port()
        arguments = (str(self.script_root), port, dict(self.environment), str(self._log(number)))
        process = context.Process(target=_serve, args=arguments, name=f"host {number}", daemon=True)  # type: ignore[attr-defined]  # of both kinds of context
        process.start()
        with self._lock:
            self._soldiers[number] = _Soldier(process, port)

    def wait_until_ready(self, number: int) -> None:
        """Wait until a host answers. One that cannot start because storage fails is started again.

        Raises:
            RuntimeError: It has ended after it had answered, or does not answer in time; with the end of its log.
        """
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline:
            soldier = self._soldiers[number]
            if ask(soldier.port, "GET", "/admin/host/ping")[0] == 200:
                soldier.was_ready = True
                return
            if not soldier.process.is_alive():
                self._start_after_failure(number)
            time.sleep(0.05)
        raise RuntimeError(f"Host {number} does not answer. The end of its log:\n{self.log_of(number)[-3000:]}")

    def kill(self, number: int) -> None:
        """End a host as a power failure would, and start the next one."""
        soldier = self._soldiers[number]
        if not soldier.process.is_alive():
            self._start_after_failure(number)
            return
        soldier.process.kill()
        soldier.process.join()
        self.kills += 1
        self.start(number)

    def _start_after_failure(self, number: int) -> None:
        if self._soldiers[number].was_ready:
            raise RuntimeError(f"Host {number} has ended by itself. The end of its log:\n{self.log_of(number)[-3000:]}")
        self.failed_starts += 1
        self.start(number)

    def freeze(self, number: int, seconds: float) -> None:
        """Stop a host in the middle of whatever it does, for longer than its leases last, and let it go on."""
        soldier = self._soldiers[number]
        if soldier.process.is_alive():
            with self._frozen(soldier):
                time.sleep(seconds)
            self.freezes += 1

    def stop(self) -> None:
        """Ask all hosts to stop, and count those that take too long or end with another code than 0."""
        for soldier in self._soldiers.values():
            soldier.process.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        for soldier in self._soldiers.values():
            soldier.process.join(max(0.0, deadline - time.monotonic()))
            self.late_stops += soldier.process.exitcode != 0

    def log_of(self, number: int) -> str:
        """What all hosts in this place have written."""
        path = self._log(number)
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    @contextlib.contextmanager
    def _frozen(self, soldier: _Soldier) -> Iterator[None]:
        pid = soldier.process.pid or 0
        if sys.platform == "win32":
            raise NotImplementedError("A process cannot be frozen on Windows.")
        soldier.is_frozen = True
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)
            soldier.is_frozen = False

    def _log(self, number: int) -> Path:
        return self.folder / f"host-{number}.log"


def ask(port: int, method: str, path: str, body: bytes | None = None) -> Ask:
    """Send one request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.connect()
    except OSError:
        return 0, b""
    try:
        headers = {} if body is None else {"Content-Type": "application/json"}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return -1, b""
    finally:
        connection.close()


def _serve(script_root: str, port: int, environment: Mapping[str, str], log: str) -> None:
    """In the host's process: what the command line does."""
    from durable_host.__main__ import main

    os.environ.update(environment)
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for stream in (1, 2):
        os.dup2(output, stream)
    sys.exit(main(["start", "--script-root", script_root, "--port", str(port)]))
