"""Azurite comes up on free ports, is shared by hosts, says clearly why it cannot, and is never left behind unowned."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from azure.core.exceptions import HttpResponseError
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from durable_host.azurite import (
    Azurite,
    AzuriteError,
    AzuritePortError,
    AzuriteStartError,
    Ports,
    free_port,
    open_development_storage,
)
from durable_host.azurite.endpoints import LOOPBACK, ask
from durable_host.azurite.node import NodeRuntime, find_node
from durable_host.azurite.program import installed_program
from host_process import wait_until

TESTS = Path(__file__).parents[1]


@pytest.fixture
def ports() -> Ports:
    return Ports(blob=free_port(), queue=free_port(), table=free_port())


@pytest.fixture
def location(tmp_path: Path) -> Path:
    return tmp_path / "azurite" / "data"


def is_silent(ports: Ports) -> bool:
    return all(ask(service, port).kind == "silent" for service, port in ports)


@contextmanager
def killed_at_the_end(program: str, *arguments: object) -> Iterator[str]:
    """Run a Python program until it has printed one line, hand that line over, and SIGKILL the program at the end."""
    command = [sys.executable, "-c", program, *(str(argument) for argument in arguments)]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    with subprocess.Popen(
        command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def test_a_private_azurite_serves_all_three_clients_and_is_gone_after_its_block() -> None:
    with Azurite.start() as azurite:
        QueueServiceClient.from_connection_string(azurite.connection_string).create_queue("letters")
        TableServiceClient.from_connection_string(azurite.connection_string).create_table("rows")
        BlobServiceClient.from_connection_string(azurite.connection_string).create_container("files")
        folder = azurite.log.parent

        assert not is_silent(azurite.ports)
        assert {port for _, port in azurite.ports}.isdisjoint({0, 10000, 10001, 10002})

    assert is_silent(azurite.ports)
    assert not folder.exists()


@pytest.mark.long
def test_an_azurite_with_a_folder_keeps_its_data_over_a_restart(location: Path) -> None:
    with Azurite.start(location=location) as azurite:
        queue = QueueServiceClient.from_connection_string(azurite.connection_string).create_queue("letters")
        queue.send_message("kept")

    with Azurite.start(location=location) as azurite:
        queue = QueueServiceClient.from_connection_string(azurite.connection_string).get_queue_client("letters")

        assert [message.content for message in queue.receive_messages()] == ["kept"]


@pytest.mark.long
def test_a_private_azurite_ends_when_its_python_process_is_killed() -> None:
    program = (
        "from durable_host.azurite import Azurite\n"
        "azurite = Azurite.start()\n"
        "print(*(port for _, port in azurite.ports), flush=True)\n"
        "input()\n"
    )
    with killed_at_the_end(program) as line:
        blob, queue, table = map(int, line.split())
        ports = Ports(blob=blob, queue=queue, table=table)
        assert not is_silent(ports)

    wait_until(lambda: is_silent(ports), f"nothing answers on {ports}")


@pytest.mark.long
def test_hosts_share_one_development_storage_and_the_last_one_stops_it(ports: Ports, location: Path) -> None:
    first = open_development_storage(ports=ports, location=location)
    second = open_development_storage(ports=ports, location=location)
    assert (first.started_here, second.started_here) == (True, False)
    assert "already listens" in second.note
    assert first.connection_string == second.connection_string == ports.connection_string

    first.stop()
    QueueServiceClient.from_connection_string(second.connection_string).create_queue("letters")
    second.stop()
    second.stop()

    assert is_silent(ports)


@pytest.mark.long
def test_an_azurite_left_behind_by_a_killed_host_is_used_and_then_stopped(ports: Ports, location: Path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from durable_host.azurite import Ports, open_development_storage\n"
        "blob, queue, table = map(int, sys.argv[2:])\n"
        "ports = Ports(blob=blob, queue=queue, table=table)\n"
        "storage = open_development_storage(ports=ports, location=Path(sys.argv[1]))\n"
        "print(storage.started_here, flush=True)\n"
        "input()\n"
    )
    with killed_at_the_end(program, location, ports.blob, ports.queue, ports.table) as line:
        assert line == "True"

    with open_development_storage(ports=ports, location=location) as storage:
        assert not storage.started_here
        QueueServiceClient.from_connection_string(storage.connection_string).create_queue("letters")

    assert is_silent(ports)


@pytest.mark.long
def test_an_azurite_that_no_host_of_ours_started_is_used_and_stays(location: Path) -> None:
    with Azurite.start() as somebodys:
        with open_development_storage(ports=somebodys.ports, location=location) as storage:
            assert not storage.started_here

        assert not is_silent(somebodys.ports)


def test_a_port_with_something_else_on_it_is_named(ports: Ports, location: Path) -> None:
    server = ThreadingHTTPServer((LOOPBACK, ports.queue), BaseHTTPRequestHandler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        with pytest.raises(AzuritePortError, match=rf"Port {ports.queue}, .* queue service, is used by something else"):
            open_development_storage(ports=ports, location=location)
        with pytest.raises(AzuritePortError, match=f"Azurite cannot use port {ports.queue}") as raised:
            Azurite.start(ports=ports)
    finally:
        server.shutdown()
        server.server_close()

    assert raised.value.port == ports.queue
    assert is_silent(ports)


def test_an_azurite_that_lacks_a_service_is_refused_with_the_port_that_does_not_answer(location: Path) -> None:
    with Azurite.start() as azurite:
        ports = Ports(blob=azurite.ports.blob, queue=azurite.ports.queue, table=free_port())

        with pytest.raises(AzuritePortError, match=f"its table service does not answer on port {ports.table}"):
            open_development_storage(ports=ports, location=location)


def test_an_azurite_that_refuses_current_clients_is_refused_with_the_flag_it_needs(
    ports: Ports, location: Path, tmp_path: Path
) -> None:
    runtime = find_node()
    flags = ["--inMemoryPersistence", "--disableTelemetry"]
    flags += [flag for service, port in ports for flag in (f"--{service}Port", str(port))]
    command = [
        str(runtime.node),
        str(installed_program(runtime)),
        *flags,
        "--inMemoryPersistence",
        "--disableTelemetry",
    ]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) as strict:
        try:
            wait_until(lambda: ask("table", ports.table).kind != "silent", "Azurite answers", seconds=60)
            with pytest.raises(HttpResponseError, match="not supported by Azurite"):
                QueueServiceClient.from_connection_string(ports.connection_string).create_queue("letters")

            with pytest.raises(AzuritePortError, match="--skipApiVersionCheck"):
                open_development_storage(ports=ports, location=location)
        finally:
            strict.kill()


@pytest.mark.long
def test_clean_removes_the_data_but_never_under_a_running_azurite(ports: Ports, location: Path) -> None:
    with open_development_storage(ports=ports, location=location) as storage:
        QueueServiceClient.from_connection_string(storage.connection_string).create_queue("letters")

        with pytest.raises(AzuriteError, match=f"an Azurite is running on port {ports.blob}"):
            open_development_storage(ports=ports, location=location, clean=True)

    with open_development_storage(ports=ports, location=location, clean=True) as storage:
        assert list(QueueServiceClient.from_connection_string(storage.connection_string).list_queues()) == []


def test_an_azurite_that_cannot_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    not_node = NodeRuntime(node=Path(sys.executable), npm=find_node().npm, version="20.0.0", origin="PATH")

    with pytest.raises(AzuriteStartError, match=r"(?s)exit code \d+\. Its log .*unknown option --require"):
        Azurite.start(location=tmp_path, runtime=not_node)
