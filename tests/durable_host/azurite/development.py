"""What ``UseDevelopmentStorage=true`` stands for: one Azurite at the usual ports, shared by the hosts that run here.

An Azurite that listens already is used, whoever started it: another host, an editor, or a host that was killed. Each
host holds a lock file while it uses the storage, and the operating system lets go of it when the host dies, so the
last host to leave in order is the one that stops an Azurite of ours.
Invariant: an Azurite that no host of ours started is never stopped, and no data is removed under a running one.
"""

from __future__ import annotations

import atexit
import itertools
import os
import shutil
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from durable_host.azurite.endpoints import DEFAULT_PORTS, Answer, Ports, ask
from durable_host.azurite.errors import AzuriteError, AzuritePortError
from durable_host.azurite.folders import DATA
from durable_host.azurite.process import STOP_SECONDS, Azurite

__all__ = ["DevelopmentStorage", "open_development_storage"]

WAY_OUT = (
    "or set AzureWebJobsStorage to a connection string: of an emulator on other ports, or of a storage account in Azure"
)

_serial = itertools.count()


class DevelopmentStorage:
    """This process's share in the Azurite at the usual ports. ``note`` says in one line what was found or done."""

    def __init__(self, *, ports: Ports, location: Path, azurite: Azurite | None, version: str) -> None:
        self.ports = ports
        self.started_here = azurite is not None
        where = ", ".join(str(port) for _, port in ports)
        self.note = (
            f"Azurite {version} started on ports {where}; its data is kept in '{location}'."
            if self.started_here
            else f"Using the Azurite {version} that already listens on ports {where}."
        )
        self._location = location
        self._azurite = azurite
        self._seat: FileLock | None = _take_seat(location)
        atexit.register(self.stop)

    @property
    def connection_string(self) -> str:
        """The connection string of the storage account."""
        return self.ports.connection_string

    def stop(self) -> None:
        """Leave; stop the Azurite if a host of ours started it and nobody else uses it. Leaving twice is fine."""
        atexit.unregister(self.stop)
        if self._seat is None:
            return
        with _door(self._location):
            self._seat.release()
            Path(self._seat.lock_file).unlink(missing_ok=True)
            self._seat = None
            if _seats_taken(self._location):
                if self._azurite:
                    self._azurite.leave_running()
                return
            lifelines = _lifelines(self._location)
            for lifeline in lifelines:
                lifeline.unlink(missing_ok=True)
            if self._azurite:
                self._azurite.stop()
            elif lifelines:
                _wait_until_silent(self.ports)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def open_development_storage(
    *, ports: Ports = DEFAULT_PORTS, location: Path = DATA, clean: bool = False
) -> DevelopmentStorage:
    """Use the Azurite that listens on the ports, or start one there; ``clean`` removes all its data first."""
    location.parent.mkdir(parents=True, exist_ok=True)
    with _door(location):
        answers = {service: ask(service, port) for service, port in ports}
        if clean:
            _remove_data(location, ports, answers)
        if all(answer.kind == "silent" for answer in answers.values()):
            try:
                return _start(ports, location)
            except AzuritePortError:
                # A host of another clone can have been faster: see who is there now.
                answers = {service: ask(service, port) for service, port in ports}
        version = _refuse_unless_usable(ports, answers)
        return DevelopmentStorage(ports=ports, location=location, azurite=None, version=version)


def _start(ports: Ports, location: Path) -> DevelopmentStorage:
    for stale in _lifelines(location):
        stale.unlink(missing_ok=True)
    lifeline = location.with_name(f"{location.name}.running-{os.getpid()}-{next(_serial)}")
    lifeline.touch()
    azurite = Azurite.start(location=location, ports=ports, lifeline=lifeline)
    version = ask("blob", azurite.ports.blob).detail
    return DevelopmentStorage(ports=azurite.ports, location=location, azurite=azurite, version=version)


def _refuse_unless_usable(ports: Ports, answers: dict[str, Answer]) -> str:
    """Return the version of the Azurite that has all three ports; raise if it will not do."""
    for service, port in ports:
        answer = answers[service]
        if answer.kind == "other":
            raise AzuritePortError(
                f"Port {port}, where UseDevelopmentStorage=true expects Azurite's {service} service, is used by "
                f"something else: {answer.detail}. Close what listens there, {WAY_OUT}.",
                port=port,
            )
    for service, port in ports:
        answer = answers[service]
        if answer.kind == "silent":
            raise AzuritePortError(
                f"An Azurite is running, but its {service} service does not answer on port {port}. Stop that Azurite, "
                f"so that one with all three services is started here, or start it with all of them, {WAY_OUT}.",
                port=port,
            )
        if answer.refuses_new_clients:
            raise AzuritePortError(
                f"The Azurite {answer.detail} on port {port} refuses the API version of current storage clients. Stop "
                f"it, so that a suitable one is started here, or start it with --skipApiVersionCheck, {WAY_OUT}.",
                port=port,
            )
    return answers["blob"].detail


def _remove_data(location: Path, ports: Ports, answers: dict[str, Answer]) -> None:
    listening = [str(port) for service, port in ports if answers[service].kind == "azurite"]
    if listening:
        raise AzuriteError(
            f"--clean removes the data of the Azurite in '{location}', but an Azurite is running on port "
            f"{', '.join(listening)}. Stop the host that uses it (Ctrl+C there; if that host was killed, start one "
            "without --clean and stop it), and start again."
        )
    if location.exists():
        shutil.rmtree(location)


def _door(location: Path) -> FileLock:
    """One process at a time comes or goes. Starting Azurite for the first time includes installing it."""
    return FileLock(location.with_name(f"{location.name}.lock"), timeout=900, thread_local=False)


def _lifelines(location: Path) -> list[Path]:
    return list(location.parent.glob(f"{location.name}.running-*"))


def _seats(location: Path) -> Path:
    return location.with_name(f"{location.name}.hosts")


def _take_seat(location: Path) -> FileLock:
    folder = _seats(location)
    folder.mkdir(parents=True, exist_ok=True)
    seat = FileLock(folder / f"{os.getpid()}-{next(_serial)}.lock", thread_local=False)
    seat.acquire(timeout=0)
    return seat


def _seats_taken(location: Path) -> int:
    """Count the hosts that are alive; sweep away what dead ones left."""
    taken = 0
    for path in _seats(location).glob("*.lock"):
        seat = FileLock(path, thread_local=False)
        try:
            seat.acquire(timeout=0)
        except Timeout:
            taken += 1
        else:
            seat.release()
            path.unlink(missing_ok=True)
    return taken


def _wait_until_silent(ports: Ports) -> None:
    """Wait for an Azurite that is not our child to save its data and go; it is given no longer than a child."""
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline and any(ask(service, port).kind != "silent" for service, port in ports):
        time.sleep(0.05)
