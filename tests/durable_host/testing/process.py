"""One host process: start it, wait until it is ready, read its log, kill it or stop it.

What a person with a terminal does.
Invariant: ``start`` returns only when the host answers; otherwise it raises with the end of the host's log. A port
that is free now may be taken a moment later, so a start that lost its port is tried again with another one.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from durable_host.azurite import free_port
from durable_host.testing.client import HostClient

__all__ = ["HostProcess", "HostStartError"]

PACKAGES = Path(__file__).parents[2]
START_SECONDS = 60.0
STOP_SECONDS = 40.0
PORTS_TRIED = 5
POLL_SECONDS = 0.01


class HostStartError(Exception):
    """The host ended, or did not answer in time; the text holds the end of its log."""


class HostProcess:
    """A running host. Use it in a ``with`` block, or call ``stop`` or ``kill``."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self._process, self._resources = process, contextlib.ExitStack()
        self._last_words = ""
        self.port, self.log = port, log

    @classmethod
    def start(
        cls,
        script_root: Path,
        *,
        connection_string: str,
        environment: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        wait: bool = True,
    ) -> Self:
        """Start a host of the app in ``script_root`` and return when it answers; without ``wait``, at once.

        ``environment`` is what this host gets beyond our own, ``arguments`` what follows on its command line.
        """
        for _ in range(PORTS_TRIED):
            host = cls._spawn(script_root, connection_string, environment or {}, arguments)
            if not wait or host._becomes_ready():
                return host
            said = host.log_text
            host.kill()
            if f"{host.port}" not in said or "unavailable" not in said:
                raise HostStartError(f"The host of '{script_root}' did not start. The end of its log:\n{_tail(said)}")
        raise HostStartError(f"{PORTS_TRIED} free ports were taken by others before the host could listen on them.")

    @property
    def address(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process.poll() is None

    @property
    def log_text(self) -> str:
        """Everything that the host has written, to standard output and error alike."""
        with contextlib.suppress(FileNotFoundError):
            self._last_words = self.log.read_text(encoding="utf-8", errors="replace")
        return self._last_words

    def client(self) -> HostClient:
        """A client of its own connection to the host's HTTP API."""
        return HostClient(self.port)

    def kill(self) -> None:
        """End the process as a power failure would: no handler runs, nothing is released."""
        self._process.kill()
        self._process.wait()
        self._clean_up()

    def request_stop(self) -> None:
        """Ask the host to stop, as a service manager does, and return at once."""
        if sys.platform == "win32":
            self._process.send_signal(signal.CTRL_BREAK_EVENT)
        else:
            self._process.send_signal(signal.SIGTERM)

    def stop(self) -> int:
        """Ask the host to stop, wait until it has, and return its exit code; one that does not is killed: -9."""
        if self.is_running:
            self.request_stop()
        try:
            code = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._clean_up()
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            error.add_note(f"The end of the host's log:\n{_tail(self.log_text)}")
        self.stop()

    @classmethod
    def _spawn(
        cls, script_root: Path, connection_string: str, environment: Mapping[str, str], arguments: Sequence[str]
    ) -> Self:
        with contextlib.ExitStack() as on_failure:
            folder = Path(on_failure.enter_context(tempfile.TemporaryDirectory(prefix="host-")))
            log, port = folder / "host.log", free_port()
            command = [sys.executable, "-m", "durable_host", "start", "--script-root", str(script_root.resolve())]
            # In a group of its own: the terminal's Ctrl+C is for the tests, which then stop the host.
            flags = 0
            if sys.platform == "win32":
                flags = subprocess.CREATE_NEW_PROCESS_GROUP
            with log.open("wb") as output:
                process = subprocess.Popen(
                    [*command, "--port", str(port), *arguments],
                    cwd=script_root,
                    env=_environment(connection_string, environment),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    creationflags=flags,
                )
            host = cls(process, port, log)
            host._resources = on_failure.pop_all()
        atexit.register(host.kill)
        return host

    def _becomes_ready(self) -> bool:
        deadline = time.monotonic() + START_SECONDS
        with self.client() as client:
            while self.is_running and time.monotonic() < deadline:
                with contextlib.suppress(OSError):  # it does not listen yet
                    if client.call("GET", "/admin/host/ping").status == 200:
                        return True
                time.sleep(POLL_SECONDS)
        return False

    def _clean_up(self) -> None:
        atexit.unregister(self.kill)
        self._last_words = self.log_text
        self._resources.close()


def _environment(connection_string: str, additions: Mapping[str, str]) -> dict[str, str]:
    paths = [str(PACKAGES), os.environ.get("PYTHONPATH", "")]
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "WEBSITE_"))},
        "AzureWebJobsStorage": connection_string,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "PYTHONUNBUFFERED": "1",
        **additions,
    }


def _tail(text: str, lines: int = 25) -> str:
    return "\n".join("    " + line for line in text.splitlines()[-lines:]) or "    (nothing)"
