"""One Azurite process: start it, know where it listens, stop it.

Azurite picks its free ports itself (it is given port 0 and says what it got), so no port is ever lost in a race.
Invariant: an Azurite that was not given a lifeline file does not outlive this Python process, however that one ends.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from durable_host.azurite.endpoints import LOOPBACK, Ports, ask
from durable_host.azurite.errors import AzuritePortError, AzuriteStartError
from durable_host.azurite.node import NodeRuntime, find_node
from durable_host.azurite.program import installed_program

__all__ = ["ANY_PORTS", "Azurite"]

ANY_PORTS = Ports(blob=0, queue=0, table=0)
START_SECONDS = 60.0
STOP_SECONDS = 10.0
LIFELINE = Path(__file__).with_name("lifeline.cjs")
SPEED = Path(__file__).with_name("speed.cjs")
LISTENING = re.compile(r"^Azurite (Blob|Queue|Table) service is successfully listening at \S+:(\d+)", re.MULTILINE)
BUSY = re.compile(r"EADDRINUSE\D*[\d.]+:(\d+)")

# A Popen that is forgotten while its process lives complains about it; these live on purpose.
_given_away: list[subprocess.Popen[bytes]] = []


class Azurite:
    """A running Azurite of ours. Use it in a ``with`` block, or call ``stop``."""

    def __init__(self, *, process: subprocess.Popen[bytes], log: Path, lifeline: Path | None) -> None:
        self._process = process
        self._lifeline = lifeline
        self._resources = contextlib.ExitStack()
        self.log = log
        self.ports = ANY_PORTS

    @classmethod
    def start(
        cls,
        *,
        location: Path | None = None,
        ports: Ports = ANY_PORTS,
        lifeline: Path | None = None,
        runtime: NodeRuntime | None = None,
        as_published: bool = False,
    ) -> Self:
        """Start Azurite and return when its three services answer.

        It keeps its data in the folder ``location``, or in memory without one. With ``lifeline``, an existing file,
        it lives until that file is removed, and survives the killing of this process; without, it never does.
        ``as_published`` leaves out what makes it faster with thousands of messages.
        """
        with contextlib.ExitStack() as on_failure:
            folder = location or Path(on_failure.enter_context(tempfile.TemporaryDirectory(prefix="azurite-")))
            folder.mkdir(parents=True, exist_ok=True)
            log = folder / "azurite.log"
            preloads = [LIFELINE] if as_published else [LIFELINE, SPEED]
            process = _spawn(
                runtime or find_node(), folder, ports, log, preloads, in_memory=location is None, lifeline=lifeline
            )
            azurite = cls(process=process, log=log, lifeline=lifeline)
            on_failure.callback(azurite._end_process)
            azurite.ports = azurite._wait_until_ready()
            azurite._resources = on_failure.pop_all()
        if lifeline is None:
            atexit.register(azurite.stop)
        return azurite

    @property
    def connection_string(self) -> str:
        """The connection string of this Azurite's account."""
        return self.ports.connection_string

    @property
    def pid(self) -> int:
        """The id of the Node.js process."""
        return self._process.pid

    def stop(self) -> None:
        """Let Azurite save its data and end; return when it is gone. Stopping twice is fine."""
        atexit.unregister(self.stop)
        self._resources.close()

    def leave_running(self) -> None:
        """Give this Azurite away: its lifeline file alone decides from now on when it ends."""
        self._resources.pop_all()
        _given_away.append(self._process)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _end_process(self) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):  # it may have ended by itself
                self._process.stdin.close()
        if self._lifeline is not None:
            self._lifeline.unlink(missing_ok=True)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait_until_ready(self) -> Ports:
        """Wait for Azurite's own word on its ports, then for an answer on each of them."""
        deadline = time.monotonic() + START_SECONDS
        pause = 0.01
        while time.monotonic() < deadline:
            said = self.log.read_text(encoding="utf-8", errors="replace")
            found = {service.lower(): int(port) for service, port in LISTENING.findall(said)}
            if len(found) == 3:
                ports = Ports(**found)
                if all(ask(service, port).kind == "azurite" for service, port in ports):
                    return ports
            if self._process.poll() is not None:
                raise self._ended_early()
            time.sleep(pause)
        raise AzuriteStartError(
            f"Azurite did not answer within {START_SECONDS:.0f} s. Is the machine overloaded? Its log:\n{self._tail()}"
        )

    def _ended_early(self) -> AzuriteStartError | AzuritePortError:
        busy = BUSY.search(self.log.read_text(encoding="utf-8", errors="replace"))
        if busy:
            port = int(busy[1])
            return AzuritePortError(
                f"Azurite cannot use port {port}: something else on this machine listens on it. Close that, or set "
                "AzureWebJobsStorage to the connection string of a storage emulator on other ports.",
                port=port,
            )
        return AzuriteStartError(
            f"Azurite ended at once, with exit code {self._process.returncode}. Its log ('{self.log}'):\n{self._tail()}"
        )

    def _tail(self, lines: int = 15) -> str:
        said = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return "\n".join("    " + line for line in said[-lines:]) or "    (empty)"


def _spawn(
    runtime: NodeRuntime,
    folder: Path,
    ports: Ports,
    log: Path,
    preloads: Sequence[Path],
    *,
    in_memory: bool,
    lifeline: Path | None,
) -> subprocess.Popen[bytes]:
    script = installed_program(runtime)
    command = [str(runtime.node)]
    for preload in preloads:
        command += ["--require", str(preload)]
    command.append(str(script))
    for service, port in ports:
        command += [f"--{service}Host", LOOPBACK, f"--{service}Port", str(port)]
        # The default of 5 s closes connections that a client's pool is about to use again.
        command += [f"--{service}KeepAliveTimeout", "300"]
    command += ["--silent", "--skipApiVersionCheck", "--disableTelemetry"]
    command += ["--inMemoryPersistence"] if in_memory else ["--location", str(folder)]
    environment = {name: value for name, value in os.environ.items() if name != "NODE_OPTIONS"}
    environment["NODE_COMPILE_CACHE"] = str(script.parents[4] / "compiled")  # used from Node.js 22: starts 15% sooner
    environment["AZURITE_LIFELINE"] = f"file:{lifeline}" if lifeline else "stdin"
    # Away from the terminal's process group: its Ctrl+C is for the host, which needs its storage until the end.
    windows_flags = 0
    if sys.platform == "win32":
        windows_flags = subprocess.CREATE_NEW_PROCESS_GROUP
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL if lifeline else subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            creationflags=windows_flags,
        )
