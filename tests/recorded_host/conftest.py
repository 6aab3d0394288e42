"""One host of the recorded app, with a storage account of its own in memory, for each worker that runs this suite.

Invariant: the host runs the app as it was recorded, under its own host.json: nothing is set up for the comparison.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from durable_host.azurite import Azurite
from host_process import HostProcess
from recorded_host.recorder import APP, Recorder


@pytest.fixture(scope="session")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    """The recordings of a host that runs for the whole session."""
    log = tmp_path_factory.mktemp("recorded_host") / "invocations.jsonl"
    with (
        Azurite.start() as azurite,
        HostProcess.start(
            APP, connection_string=azurite.connection_string, environment={"GOLDEN_LOG": str(log)}
        ) as host,
    ):
        yield Recorder(host, connection_string=azurite.connection_string, log=log)
