"""Bindings with accounts of their own, blobs in every type of a parameter, and one that fails each time.

Sources: fixtures/recordings/triggers, the scenario that a test names; for the clients of the storage SDK
https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-blob-trigger?pivots=programming-language-python
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from durable_host.azurite import Azurite
from durable_host.testing import HostClient, HostProcess, wait_until
from durable_host.testing.plugin import ServeApp
from host_apps.storage_steps import received, send, upload

APP = Path(__file__).parent / "apps" / "blobs"

pytestmark = pytest.mark.xdist_group("host_apps_blobs")


@pytest.fixture(scope="module")
def other_storage() -> Iterator[str]:
    """An account that is not the host's."""
    with Azurite.start() as azurite:
        yield azurite.connection_string


@pytest.fixture(scope="module")
def other_blobs(other_storage: str) -> Iterator[BlobServiceClient]:
    with BlobServiceClient.from_connection_string(other_storage) as service:
        yield service


@pytest.fixture(scope="module")
def host(serve_app: ServeApp, other_storage: str) -> HostProcess:
    settings = {"OtherStorage": other_storage, "AzureWebJobsOther": other_storage}
    return serve_app(APP, environment=settings, arguments=["--verbose"])


@pytest.fixture
def client(host: HostProcess) -> Iterator[HostClient]:
    with host.client() as one:
        yield one


def test_a_blob_of_another_account_is_found_and_its_client_given(
    host: HostProcess, other_blobs: BlobServiceClient, blobs: BlobServiceClient
) -> None:
    upload(other_blobs, "inbox", "abc.txt", "abc")

    copy = other_blobs.get_blob_client("outbox", "abc.txt")
    wait_until(copy.exists, "the copy is written")
    assert copy.download_blob().readall() == b"cba"
    assert not blobs.get_container_client("inbox").exists()
    # blob_basic: statuses and receipts are in the host's own account all the same.
    receipts = list(blobs.get_container_client("azure-webjobs-hosts").list_blob_names(name_starts_with="blobreceipts/"))
    assert any(name.endswith("/inbox/abc.txt") for name in receipts)
    assert not other_blobs.get_container_client("azure-webjobs-hosts").exists()


def test_each_binding_of_a_function_has_the_account_that_it_names(
    host: HostProcess, other_storage: str, queues: QueueServiceClient
) -> None:
    # https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger#connections
    with (
        QueueServiceClient.from_connection_string(other_storage) as other_queues,
        TableServiceClient.from_connection_string(other_storage) as other_tables,
    ):
        send(other_queues, "moves", "from-elsewhere")

        assert received(queues, "moved") == ["from-elsewhere"]
        assert [row["RowKey"] for row in other_tables.get_table_client("moves").list_entities()] == ["from-elsewhere"]
        assert not any(queue.name == "moves" for queue in queues.list_queues())


def test_a_blob_is_read_as_a_stream_as_text_and_as_bytes(client: HostClient, other_blobs: BlobServiceClient) -> None:
    # blob_inout
    upload(other_blobs, "inbox", "read.txt", "Grüße")

    assert client.call("GET", "/api/read/read.txt").body.decode() == f"Grüße Grüße {'Grüße'.encode()!r}"


def test_a_blob_that_is_not_there_is_none(client: HostClient) -> None:
    # blob_inout: the function runs, with None.
    assert client.call("GET", "/api/read/missing.txt").body == b"nothing"


def test_clients_of_the_storage_sdk_reach_the_account_of_the_binding(
    client: HostClient, other_blobs: BlobServiceClient
) -> None:
    upload(other_blobs, "inbox", "deferred.bin", "12345")

    assert b"deferred.bin" in client.call("GET", "/api/count").body
    assert client.call("GET", "/api/download/deferred.bin").body == b"12345"


def test_a_blob_that_fails_each_time_is_told_in_the_poison_queue_of_the_host(
    host: HostProcess, other_blobs: BlobServiceClient, queues: QueueServiceClient
) -> None:
    # blob_poison: poisonBlobThreshold attempts, then the message of the scan in webjobs-blobtrigger-poison.
    upload(other_blobs, "failing", "bad.txt", "bad")

    (message,) = received(queues, "webjobs-blobtrigger-poison")
    told = json.loads(message)
    assert (told["FunctionId"], told["ContainerName"], told["BlobName"]) == (
        "Host.Functions.failing",
        "failing",
        "bad.txt",
    )
    assert "Moving message to queue 'webjobs-blobtrigger-poison'." in host.log_text
    assert host.log_text.count("Exception: ValueError: failing/bad.txt cannot be read") == 4  # two entries for each run
