"""Rows have the real host's columns, types and literal values, and its rows are read for what they mean."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from durable_engine import (
    NEVER,
    ExecutionStarted,
    GenericEvent,
    HistoryError,
    InstanceUpdate,
    OrchestrationInstance,
    TaskCompleted,
    TaskScheduled,
    TimerCreated,
    ticks_from_text,
)
from durable_host.task_hub.base.names import SENTINEL, unescape_key
from durable_host.task_hub.leases.partition_leases import PartitionLease, fresh_row, write_lease
from durable_host.task_hub.tables.history_rows import Row, event_to_row, row_to_event, sentinel_row
from durable_host.task_hub.tables.instance_rows import (
    InstanceQuery,
    filter_of,
    rewound_row,
    row_to_instance,
    started_row,
    updated_row,
)
from host.task_hub_recordings import INSTANT, RecordedWrite, as_sent, recorded_writes, scenarios, without_nulls

NOW = ticks_from_text(INSTANT)
WRITES = [write for scenario in scenarios() for write in recorded_writes(scenario)]
EVENTS = [w for w in WRITES if w.table == "GoldenHubHistory" and w.row["RowKey"] != SENTINEL and w.verb == "PUT"]
INSTANCES = [w for w in WRITES if w.table == "GoldenHubInstances"]


class ReadTime(datetime):
    """What the table client makes of a DateTime column."""

    tables_service_value = INSTANT


def as_read(row: dict[str, Any]) -> Row:
    """A recorded body as the table client gives the row back."""
    moment = ReadTime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    times = {column.removesuffix("@odata.type") for column in row if column.endswith("@odata.type")}
    return {
        column: moment if column in times else value
        for column, value in without_nulls(row).items()
        if not column.endswith("@odata.type")
    }


def is_rewritten_by_rewind(write: RecordedWrite) -> bool:
    return str(write.row.get("Reason", "")).startswith("Rewound: ")


def test_the_recordings_hold_rows_of_every_kind() -> None:
    kinds = Counter(write.row["EventType"] for write in EVENTS)

    assert sum(kinds.values()) > 250
    assert set(kinds) >= {
        "ExecutionStarted",
        "SubOrchestrationInstanceCreated",
        "TimerFired",
        "EventSent",
        "GenericEvent",
    }
    assert Counter(write.verb for write in INSTANCES).keys() == {"POST", "PATCH"}


OF_NEWER_EXTENSIONS = {"ParentInstanceId": ""}
"""What extension 3.19 writes beyond 3.15.2, of which the storage requests were recorded."""


@pytest.mark.parametrize("scenario", scenarios())
def test_every_recorded_history_row_is_written_again_column_by_column(scenario: str) -> None:
    for write in EVENTS:
        if write.scenario != scenario or is_rewritten_by_rewind(write):
            continue
        blobs = {column: name for column, name in write.row.items() if column.endswith("BlobName")}

        event = row_to_event(as_read(write.row))
        row = event_to_row(
            event,
            partition_key=write.row["PartitionKey"],
            position=int(write.row["RowKey"], 16),
            execution_id=write.row["ExecutionId"],
        )

        assert as_sent(row) | blobs == without_nulls(write.row)


def test_every_recorded_sentinel_is_written_again() -> None:
    sentinels = [write for write in WRITES if write.row["RowKey"] == SENTINEL]

    for write in sentinels:
        row = sentinel_row(
            partition_key=write.row["PartitionKey"], execution_id=write.row["ExecutionId"], completed_at=NOW
        )
        assert as_sent(row) == write.row
    assert {write.verb for write in sentinels} == {"POST", "PATCH"}


def test_a_sentinel_with_more_to_come_is_not_complete() -> None:
    row = sentinel_row(partition_key="i", execution_id="e", completed_at=None)

    assert row == {"PartitionKey": "i", "RowKey": "sentinel", "ExecutionId": "e", "IsCheckpointComplete": False}


@pytest.mark.parametrize("write", [w for w in INSTANCES if w.verb == "POST"], ids=lambda w: w.scenario)
def test_a_started_instances_row_is_the_recorded_one(write: RecordedWrite) -> None:
    event = ExecutionStarted(
        timestamp=NOW,
        instance=OrchestrationInstance(
            instance_id=unescape_key(write.row["PartitionKey"]), execution_id=write.row["ExecutionId"]
        ),
        name=write.row["Name"],
        input=write.row["Input"],
        generation=0,
    )

    row = started_row(event, hub="GoldenHub", now=NOW, input=event.input, input_blob_name=None)

    assert as_sent(row) == {**without_nulls(write.row), **OF_NEWER_EXTENSIONS}


@pytest.mark.parametrize("write", [w for w in INSTANCES if w.verb == "PATCH"], ids=lambda w: w.scenario)
def test_what_an_episode_merges_into_an_instances_row_is_what_was_recorded(write: RecordedWrite) -> None:
    recorded = write.row
    instance_id = unescape_key(recorded["PartitionKey"])
    if "CustomStatus" not in recorded:
        assert as_sent(rewound_row(instance_id, NOW)) == recorded
        return
    started = None
    if "CreatedTime" in recorded:
        started = ExecutionStarted(
            timestamp=NOW,
            instance=OrchestrationInstance(instance_id=instance_id, execution_id=recorded["ExecutionId"]),
            name=recorded["Name"],
            version=recorded["Version"],
            input=recorded["Input"],
            generation=recorded["Generation"],
        )
    is_merely_running = started is not None and recorded.get("RuntimeStatus") == "Running"
    update = InstanceUpdate(
        execution_id=recorded["ExecutionId"],
        last_updated_at=NOW,
        custom_status=None if recorded["CustomStatus"] == "null" else recorded["CustomStatus"],
        started=started,
        runtime_status=None if is_merely_running else recorded.get("RuntimeStatus"),
        output=recorded.get("Output"),
        is_completed="CompletedTime" in recorded,
    )

    row = updated_row(
        instance_id,
        update,
        hub="GoldenHub",
        completed_at=NOW,
        input=recorded.get("Input"),
        output=recorded.get("Output"),
    )

    assert as_sent(row) == {**without_nulls(recorded), **({} if started is None else OF_NEWER_EXTENSIONS)}


def test_partition_rows_are_the_recorded_ones() -> None:
    writes = [w for w in recorded_writes("start_up") if w.table == "GoldenHubPartitions"]
    queue = writes[0].row["RowKey"]
    claimed = next(w for w in writes if w.verb == "PUT" and w.row["RowKey"] == queue)

    lease = PartitionLease(queue=queue, current_owner="<machine>", owned_since=NOW, last_renewal=NOW, expires_at=NOW)

    assert as_sent(fresh_row(queue)) == without_nulls(writes[0].row)
    assert as_sent(write_lease(lease)) == without_nulls(claimed.row)


def test_rows_keep_every_tick_of_a_time() -> None:
    event = TimerCreated(timestamp=NOW + 1, event_id=3, fire_at=NOW + 3)

    row = event_to_row(event, partition_key="i", position=0, execution_id="e")

    assert as_sent(row)["FireAt"] == "2026-01-02T03:04:05.6789015Z"
    assert as_sent(row)["_Timestamp"] == "2026-01-02T03:04:05.6789013Z"


def test_a_row_of_an_older_host_has_fewer_columns_and_reads_as_defaults() -> None:
    row = {"PartitionKey": "a^2b", "RowKey": "0", "_Timestamp": datetime(2026, 1, 2, tzinfo=UTC)}

    started = row_to_event({**row, "EventType": "ExecutionStarted", "ExecutionId": "e", "Name": "orch"})
    scheduled = row_to_event({**row, "EventType": "TaskScheduled", "Novelty": 5})
    timer = row_to_event({**row, "EventType": "TimerCreated"})

    assert isinstance(started, ExecutionStarted)
    assert started.instance == OrchestrationInstance(instance_id="a#b", execution_id="e")
    assert (started.parent, started.tags, started.generation) == (None, None, None)
    assert scheduled == TaskScheduled(timestamp=started.timestamp, name="", version=None)
    assert timer == TimerCreated(timestamp=started.timestamp, fire_at=NEVER)


def test_a_row_struck_out_by_a_rewind_reads_as_nothing_to_replay() -> None:
    rewritten = [write for write in EVENTS + WRITES if is_rewritten_by_rewind(write)]

    events = [row_to_event(as_read(write.row)) for write in rewritten]

    assert len(events) >= 3
    assert all(isinstance(event, GenericEvent) and event.data is None for event in events)


@pytest.mark.parametrize(
    "columns",
    [
        {"EventType": "Novelty"},
        {"EventType": "TaskCompleted", "_Timestamp": None},
        {"EventType": "ExecutionCompleted", "OrchestrationStatus": "Odd"},
        {"EventType": "ExecutionStarted", "ParentInstance": "{"},
        {"EventType": "ExecutionStarted", "ParentInstance": "[" * 100_000},
        {"EventType": "ExecutionStarted", "Tags": "5"},
        {"EventType": "ExecutionStarted", "Name": b"waits"},
        {"EventType": "ExecutionStarted", "Version": 5},
    ],
)
def test_a_row_that_means_nothing_here_is_named(columns: dict[str, Any]) -> None:
    row = {"PartitionKey": "a^2b", "RowKey": "000A", "_Timestamp": datetime(2026, 1, 2, tzinfo=UTC), **columns}

    with pytest.raises(HistoryError, match=r"'000A' of instance 'a#b'"):
        row_to_event(row)


def test_an_instance_row_reads_the_text_null_as_none() -> None:
    row = {"PartitionKey": "i", "CustomStatus": "null", "Tags": "null", "Output": "null", "RuntimeStatus": "Completed"}

    instance, problems = row_to_instance(row, etag="x")

    assert (instance.custom_status, instance.tags, instance.output) == (None, None, "null")
    assert problems == ()


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (InstanceQuery(), "RowKey eq ''"),
        (InstanceQuery(id_prefix="a#"), "(PartitionKey ge 'a^2') and (PartitionKey lt 'a^3')"),
        (InstanceQuery(entities_only=True), "(PartitionKey ge '@') and (PartitionKey lt 'A')"),
        (InstanceQuery(entity_name="Counter"), "(PartitionKey ge '@counter@') and (PartitionKey lt '@counterA')"),
        (
            InstanceQuery(created_from=NOW, statuses=("Running", "Failed"), id_prefix="o'x"),
            f"(CreatedTime ge datetime'{INSTANT}') and (RuntimeStatus eq 'Running' or RuntimeStatus eq 'Failed')"
            " and (PartitionKey ge 'o''x') and (PartitionKey lt 'o''y')",
        ),
    ],
)
def test_queries_are_the_real_hosts(query: InstanceQuery, text: str) -> None:
    assert filter_of(query) == text


def test_a_result_of_none_takes_no_column() -> None:
    event = TaskCompleted(timestamp=NOW, task_scheduled_id=0, result=None)

    assert "Result" not in event_to_row(event, partition_key="i", position=0, execution_id="e")
