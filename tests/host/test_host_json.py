"""host.json: every key that counts, every value that is refused, and everything else named once."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from durable_engine import VersionRule
from durable_host.config.host_json import HostJson, HostJsonError, QueueOptions, read_host_json

APP = Path(__file__).parents[2] / "src"


def write(folder: Path, content: object) -> Path:
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / "host.json").write_text(text, encoding="utf-8")
    return folder


def read(folder: Path, key: str, value: object, environment: dict[str, str] | None = None) -> HostJson:
    """host.json with one key besides the version."""
    content: dict[str, Any] = {"version": "2.0"}
    inner = content
    *parents, last = key.split(".")
    for parent in parents:
        inner = inner.setdefault(parent, {})
    inner[last] = value
    return read_host_json(write(folder, content), environment or {})


DURABLE = "extensions.durableTask."
STORAGE = "extensions.durableTask.storageProvider."


def test_without_any_key_the_defaults_hold(tmp_path: Path) -> None:
    settings = read_host_json(write(tmp_path, {"version": "2.0"}), {})

    per_processor = 10 * (os.cpu_count() or 1)
    assert settings == HostJson(
        hub_name="TestHubName",
        connection_name="AzureWebJobsStorage",
        partition_count=4,
        control_visibility_seconds=30,
        work_item_visibility_seconds=30,
        max_polling_interval_seconds=30,
        max_activities=per_processor,
        max_orchestrators=per_processor,
        max_entities=per_processor,
        route_prefix="api",
        versions=VersionRule(default_version=None, match="CurrentOrOlder", fails=False),
        replaces_running=False,
        function_timeout_seconds=1800,
        log_levels={},
        queues=QueueOptions(new_batch_threshold=8 * (os.cpu_count() or 1), blob_parallelism=8 * (os.cpu_count() or 1)),
        notes=(),
    )


def test_the_apps_own_file_is_read_without_a_note() -> None:
    settings = read_host_json(APP, {})

    assert (settings.hub_name, settings.max_polling_interval_seconds) == ("TitlesHub", 1)
    assert (settings.max_activities, settings.max_orchestrators) == (32, 8)
    assert [note for note in settings.notes if "in Azure must be from" not in note] == []


@pytest.mark.parametrize(
    ("key", "value", "field", "expected"),
    [
        (DURABLE + "hubName", "MyHub", "hub_name", "MyHub"),
        (DURABLE + "hubName", "%HUB%x", "hub_name", "FromSettingx"),
        ("EXTENSIONS.durabletask.HUBNAME", "MyHub", "hub_name", "MyHub"),
        (STORAGE + "connectionName", "Other", "connection_name", "Other"),
        (STORAGE + "connectionStringName", "Older", "connection_name", "Older"),
        (STORAGE + "partitionCount", 16, "partition_count", 16),
        (STORAGE + "partitionCount", "7", "partition_count", 7),
        (STORAGE + "controlQueueVisibilityTimeout", "00:05:00", "control_visibility_seconds", 300),
        (STORAGE + "workItemQueueVisibilityTimeout", "7.00:00:00", "work_item_visibility_seconds", 604_800),
        (STORAGE + "maxQueuePollingInterval", "00:00:00.2", "max_polling_interval_seconds", 0.2),
        (STORAGE + "type", "azurestorage", "notes", ()),
        (DURABLE + "maxConcurrentActivityFunctions", 1, "max_activities", 1),
        (DURABLE + "maxConcurrentOrchestratorFunctions", 2, "max_orchestrators", 2),
        (DURABLE + "maxConcurrentEntityFunctions", 3, "max_entities", 3),
        (DURABLE + "defaultVersion", "1.2", "versions", VersionRule(default_version="1.2")),
        (DURABLE + "versionMatchStrategy", "strict", "versions", VersionRule(match="Strict")),
        (DURABLE + "versionFailureStrategy", "Fail", "versions", VersionRule(fails=True)),
        (DURABLE + "overridableExistingInstanceStates", "AnyState", "replaces_running", True),
        (DURABLE + "overridableExistingInstanceStates", "NonRunningStates", "replaces_running", False),
        ("extensions.http.routePrefix", "/v1/", "route_prefix", "v1"),
        ("extensions.http.routePrefix", "", "route_prefix", ""),
        ("functionTimeout", "00:10:00", "function_timeout_seconds", 600),
        ("functionTimeout", "-1", "function_timeout_seconds", None),
        ("logging.logLevel", {"default": "Warning"}, "log_levels", {"default": "Warning"}),
    ],
)
def test_a_key_is_honoured(tmp_path: Path, key: str, value: object, field: str, expected: object) -> None:
    settings = read(tmp_path, key, value, {"HUB": "FromSetting"})

    assert getattr(settings, field) == expected
    assert [note for note in settings.notes if "in Azure must be from" not in note] == []


def test_the_default_hub_is_named_after_the_site(tmp_path: Path) -> None:
    settings = read_host_json(write(tmp_path, {"version": "2.0"}), {"WEBSITE_SITE_NAME": "my-site-1"})

    assert settings.hub_name == "mysite1"


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        (DURABLE + "hubName", 5, "a text"),
        (DURABLE + "hubName", "%NONE%", "there is no setting 'NONE'"),
        (STORAGE + "partitionCount", 17, "a number from 1 to 16"),
        (STORAGE + "partitionCount", 0, "a positive whole number"),
        (STORAGE + "partitionCount", True, "a positive whole number"),
        (STORAGE + "partitionCount", 2.5, "a positive whole number"),
        (STORAGE + "controlQueueVisibilityTimeout", "00:00:00.5", "a time of at least 1 s"),
        (STORAGE + "workItemQueueVisibilityTimeout", "7.00:00:01", "at most seven days"),
        (STORAGE + "maxQueuePollingInterval", "00:00:00", "a time of at least 0.05 s"),
        (STORAGE + "maxQueuePollingInterval", "1 s", "a time in hours, minutes and seconds"),
        (STORAGE + "maxQueuePollingInterval", "00:60:00", "a time in hours, minutes and seconds"),
        (STORAGE + "type", "mssql", "AzureStorage"),
        (DURABLE + "maxConcurrentActivityFunctions", "many", "a positive whole number"),
        (DURABLE + "overridableExistingInstanceStates", "Sometimes", "NonRunningStates or AnyState"),
        ("extensions.queues.batchSize", 0, "a positive whole number"),
        ("extensions.queues.newBatchThreshold", -1, "a whole number, 0 or more"),
        ("extensions.queues.maxPollingInterval", "00:00:00.05", "a time of at least 0.1 s"),
        ("extensions.queues.messageEncoding", "utf-8", "base64"),
        ("functionTimeout", "24:00:00", "a time in hours, minutes and seconds"),
        ("functionTimeout", "00:00:00", "a time of at least"),
        ("logging.logLevel", "Warning", "an object"),
        ("logging.logLevel", {"default": "Verbose"}, "one of trace, debug, information"),
        ("logging.logLevel", {"default": None}, "one of trace, debug, information"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_with_its_place(
    tmp_path: Path, key: str, value: object, said: str
) -> None:
    with pytest.raises(HostJsonError) as refusal:
        read(tmp_path, key, value)

    assert f"{tmp_path / 'host.json'}: '{key}" in str(refusal.value)
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"version": "2.0",\n "extensions": }', "line 2: not valid JSON"),
        ("[]", '"version" must be "2.0"'),
        ("{}", '"version" must be "2.0"'),
        ({"version": "1.0"}, '"version" must be "2.0"'),
    ],
)
def test_a_file_that_is_no_host_json_is_refused(tmp_path: Path, content: object, said: str) -> None:
    with pytest.raises(HostJsonError, match=said):
        read_host_json(write(tmp_path, content), {})


def test_a_missing_or_unreadable_file_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(HostJsonError, match="does not exist"):
        read_host_json(tmp_path, {})
    (tmp_path / "host.json").write_bytes(b'{"version": "\xff"}')
    with pytest.raises(HostJsonError, match="not text in UTF-8"):
        read_host_json(tmp_path, {})
    (tmp_path / "host.json").unlink()
    (tmp_path / "host.json").mkdir()
    with pytest.raises(HostJsonError, match="cannot be read"):
        read_host_json(tmp_path, {})


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_bytes(b'\xef\xbb\xbf{"version": "2.0"}')

    assert read_host_json(tmp_path, {}).partition_count == 4


def test_what_is_not_honoured_is_named_once_with_its_whole_key(tmp_path: Path) -> None:
    content = {
        "version": "2.0",
        "customHandler": {"description": {"defaultExecutablePath": "x"}},
        "extensions": {
            "durableTask": {"maxOrchestrationActions": 5, "storageProvider": {"controlQueueBatchSize": 32}},
            "http": {"routePrefix": "api", "hsts": {"isEnabled": True, "maxAge": "10"}},
        },
        "loggings": 1,
    }

    assert read_host_json(write(tmp_path, content), {}).notes == tuple(
        f"host.json: {key!r} is not honoured by this host."
        for key in (
            "customHandler.description.defaultExecutablePath",
            "extensions.durableTask.maxOrchestrationActions",
            "extensions.durableTask.storageProvider.controlQueueBatchSize",
            "extensions.http.hsts.isEnabled",
            "extensions.http.hsts.maxAge",
            "loggings",
        )
    )


def test_what_only_tunes_the_real_host_and_what_is_empty_is_passed_over(tmp_path: Path) -> None:
    content = {
        "version": "2.0",
        "extensions": {"durableTask": {"tracing": {"version": "V2"}, "storageProvider": {}}, "http": {}},
        "extensionBundle": {"id": "b", "version": "[4.*, 5.0.0)"},
        "logging": {"applicationInsights": {"samplingSettings": {"isEnabled": True}}},
        "concurrency": {},
    }

    assert read_host_json(write(tmp_path, content), {}).notes == ()


@pytest.mark.parametrize(
    ("key", "value", "used"),
    [
        (STORAGE + "controlQueueVisibilityTimeout", "00:00:59", "Here it is used as it is"),
        (STORAGE + "workItemQueueVisibilityTimeout", "01:00:01", "Here it is used as it is"),
        (STORAGE + "controlQueueBatchSize", 33, "Here it has no meaning"),
        (STORAGE + "controlQueueBufferThreshold", 0, "Here it has no meaning"),
        ("extensions.queues.batchSize", 33, "Here 32 is used"),
    ],
)
def test_a_value_with_which_azure_would_not_start_is_named_with_what_is_used_here(
    tmp_path: Path, key: str, value: object, used: str
) -> None:
    notes = read(tmp_path, key, value).notes

    [note] = [one for one in notes if "in Azure must be from" in one]
    assert key in note
    assert repr(value) in note
    assert used in note


@pytest.mark.parametrize("value", ["00:01:00", "01:00:00"])
def test_a_time_that_azure_takes_needs_no_word(tmp_path: Path, value: str) -> None:
    assert read(tmp_path, STORAGE + "controlQueueVisibilityTimeout", value).notes == ()


def test_comments_and_last_commas_are_read_as_the_host_reads_them(tmp_path: Path) -> None:
    text = '{ // a comment\n "version": "2.0", /* another */ "functionTimeout": "00:01:00",\n}'
    (tmp_path / "host.json").write_text(text, encoding="utf-8")

    assert read_host_json(tmp_path, {}).function_timeout_seconds == 60


def test_the_environment_overrides_a_key_whatever_its_case(tmp_path: Path) -> None:
    environment = {"AzureFunctionsJobHost__extensions__durabletask__HubName": "Other"}

    assert read(tmp_path, DURABLE + "hubName", "Mine", environment).hub_name == "Other"


def test_the_scheduler_s_hub_is_kept_in_storage_under_a_name_that_it_takes(tmp_path: Path) -> None:
    content = {"hubName": "my-hub", "storageProvider": {"type": "azureManaged", "connectionStringName": "DTS"}}

    settings = read(tmp_path, "extensions.durableTask", content)

    assert (settings.hub_name, settings.connection_name) == ("myhub", "AzureWebJobsStorage")
    assert "under the name 'myhub', as 'my-hub' is none that Azure Storage takes" in settings.notes[0]


@pytest.mark.parametrize(("most", "batch", "threshold"), [(1, 1, 0), (4, 2, 2), (5, 3, 2), (100, 32, 68)])
def test_as_many_blobs_run_at_once_as_host_json_says(tmp_path: Path, most: int, batch: int, threshold: int) -> None:
    # https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-blob#hostjson-settings
    options = read(tmp_path, "extensions.blobs.maxDegreeOfParallelism", most, {}).queues.for_blobs()

    assert (options.batch_size, options.new_batch_threshold) == (batch, threshold)


def test_queues_are_read_as_host_json_says(tmp_path: Path) -> None:
    # One message after the other, as the documentation of host.json says how to:
    # https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue#host-json
    content = {"version": "2.0", "extensions": {"queues": {"batchSize": 1, "newBatchThreshold": 0}}}

    queues = read_host_json(write(tmp_path, content), {}).queues

    assert (queues.batch_size, queues.new_batch_threshold) == (1, 0)
