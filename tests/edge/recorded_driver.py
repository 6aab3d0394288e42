"""The driver that recorded the edge scenarios: what it did to the real host it does to ours.

Invariant: nothing of it is changed but where it reads rows, which it does whole tables at a time.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from azure.data.tables import TableServiceClient

from durable_engine import FINAL_STATUSES
from recorded_host.driver import Json

__all__ = ["APP", "SCENARIOS", "Conversation", "DriverScenario", "load_driver", "recorded_names"]

_EDGE: Final = Path(__file__).parents[2] / "fixtures" / "recordings" / "edge"
_HUB: Final = "EdgeHub"
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 1.0
_TABLES: Final = ("Instances", "History")

APP: Final = _EDGE / "app"
"""The app that was recorded."""
SCENARIOS: Final = _EDGE / "scenarios"
"""The recordings."""

Conversation = Any
"""The driver's ``Edge``: ``log``, ``ids``, ``tokens`` and ``tables`` are what is used of it here."""


@dataclass(frozen=True, slots=True)
class DriverScenario:
    """One scenario of the driver, and how many seconds it may take."""

    name: str
    run: Callable[[Conversation], None]
    seconds: float


def recorded_names() -> list[str]:
    """The scenarios of which the real host's recording is here."""
    return sorted(path.stem for path in SCENARIOS.glob("*.json"))


class Driver:
    """The driver as a module, with its server for ``call_http`` running."""

    def __init__(self, module: ModuleType, port: int) -> None:
        self._module = module
        self.scenarios: Mapping[str, DriverScenario] = {
            name: DriverScenario(name, run, seconds) for name, (run, seconds, _) in module.scenarios().items()
        }
        module.Poked.port = port
        self._server: Any = module.Poked(("127.0.0.1", port), module.Answer)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def talk(
        self, base: str, seconds: float, connection_string: str, *, in_vain: Collection[str], patience: float
    ) -> Conversation:
        """Begin a scenario's conversation with a host.

        Waits last ``patience`` times as long as the driver says, since here many scenarios run at a time; those for
        the end of an instance that never ended there, named ``<id0>``, ``<id1>``, ... in ``in_vain``, do not.
        """
        talk = self._module.Edge(base, None, seconds, self._server)
        talk.tables = (connection_string, _HUB)
        wait = talk.wait

        def wait_longer(instance_id: str, until: Any = FINAL_STATUSES, seconds: float = 20) -> Any:
            place = f"<id{talk.ids.index(instance_id)}>" if instance_id in talk.ids else ""
            longest = seconds if place in in_vain else seconds * patience
            deadline, pause = time.monotonic() + longest, _FIRST_PAUSE
            while (left := deadline - time.monotonic()) > pause:
                status = talk.status(instance_id)[1]
                if status and status.get("runtimeStatus") in until:
                    return status
                time.sleep(pause)  # asked less and less often: a dozen scenarios wait at a time
                pause = min(pause * 1.5, _LONGEST_PAUSE)
            return wait(instance_id, until, max(left, 0.0))

        call = talk.call

        def call_longer(*args: Any, timeout: float = 12, **more: Any) -> Any:
            return call(*args, timeout=timeout * patience, **more)

        talk.wait, talk.call = wait_longer, call_longer
        return talk

    def tidied(self, recording: Json) -> Json:
        """A raw recording in the form that the driver writes: long runs cut, dates of the scenarios kept apart."""
        tidied: Json = self._module.tidy(recording)
        return tidied

    def __enter__(self) -> Driver:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextlib.contextmanager
def load_driver(port: int) -> Iterator[Driver]:
    """The driver, with its server on this port."""
    path = list(sys.path)
    spec = importlib.util.spec_from_file_location("edge_record", _EDGE / "record.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    limit = sys.getrecursionlimit()
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path[:] = path
        sys.setrecursionlimit(limit)
    module.golden_rows = _rows_of  # type: ignore[attr-defined]  # the module is loaded from a file
    with Driver(module, port) as driver:
        yield driver


def _rows_of(talk: Conversation, ids: Sequence[str]) -> dict[str, list[Json]]:
    """The rows of exactly these instances."""
    connection_string, hub = talk.tables
    found: dict[str, list[Json]] = {}
    with TableServiceClient.from_connection_string(connection_string) as service:
        for table in _TABLES:
            with service.get_table_client(hub + table) as client:
                rows = [
                    {column: [type(value).__name__, str(value)] for column, value in row.items()}
                    for one in ids
                    for row in client.query_entities("PartitionKey eq @id", parameters={"id": one})
                ]
            found[table] = sorted(rows, key=lambda row: (row["PartitionKey"][1], row["RowKey"][1]))
    return found
