"""host.json's ``extensions.queues``, bindings of a message's metadata, and the shapes of a queue output.

Sources: fixtures/recordings/triggers, folder ``none`` for the settings, and the scenario that a test names.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from durable_host.testing import HostClient, HostProcess, wait_until
from durable_host.testing.plugin import ServeApp
from host_apps.storage_steps import received, send, upload

APP = Path(__file__).parent / "apps" / "queues"
TEXT = {"is_base64": False}

pytestmark = pytest.mark.xdist_group("host_apps_queues")


@pytest.fixture(scope="module")
def host(serve_app: ServeApp) -> HostProcess:
    return serve_app(APP, arguments=["--verbose"])


@pytest.fixture
def client(host: HostProcess) -> Iterator[HostClient]:
    with host.client() as one:
        yield one


def test_messages_come_in_batches_as_host_json_says(host: HostProcess, queues: QueueServiceClient) -> None:
    # none/queue_batch: batchSize 2 and newBatchThreshold 1, of which at most batchSize + newBatchThreshold run at once.
    for number in range(6):
        send(queues, "slow", f"{number}", **TEXT)

    at_once = [int(text) for text in received(queues, "slow-done", 6, **TEXT)]

    assert max(at_once) in (2, 3)


def test_a_message_that_failed_is_visible_again_after_the_time_that_host_json_says(
    host: HostProcess, queues: QueueServiceClient
) -> None:
    # none/queue_poison: visibilityTimeout; messageEncoding none, so that the text is the message.
    began = time.monotonic()
    send(queues, "again", "Grüße", **TEXT)

    assert received(queues, "attempts", **TEXT) == ["Grüße at attempt 2"]
    assert time.monotonic() - began > 1.9


def test_a_message_that_fails_for_good_is_put_aside_as_it_was(host: HostProcess, queues: QueueServiceClient) -> None:
    # queue_expressions: no value for {name}, so that each of maxDequeueCount attempts fails before the function.
    send(queues, "described", "no JSON", **TEXT)

    assert received(queues, "described-poison", **TEXT) == ["no JSON"]
    assert host.log_text.count("No value for named parameter 'name'.") >= 3
    assert "Message has reached MaxDequeueCount of 3. Moving message to queue 'described-poison'." in host.log_text


def test_members_and_metadata_of_a_message_name_the_blobs_of_other_bindings(
    host: HostProcess, queues: QueueServiceClient, blobs: BlobServiceClient
) -> None:
    # queue_expressions: {name}, {inner.x}, {DequeueCount}.
    upload(blobs, "described", "anna.txt", "known before")
    send(queues, "described", json.dumps({"name": "anna", "inner": {"x": 7}}), **TEXT)

    copy = blobs.get_blob_client("described", "7-1.json")
    wait_until(copy.exists, "the copy is written")
    assert json.loads(copy.download_blob().readall()) == {
        "message": {"name": "anna", "inner": {"x": 7}},
        "known": "known before",
    }


def test_a_message_that_is_hidden_for_a_while_is_seen_after_it(host: HostProcess, queues: QueueServiceClient) -> None:
    # queue_latency: visibility_timeout on send.
    began = time.monotonic()
    send(queues, "slow", "later", later=2, **TEXT)

    assert received(queues, "slow-done", **TEXT) == ["1"]
    assert time.monotonic() - began > 1.9


@pytest.mark.parametrize(
    ("shape", "messages"),
    [
        ("text", ["one"]),
        ("list", ["one", "two"]),
        ("bytes", ["bytes"]),
        ("object", ['{\n  "a": 1\n}']),
    ],
)
def test_what_is_set_becomes_messages_as_recorded(
    client: HostClient, queues: QueueServiceClient, shape: str, messages: list[str]
) -> None:
    # queue_out_set: a list is one message each, a JSON object is written anew.
    assert client.call("POST", f"/api/send/{shape}").status == 200

    assert received(queues, "sent", len(messages), **TEXT) == messages


def test_an_output_that_is_not_set_sends_nothing(client: HostClient, queues: QueueServiceClient) -> None:
    # queue_out_set, out-never-set.
    assert client.call("POST", "/api/send/nothing").body == b"sent"
    client.call("POST", "/api/send/text")

    assert received(queues, "sent", **TEXT) == ["one"]
