"""The shapes of public samples that need a trigger or a binding, each end to end: raw storage clients and HTTP.

What is asserted stands in the recordings of the real host (fixtures/recordings/triggers) or, where the comment says so,
in the public documentation.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from durable_host.testing import HostClient, HostProcess, wait_until
from durable_host.testing.plugin import ServeApp
from host_apps.storage_steps import received, send, upload

APP = Path(__file__).parent / "apps" / "triggers"

pytestmark = pytest.mark.xdist_group("host_apps_triggers")


@pytest.fixture(scope="module")
def host(serve_app: ServeApp) -> HostProcess:
    return serve_app(APP, environment={"EVERY": "0 0 3 * * *"}, arguments=["--verbose"])


@pytest.fixture
def client(host: HostProcess) -> Iterator[HostClient]:
    with host.client() as one:
        yield one


def ended(client: HostClient, instance_id: str) -> Any:
    """The output of an instance that somebody else starts."""
    wait_until(lambda: client.status(instance_id) is not None, f"{instance_id} is started")
    return client.wait_for(instance_id)["output"]


def test_a_timer_starts_the_monitor_when_the_host_starts(client: HostClient) -> None:
    assert ended(client, "the-monitor") == {"seen": {"past_due": False}}


def test_a_message_starts_an_orchestration(client: HostClient, queues: QueueServiceClient) -> None:
    send(queues, "orders", json.dumps({"id": "order-1", "items": ["a"]}))

    assert ended(client, "order-1") == {"seen": {"id": "order-1", "items": ["a"]}}


def test_what_a_queue_function_returns_goes_to_another_queue(host: HostProcess, queues: QueueServiceClient) -> None:
    send(queues, "to-copy", "Grüße")

    assert received(queues, "copied") == ["Grüße (1)"]


def test_a_message_that_fails_each_time_is_put_aside(host: HostProcess, queues: QueueServiceClient) -> None:
    send(queues, "to-fail", "bad")

    assert received(queues, "to-fail-poison") == ["bad"]
    said = host.log_text
    assert "attempt 2" in said
    assert "attempt 3" not in said
    assert (
        "warn: Microsoft.Azure.WebJobs.Host.Queues.QueueProcessor[0]\n"
        "      Message has reached MaxDequeueCount of 2. Moving message to queue 'to-fail-poison'.\n"
    ) in said
    assert "Exception: ValueError: this message is poison" in said


def test_a_blob_starts_an_orchestration_and_is_copied(client: HostClient, blobs: BlobServiceClient) -> None:
    upload(blobs, "uploads", "folder/first.txt", "blob-1")

    assert ended(client, "blob-1") == {"seen": {"blob": "uploads/folder/first.txt"}}
    copied = blobs.get_blob_client("copies", "folder/first.upper.txt")
    wait_until(copied.exists, "the copy is written")
    assert copied.download_blob().readall() == b"BLOB-1"


def test_each_version_of_a_blob_runs_once(client: HostClient, blobs: BlobServiceClient) -> None:
    upload(blobs, "uploads", "changing.txt", "version-1")
    ended(client, "version-1")
    upload(blobs, "uploads", "changing.txt", "version-2")

    assert ended(client, "version-2") == {"seen": {"blob": "uploads/changing.txt"}}
    receipts = blobs.get_container_client("azure-webjobs-hosts").list_blob_names(name_starts_with="blobreceipts/")
    assert sum(name.endswith("/uploads/changing.txt") for name in receipts) == 2


def test_a_client_of_the_storage_sdk_is_given_beside_a_request(client: HostClient, blobs: BlobServiceClient) -> None:
    upload(blobs, "uploads", "deferred.bin", "12345")

    assert client.call("GET", "/api/size/deferred.bin").body == b"5"


def test_bindings_of_an_activity_name_its_input_and_its_instance(client: HostClient, blobs: BlobServiceClient) -> None:
    # ActivityTriggerAttributeBindingProvider of the Durable extension: the parameter's name, data, instanceId.
    upload(blobs, "uploads", "by-name.txt", "found")

    client.start("files", instance_id="files-1")

    assert ended(client, "files-1") == "by-name.txt: found"
    assert blobs.get_blob_client("copies", "out-files-1.txt").download_blob().readall() == b"BY-NAME.TXT: FOUND"


def test_a_row_is_written_and_read(client: HostClient) -> None:
    # https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-table
    missing = client.call("GET", "/api/rows/r1").body
    client.call("POST", "/api/rows/r1", body="hello")

    assert missing == b"no such row"
    assert client.call("GET", "/api/rows/r1").body == b'"hello"'


def test_an_event_is_posted_to_an_event_grid_function(client: HostClient, queues: QueueServiceClient) -> None:
    # https://learn.microsoft.com/azure/azure-functions/event-grid-how-tos#trigger-the-function-locally
    event = {
        "id": "1",
        "topic": "t",
        "subject": "s",
        "eventType": "Kit.Made",
        "eventTime": "2026-01-01T00:00:00Z",
        "data": {"n": 7},
        "dataVersion": "1",
    }

    answer = client.call("POST", "/runtime/webhooks/EventGrid?functionName=hear", body=[event])

    assert answer.status == 202
    assert received(queues, "events") == ["Kit.Made: 7"]


def test_functions_that_cannot_run_here_do_not_stop_the_app(host: HostProcess, client: HostClient) -> None:
    said = host.log_text
    assert "Function 'of_elsewhere' is listed and not run: a serviceBusTrigger is not run by this host" in said
    problem = (
        "The schedule expression 'not a schedule' was not recognized as a valid cron expression or timespan string."
    )
    # errors/startup and errors/errors
    outer = "Error indexing method 'Functions.never'"
    told = f"Microsoft.Azure.WebJobs.Host: {outer}. Microsoft.Azure.WebJobs.Extensions: {problem}"
    assert f"fail: Host.Startup[0]\n      {outer}\n      {outer}\n       ---> {problem}" in said
    assert f"fail: Host.Startup[402]\n      The 'never' function is in error: {told}\n" in said
    assert "        never: timerTrigger (in error)\n" in said
    assert client.call("GET", "/admin/functions/never/status").json() == {"errors": [told]}
    assert client.call("GET", "/admin/functions/copy/status").json() == {}


@pytest.mark.parametrize(
    ("body", "status"),
    [({"input": "by hand"}, 202), ({"INPUT": "by hand"}, 202), ({"input": {"a": 1}}, 400), ([], 400), (None, 415)],
)
def test_a_run_by_hand_is_accepted_or_refused_as_recorded(client: HostClient, body: object, status: int) -> None:
    assert client.call("POST", "/admin/functions/look", body=body).status == status


def test_functions_run_by_hand(client: HostClient, host: HostProcess, queues: QueueServiceClient) -> None:
    client.call("POST", "/admin/functions/copy", body={"input": "by hand"})
    client.call("POST", "/admin/functions/watch", body={"input": ""})
    client.call("POST", "/admin/functions/size", body={})

    assert received(queues, "copied") == ["by hand (0)"]
    refused = "Durable orchestrator functions do not support direct invocation."
    wait_until(lambda: refused in host.log_text, "the orchestrator is refused")
    wait_until(lambda: "An HttpRequest is required" in host.log_text, "the HTTP function is refused")


def test_the_traceback_of_an_entity_s_operation_is_in_the_log(client: HostClient, host: HostProcess) -> None:
    client.start("breaks", instance_id="breaks")

    client.wait_for("breaks", ["Failed"])

    place = f'File "{APP / "function_app.py"}", line'
    wait_until(lambda: "RuntimeError: it broke" in host.log_text, "the failure is logged")
    assert host.log_text.count('raise RuntimeError("it broke")') == 1
    after = host.log_text.partition("Exception: RuntimeError: it broke")[2]
    assert place in after[:600]


@pytest.mark.parametrize(
    ("orchestrator", "error", "code"),
    [
        ("gives_up", "ValueError: it gave up", 'raise ValueError("it gave up")'),
        ("asks", "LookupError: it refused", 'raise LookupError("it refused")'),
    ],
)
def test_the_traceback_of_an_orchestrator_or_activity_is_in_the_log_with_its_line_once_for_each_run(
    client: HostClient, host: HostProcess, orchestrator: str, error: str, code: str
) -> None:
    # The activity as in quiet/log_fail_activity, in two entries; of orchestrators the real host has none, ours one.
    client.start(orchestrator, instance_id=orchestrator)

    client.wait_for(orchestrator, ["Failed"])

    entries = 1 if orchestrator == "gives_up" else 2
    wait_until(lambda: host.log_text.count(code) == entries, "the failure is logged")
    after = host.log_text.partition(f"Exception: {error}")[2]
    assert f'File "{APP / "function_app.py"}", line' in after[:1500]


def test_a_timer_s_status_is_kept_where_the_real_host_keeps_it(host: HostProcess, blobs: BlobServiceClient) -> None:
    names = list(blobs.get_container_client("azure-webjobs-hosts").list_blob_names(name_starts_with="timers/"))

    (name,) = [name for name in names if name.endswith("/Host.Functions.monitor/status")]
    status = json.loads(blobs.get_blob_client("azure-webjobs-hosts", name).download_blob().readall())
    assert list(status) == ["Last", "Next", "LastUpdated"]
    assert status["Next"].endswith("T03:00:00+00:00")
