"""Clients of the storage that the hosts of these tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient


@pytest.fixture(scope="module")
def queues(durable_host_storage: str) -> Iterator[QueueServiceClient]:
    with QueueServiceClient.from_connection_string(durable_host_storage) as service:
        yield service


@pytest.fixture(scope="module")
def blobs(durable_host_storage: str) -> Iterator[BlobServiceClient]:
    with BlobServiceClient.from_connection_string(durable_host_storage) as service:
        yield service
