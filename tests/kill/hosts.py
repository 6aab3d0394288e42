"""How the kill tests start their hosts: on short times, and with a file that tells which activity ran where.

One place for settings that let a dead host's work move on within seconds.
Invariant: times are short, but everything else is as any user's host has it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from host_process import HostProcess, StorageWitness

__all__ = ["KILL_APP", "KILL_APP_FILE", "SHORT_LEASES", "ActivityRun", "TestHub", "squares"]

KILL_APP: Final = Path(__file__).with_name("app")
KILL_APP_FILE: Final = "kill_app.py"
"""Not function_app.py, the name of the product's own app, which other tests of this process may have imported."""
SHORT_LEASES: Final[Mapping[str, str]] = {
    "LOCAL_HOST_LEASE_SECONDS": "2",
    "LOCAL_HOST_LEASE_RENEW_SECONDS": "0.5",
}


def squares(count: int) -> list[int]:
    """What a fan-out of so many activities gives."""
    return [number * number for number in range(count)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityRun:
    """One run of an activity, by the process that ran it."""

    pid: int
    instance_id: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TestHub:
    """A task hub of its own in a storage account, and the hosts that are started on it."""

    __test__ = False  # not a class of tests

    name: str
    connection_string: str
    folder: Path

    def start_host(self) -> HostProcess:
        """Start a host of the app that is to be killed."""
        return HostProcess.start(
            KILL_APP,
            connection_string=self.connection_string,
            environment={
                **SHORT_LEASES,
                "PYTHON_SCRIPT_FILE_NAME": KILL_APP_FILE,
                "KILL_TEST_HUB": self.name,
                "ACTIVITY_LOG": str(self._activity_log),
            },
        )

    def witness(self) -> StorageWitness:
        """A witness of the hub's storage."""
        return StorageWitness(self.connection_string, self.name)

    def activity_runs(self) -> list[ActivityRun]:
        """Every run of an activity of a fan-out, in the order in which they ended."""
        if not self._activity_log.exists():
            return []
        lines = [line.split() for line in self._activity_log.read_text(encoding="utf-8").splitlines()]
        return [ActivityRun(pid=int(pid), instance_id=instance, number=int(number)) for pid, instance, number in lines]

    def runs_of(self, instance_id: str) -> Counter[int]:
        """How often each activity of an instance was run."""
        return Counter(run.number for run in self.activity_runs() if run.instance_id == instance_id)

    @property
    def _activity_log(self) -> Path:
        return self.folder / "activities.log"
