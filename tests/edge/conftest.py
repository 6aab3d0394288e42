"""Two hosts of the app of the edge scenarios, on two storage accounts in memory, and what all scenarios left there.

Invariant: the hosts run the app as it was recorded, under its own host.json: nothing is set up for the comparison.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

import pytest

from durable_host.azurite import Azurite, free_port
from edge.recorded_driver import APP, load_driver, recorded_names
from edge.recorder import EdgeRecordings, Place
from host_process import HostProcess
from recorded_host.driver import Json


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Json]]:
    """Our recordings of all scenarios, by name."""
    folder = tmp_path_factory.mktemp("edge")
    with contextlib.ExitStack() as running:
        places = []
        for name in ("busy", "alone"):
            azurite, log = running.enter_context(Azurite.start()), folder / f"{name}.jsonl"
            host = running.enter_context(
                HostProcess.start(
                    APP, connection_string=azurite.connection_string, environment={"GOLDEN_LOG": str(log)}
                )
            )
            places.append(Place(address=host.address, connection_string=azurite.connection_string, log=log))
        driver = running.enter_context(load_driver(free_port()))
        busy, alone = places
        yield EdgeRecordings(driver, recorded_names(), busy=busy, alone=alone).run()
